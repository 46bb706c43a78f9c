"""A scripted model server that speaks the OpenAI protocol on loopback, for the demo and for tests."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentotel.demo.model_replies import (
    FunctionCall,
    Reply,
    completion,
    completion_stream,
    embeddings,
    failure,
    rate_limited,
)
from agentotel.demo.model_responses import response, response_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

__all__ = [
    "FunctionCall",
    "ModelRequest",
    "ModelServer",
    "Reply",
    "completion",
    "completion_stream",
    "embeddings",
    "failure",
    "rate_limited",
    "response",
    "response_stream",
    "scripted",
]

MAX_HOLD_S = 60.0
"""How long a held reply waits at most, in seconds: a forgotten event cannot keep a thread for ever."""


@dataclass(frozen=True)
class ModelRequest:
    """One request that the server has received.

    Attributes:
        path: Path without the query, such as ``/v1/chat/completions``.
        body: The decoded JSON body; empty for a request without one.
        headers: Headers by lower-case name.
        number: How many requests came before this one.
    """

    path: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    number: int


def scripted(*replies: Reply) -> Callable[[ModelRequest], Reply]:
    """Return a ``respond`` that gives `replies` in order, and the last one again and again."""
    return lambda request: replies[min(request.number, len(replies) - 1)]


class ModelServer:
    """Serves scripted answers on 127.0.0.1 in threads of its own; use it as a context manager.

    Args:
        respond: Makes the answer to a request. Called in the connection's thread; what it raises is a 500.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(self, respond: Callable[[ModelRequest], Reply], port: int = 0) -> None:
        """Prepare a server; `start` binds the port."""
        self.requests: list[ModelRequest] = []
        self._respond = respond
        self._port = port
        self._arrived = threading.Condition()
        self._http: _HttpServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that the server listens on, or was told to listen on while it is not running."""
        return self._http.server_port if self._http else self._port

    @property
    def url(self) -> str:
        """Base URL for a client, such as ``http://127.0.0.1:8080/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Bind the port and serve until `stop`.

        Raises:
            OSError: The port is in use.
        """
        self._http = _HttpServer(self._port, self.answer)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and drop the connections that are open. Stopping twice does nothing."""
        if self._http is None or self._thread is None:
            return
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._http = self._thread = None

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def wait_for_requests(self, count: int, timeout_s: float = 10.0) -> None:
        """Wait until `count` requests have arrived, answered or not.

        Raises:
            TimeoutError: They did not arrive within `timeout_s` seconds.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self.requests)} of {count} requests arrived within {timeout_s} s")

    def answer(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        """Record a request and return the scripted answer to it."""
        with self._arrived:
            request = ModelRequest(path, body, headers, len(self.requests))
            self.requests.append(request)
            self._arrived.notify_all()
        try:
            return self._respond(request)
        except Exception as error:  # noqa: BLE001 - an error in a script has to reach whoever runs the client
            return Reply(500, {"error": {"type": "script_error", "message": f"{type(error).__name__}: {error}"}})


class _HttpServer(ThreadingHTTPServer):
    """The listening socket, which also knows the open connections so that it can drop them."""

    request_queue_size = 128  # with the default of 5, clients that connect at the same time wait a second

    def __init__(self, port: int, answer: Callable[[str, dict[str, Any], Mapping[str, str]], Reply]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that go away in the middle are part of every script."""

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = _json_object(raw or b"{}")
        if body is None:
            self._send(failure(400, "invalid_request_error", "the body is not a JSON object"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        with suppress(ConnectionError):
            self._send(self.server.answer(urlsplit(self.path).path, body, headers))

    do_GET = do_POST  # noqa: N815 - the name that the base class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Keep the terminal of the demo clean."""

    def _send(self, reply: Reply) -> None:
        if reply.hold_after == 0:
            _wait(reply)
        time.sleep(reply.delay_s)
        if reply.cut_after == 0:
            self.close_connection = True
        elif reply.chunks is not None:
            self._send_stream(reply)
        else:
            body = json.dumps(reply.body or {}).encode()
            self._start(reply, {"Content-Type": "application/json", "Content-Length": str(len(body))})
            self.wfile.write(body)

    def _send_stream(self, reply: Reply) -> None:
        self._start(reply, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        for number, event in enumerate(_events(reply)):
            if number and number == reply.hold_after:
                _wait(reply)
            if number == reply.cut_after:
                self.close_connection = True
                return
            time.sleep(reply.chunk_delay_s)
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def _start(self, reply: Reply, headers: Mapping[str, str]) -> None:
        self.send_response(reply.status)
        for name, value in {"x-request-id": "req_demo", **headers, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()


def _events(reply: Reply) -> Iterator[bytes]:
    for chunk in reply.chunks or ():
        name = chunk.get("type") if isinstance(chunk, dict) else None
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        yield (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()


def _wait(reply: Reply) -> None:
    if reply.hold is not None:
        reply.hold.wait(MAX_HOLD_S)


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(raw)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
