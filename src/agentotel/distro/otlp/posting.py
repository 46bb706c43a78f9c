"""Posts bodies to one address through a session of `requests`; what is the same each time is prepared once.

To prepare a request costs that library several times what it costs to send it: among other things it goes through all
environment variables twice, in search of proxies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response, Session

_CLOSE: Final = {"Connection": "close"}


class Poster:
    """Posts bodies to one address.

    Proxies, certificates and ``.netrc`` are those of the environment when the first body is posted. A session that
    prepares its requests itself (that of a credential provider may), or that the receiver has given cookies, prepares
    each of them.

    State: the prepared request, with the settings that go with it.

    Args:
        url: The address.
        session: What sends.
        headers: Besides those of the session.
    """

    def __init__(self, url: str, session: Session, headers: Mapping[str, str]) -> None:
        self._url = url
        self._session = session
        self._headers = headers
        self._prepared: PreparedRequest | None = None
        self._settings: Mapping[str, Any] = {}
        self._prepared_with: object = None

    def post(self, data: bytes, timeout_s: float, *, is_last: bool) -> Response:
        """Post `data`; return the answer, whose body has not been read. It is to be closed.

        Args:
            data: The body.
            timeout_s: How long to wait for the connection, and for the next byte of the answer, in seconds.
            is_last: Whether the receiver is told that the connection is not needed any more.

        Raises:
            requests.RequestException: There was no answer.
        """
        from requests import Session  # noqa: PLC0415 - see `agentotel.distro.otlp.delivery`

        session = self._session
        if type(session) is not Session or session.cookies:
            headers = {**self._headers, **_CLOSE} if is_last else self._headers
            return session.request(
                "POST", self._url, data=data, headers=headers, timeout=timeout_s, allow_redirects=False, stream=True
            )
        request = self._template(session).copy()
        request.prepare_body(data, None)
        if session.auth:
            request.prepare_auth(session.auth)  # last: it may sign the body
        if is_last:
            request.headers.update(_CLOSE)
        return session.send(request, timeout=timeout_s, allow_redirects=False, **self._settings)

    def _template(self, session: Session) -> PreparedRequest:
        """Return the request without its body: made again where somebody has changed the session's headers."""
        headers = tuple(session.headers.items())
        if self._prepared is None or headers != self._prepared_with:
            from requests import Request  # noqa: PLC0415 - as above

            auth = _unchanged if session.auth else None
            prepared = session.prepare_request(Request("POST", self._url, dict(self._headers), auth=auth))
            self._settings = session.merge_environment_settings(prepared.url or self._url, {}, True, None, None)  # noqa: FBT003 - the library's signature
            self._prepared, self._prepared_with = prepared, headers
        return self._prepared


def _unchanged(request: PreparedRequest) -> PreparedRequest:
    """Leave the request without authentication for now."""
    return request
