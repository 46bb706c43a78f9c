"""What is prepared once is posted as the library itself would post it each time."""

from __future__ import annotations

import pytest
import requests

from agentotel.distro.otlp.posting import Poster

TIMEOUT_S = 10.0


@pytest.fixture
def session():
    """Give a session that is closed at the end."""
    with requests.Session() as made:
        yield made


def posted(poster, data, *, is_last=False):
    """Post and return the status."""
    with poster.post(data, TIMEOUT_S, is_last=is_last) as response:
        assert response.content == b""  # a connection whose answer was read is kept
        return response.status_code


def test_what_arrives_is_what_the_session_itself_would_have_sent(receiver, session):
    """Each header of it, for bodies of any size."""
    session.headers["x-session"] = "s"
    poster = Poster(receiver.url + "/v1/traces", session, {"x-key": "k"})
    bodies = [b"first", b"", b"x" * 100_000]
    assert [posted(poster, body) for body in bodies] == [200, 200, 200]
    for body in bodies:
        session.post(receiver.url + "/v1/traces", data=body, headers={"x-key": "k"}, timeout=TIMEOUT_S)
    assert receiver.bodies == bodies * 2
    assert receiver.headers[:3] == receiver.headers[3:]
    assert receiver.connections == 1


def test_the_last_one_says_so(receiver, session):
    """So that no connection stays open."""
    poster = Poster(receiver.url, session, {})
    posted(poster, b"x")
    posted(poster, b"x", is_last=True)
    assert [headers["Connection"] for headers in receiver.headers] == ["keep-alive", "close"]


def test_changed_headers_of_the_session_count(receiver, session):
    """Whoever renews a token sets them."""
    poster = Poster(receiver.url, session, {})
    for token in ("old", "old", "new"):
        session.headers["Authorization"] = token
        posted(poster, b"x")
    assert [headers["Authorization"] for headers in receiver.headers] == ["old", "old", "new"]


def test_authentication_sees_each_body(receiver, session):
    """It may sign it; and it is asked once for each request."""
    asked = []

    def sign(request):
        asked.append(request.body)
        request.headers["x-signature"] = str(len(request.body))
        return request

    session.auth = sign
    poster = Poster(receiver.url, session, {})
    posted(poster, b"1")
    posted(poster, b"333")
    assert asked == [b"1", b"333"]
    assert [headers["x-signature"] for headers in receiver.headers] == ["1", "3"]


def test_cookies_of_the_receiver_are_sent_back(receiver, session):
    """A load balancer keeps clients at one of its servers by them."""
    receiver.answers = [(200, {"Set-Cookie": "server=7"}, b""), (200, {}, b"")]
    poster = Poster(receiver.url, session, {})
    posted(poster, b"x")
    posted(poster, b"x")
    assert [headers.get("Cookie") for headers in receiver.headers] == [None, "server=7"]


def test_a_session_that_prepares_requests_itself_does_so(receiver):
    """Those of credential providers renew their tokens there."""

    class Renewing(requests.Session):
        def request(self, *args, **kwargs):
            kwargs["headers"] = {**kwargs["headers"], "Authorization": "renewed"}
            return super().request(*args, **kwargs)

    with Renewing() as session:
        poster = Poster(receiver.url, session, {"x-key": "k"})
        posted(poster, b"x")
        posted(poster, b"x", is_last=True)
    assert [headers["Authorization"] for headers in receiver.headers] == ["renewed"] * 2
    assert [headers["Connection"] for headers in receiver.headers] == ["keep-alive", "close"]


def test_a_proxy_of_the_environment_is_used(receiver, session, monkeypatch):
    """The proxy is given the whole address."""
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", receiver.url)
    poster = Poster("http://collector.example:4318/v1/traces", session, {})
    assert [posted(poster, b"1"), posted(poster, b"2")] == [200, 200]
    assert receiver.bodies == [b"1", b"2"]
    assert receiver.headers[0]["Host"] == "collector.example:4318"


def test_certificates_of_the_environment_are_used(session, monkeypatch, tmp_path):
    """As the library does where the session names none."""
    authorities = tmp_path / "authorities.pem"
    authorities.write_text("")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authorities))
    sent = {}
    monkeypatch.setattr(requests.Session, "send", lambda _, request, **settings: sent.update(settings))
    Poster("https://collector.example/v1/traces", session, {}).post(b"x", TIMEOUT_S, is_last=False)
    assert sent["verify"] == str(authorities)


def test_a_user_in_netrc_is_used(receiver, session, monkeypatch, tmp_path):
    """As the library does."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    poster = Poster(receiver.url, session, {})
    posted(poster, b"1")
    posted(poster, b"2")
    assert [headers["Authorization"] for headers in receiver.headers] == ["Basic dXNlcjpzZWNyZXQ="] * 2
