"""A TCP proxy on loopback that is slow, or lets nothing through until it is told to."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

_PIECE = 65_536


class Gate:
    """Passes connections on to a port; use it as a context manager.

    Args:
        port: Where it passes them on to, on loopback.
        delay_s: Seconds that every piece of data waits on its way there.

    Attributes:
        passed: How many bytes have gone there.
    """

    def __init__(self, port: int, delay_s: float = 0.0) -> None:
        self.passed = 0
        self._to = port
        self._delay_s = delay_s
        self._open = threading.Event()
        self._open.set()
        self._waiting = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.getsockname()[1]

    @property
    def address(self) -> str:
        """The same as ``host:port``."""
        return f"127.0.0.1:{self.port}"

    def hold(self) -> None:
        """Let nothing through from now on; what arrives waits."""
        self._waiting.clear()
        self._open.clear()

    def wait_for_arrival(self, timeout_s: float = 30) -> None:
        """Wait until something waits to be let through."""
        assert self._waiting.wait(timeout_s), "nothing has arrived"

    def release(self) -> None:
        """Let everything through."""
        self._open.set()

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                self._sockets.append(here)
                try:
                    there = socket.create_connection(("127.0.0.1", self._to))
                except OSError:  # nobody is there: neither is this connection
                    here.close()
                    continue
                self._sockets.append(there)
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()
                threading.Thread(target=self._pass_back, args=(there, here), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while piece := here.recv(_PIECE):
                time.sleep(self._delay_s)
                if not self._open.is_set():
                    self._waiting.set()
                    self._open.wait()
                there.sendall(piece)
                self.passed += len(piece)
            there.shutdown(socket.SHUT_WR)

    def _pass_back(self, there: socket.socket, here: socket.socket) -> None:
        with suppress(OSError):
            while piece := there.recv(_PIECE):
                here.sendall(piece)
            here.shutdown(socket.SHUT_WR)
