"""Serving ASGI applications with uvicorn from a thread, on sockets that are already bound.

This module owns state: each `HttpService` has a thread with an event loop of its own.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Final

import uvicorn

from agentotel.local.http_protocol import ImpatientProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from starlette.types import ASGIApp

_KEEP_ALIVE_S: Final = 30
_GRACE_S: Final = 3
_MAX_CONNECTIONS: Final = 256


class HttpService:
    """Serves several applications in one event loop.

    Args:
        applications: Each with the listening socket that it is served on.
    """

    def __init__(self, applications: Sequence[tuple[ASGIApp, socket.socket]]) -> None:
        self._servers = [(_server(application), listener) for application, listener in applications]
        self._started = threading.Semaphore(0)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="agentotel-http", daemon=True)

    def start(self) -> None:
        """Begin to answer; return when all applications do.

        Raises:
            RuntimeError: The event loop did not come up.
        """
        self._thread.start()
        for _ in self._servers:
            self._started.acquire()
        if self._failure is not None:
            raise RuntimeError("the HTTP service did not start") from self._failure

    def stop(self) -> None:
        """Let running requests end, for a few seconds at most, then close all connections."""
        for server, _ in self._servers:
            server.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = error
            self._started.release(len(self._servers))

    async def _serve(self) -> None:
        await asyncio.gather(*(self._serve_one(server, listener) for server, listener in self._servers))

    async def _serve_one(self, server: uvicorn.Server, listener: socket.socket) -> None:
        serving = asyncio.ensure_future(server.serve([listener]))
        while not server.started and not serving.done():  # noqa: ASYNC110 - a few turns; uvicorn has no event for it
            await asyncio.sleep(0)
        self._started.release()
        await serving


def _server(application: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            application,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,  # the program's logging is its own
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
            limit_concurrency=_MAX_CONNECTIONS,
        )
    )
