"""uvicorn's HTTP protocol with one addition: a client that is slow to send its headers is disconnected.

uvicorn limits the time between requests, but not the time that a request's head takes to arrive, so that clients which
send one byte a minute would pile up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

HEADER_TIMEOUT_S: Final = 10.0


class ImpatientProtocol(H11Protocol):
    """Closes a connection that holds no running request for longer than `header_timeout_s`."""

    header_timeout_s = HEADER_TIMEOUT_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Start the time for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Handle data; stop the time when it completes a head, start it when it begins another."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time."""
        self._stop_watching()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self._running():
            self._stop_watching()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.header_timeout_s, self._give_up)

    def _running(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn's type says
        return cycle is not None and not cycle.response_complete

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self._running():
            self.transport.close()
