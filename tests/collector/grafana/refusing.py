"""Backends that refuse for good whatever they are sent, and addresses at which nobody is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import grpc

from backend_programs import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator


class _BadRequest(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Read it all, and refuse it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_error(400)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _InvalidArgument(grpc.GenericRpcHandler):  # type: ignore[misc]
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Refuse every call, whatever its method."""
        del handler_call_details
        return grpc.unary_unary_rpc_method_handler(
            lambda _, context: context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        )


@contextmanager
def refusing_backends() -> Iterator[dict[str, str]]:
    """Yield the variables of a Collector whose backends answer that the data is wrong, which no retry mends."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _BadRequest)
    Thread(target=http.serve_forever, daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(2), handlers=[_InvalidArgument()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield {
            "JAEGER_OTLP_ENDPOINT": f"127.0.0.1:{port}",
            "PROMETHEUS_OTLP_ENDPOINT": url,
            "LOKI_OTLP_ENDPOINT": url,
        }
    finally:
        server.stop(None).wait()
        http.shutdown()
        http.server_close()


def absent_backends() -> dict[str, str]:
    """Return the variables of a Collector at whose backends nobody is."""
    return {
        "JAEGER_OTLP_ENDPOINT": f"127.0.0.1:{free_port()}",
        "PROMETHEUS_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "LOKI_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }


SMALL_QUEUES = "yaml:" + json.dumps(
    {
        "exporters": {
            name: {"sending_queue": {"queue_size": 2000, "batch": {"min_size": 500, "max_size": 1000}}}
            for name in ("otlp_grpc/jaeger", "otlp_http/prometheus", "otlp_http/loki")
        }
    }
)
"""A configuration on top of another one: its queues hold next to nothing."""
