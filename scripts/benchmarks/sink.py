"""A Collector that takes everything and keeps nothing, in a process of its own; it ends when its input does.

POST /VARIANT/v1/traces is answered with 200 and its spans are counted; GET / says how many came from whom.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

LARGEST_BODY: Final = 64 * 2**20
"""Bytes."""
LONGEST_LIFE_S: Final = 3600.0

_received: defaultdict[str, Counter[str]] = defaultdict(Counter)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self.close_connection = True
            self._answer(413, b"")
            return
        body = self.rfile.read(length)
        variant, _, signal = self.path.strip("/").partition("/")
        counted = _received[variant]
        counted["requests"] += 1
        counted["bytes"] += length
        if signal == "v1/traces":
            counted["spans"] += _spans(gzip.decompress(body) if self.headers.get("Content-Encoding") else body)
        # Only now: whoever asks after a flush must find everything counted.
        self._answer(200, b"")

    def do_GET(self) -> None:
        self._answer(200, json.dumps(_received).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _spans(body: bytes) -> int:
    request = ExportTraceServiceRequest.FromString(body)
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)


def main() -> None:
    """Serve until the input ends or the longest life is over."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=_stop_after_input, args=(server,), daemon=True).start()
    too_long = threading.Timer(LONGEST_LIFE_S, server.shutdown)
    too_long.daemon = True
    too_long.start()
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}) + "\n")
    sys.stdout.flush()
    server.serve_forever(0.1)


def _stop_after_input(server: ThreadingHTTPServer) -> None:
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
