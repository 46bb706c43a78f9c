"""Keeps web pages out: a page that the user visits can reach loopback ports, and must not read or write telemetry.

DNS rebinding is stopped by the Host header (it must be an address of this machine, not a name that somebody else
controls), cross-site requests by Origin and Sec-Fetch-Site. There is no CORS: what a page may not do by default it may
not do here.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_LOCAL_NAMES: Final = frozenset({"localhost", "host.docker.internal"})


class BrowserGuard:
    """ASGI middleware that answers 403 to what comes from a web page of another origin.

    Args:
        app: The application behind it.
        host: The address that is listened on. A loopback address admits only loopback Host headers, any other one
            admits every IP address and the name itself.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._host = host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or hand it on."""
        reason = self._reason(Headers(scope=scope)) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"code": 7, "message": reason}, status_code=403)(scope, receive, send)

    def _reason(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if not self._admits(_hostname(host)):
            return "the Host header must be the address of this machine, such as 127.0.0.1 or localhost"
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            return "requests from web pages of another origin are refused"
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return "requests from web pages of another site are refused"
        return None

    def _admits(self, name: str) -> bool:
        if name in _LOCAL_NAMES or (name and name == self._host):
            return True
        address = ip_address(name)
        return address is not None and (address.is_loopback or not is_loopback(self._host))


def is_loopback(host: str) -> bool:
    """Say whether only programs of this machine can reach `host`."""
    address = ip_address(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return `host` as an address, None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
