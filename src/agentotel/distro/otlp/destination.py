"""Where OTLP over HTTP goes, and how: taken from OpenTelemetry's own exporter, which has read it from the environment.

So every setting of that exporter counts, credential providers included, in the way of the version that is installed.
"""
# ruff: noqa: SLF001 - the exporter keeps its configuration to itself; where it is not found, that exporter is used

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Session


class Destination(NamedTuple):
    """One endpoint.

    Attributes:
        url: For one signal.
        session: With the certificates of the server and of this client.
        headers: Besides those of the session.
        compression: ``none``, ``gzip`` or ``deflate``.
        timeout_s: Seconds that a request may take, retries included.
    """

    url: str
    session: Session
    headers: Mapping[str, str]
    compression: str
    timeout_s: float


def destination_of(exporter: Any) -> Destination | None:
    """Return where `exporter` sends to, None where it is of a version that does not say.

    Args:
        exporter: Of ``opentelemetry.exporter.otlp.proto.http``.
    """
    try:
        client = getattr(exporter, "_client", None)
        return _of_exporter(exporter) if client is None else _of_client(client)
    except AttributeError:
        return None


def _of_client(client: Any) -> Destination:
    """As from 1.45 on."""
    compression = client._compression.value
    return Destination(client._endpoint, client._transport._session, client._headers, compression, client._timeout)


def _of_exporter(exporter: Any) -> Destination:
    """As up to 1.44."""
    session = exporter._session
    session.verify, session.cert = exporter._certificate_file, exporter._client_cert
    return Destination(exporter._endpoint, session, {}, exporter._compression.value, exporter._timeout)
