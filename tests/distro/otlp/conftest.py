"""A receiver of OTLP over HTTP that answers as it is told."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Receiver:
    """Answers each request by the next of its answers, the last one for ever; remembers what it was sent."""

    def __init__(self, url):
        self.url = url
        self.answers = [(200, {}, b"")]
        self.bodies = []
        self.headers = []
        self.connections = 0


@pytest.fixture
def receiver(monkeypatch):
    """Start one on a free port of the loopback interface."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            made.connections += 1

        def do_POST(self):
            made.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            made.headers.append(dict(self.headers))
            status, headers, body = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        made = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield made
        server.shutdown()
        thread.join()
