"""Stands for the backends of a Collector: takes OTLP over gRPC (traces) and HTTP (metrics, logs), and keeps it.

Its gRPC server takes messages of 4 MiB, as Jaeger's does: a larger batch is refused as there.
"""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import (
    LogsServiceServicer,
    add_LogsServiceServicer_to_server,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


class Sink:
    """A backend for all signals, ready when its ``with`` block is entered.

    Attributes:
        requests: What arrived, in its order: requests of OTLP for traces, metrics and logs.
    """

    def __init__(self) -> None:
        """Take free loopback ports."""
        self.requests: list[Any] = []
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        keep = self.requests.append
        add_TraceServiceServicer_to_server(_service(TraceServiceServicer, keep), self._grpc)
        add_MetricsServiceServicer_to_server(_service(MetricsServiceServicer, keep), self._grpc)
        add_LogsServiceServicer_to_server(_service(LogsServiceServicer, keep), self._grpc)
        self.grpc_address = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(keep))
        self.http_url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Sink:  # noqa: PYI034 - typing.Self is newer than Python 3.10
        """Start to listen."""
        self._grpc.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._grpc.stop(None).wait()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def environment(self) -> dict[str, str]:
        """Return the variables that make a Collector send everything here."""
        return {
            "JAEGER_OTLP_ENDPOINT": self.grpc_address,
            "GATEWAY_ENDPOINT": self.grpc_address,
            "PROMETHEUS_OTLP_ENDPOINT": self.http_url,
            "LOKI_OTLP_ENDPOINT": self.http_url,
        }

    def spans(self) -> list[Any]:
        """Return all spans that have arrived."""
        return [
            span
            for request in self._of(ExportTraceServiceRequest)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def span(self, name: str) -> Any:
        """Return the span of a name; None while it has not arrived."""
        return next((span for span in self.spans() if span.name == name), None)

    def logs(self) -> list[Any]:
        """Return all log records that have arrived."""
        return [
            record
            for request in self._of(ExportLogsServiceRequest)
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def metrics(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Return the metrics of a name in their order: the attributes of the resource, and the metric."""
        return [
            (plain(resource.resource.attributes), metric)
            for request in self._of(ExportMetricsServiceRequest)
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
        ]

    def everything(self) -> str:
        """Return all that has arrived as text, to look for what must not be in it."""
        return "\n".join(str(request) for request in list(self.requests))

    def _of(self, kind: type) -> list[Any]:
        return [request for request in list(self.requests) if isinstance(request, kind)]


def plain(attributes: Any) -> dict[str, Any]:
    """Return attributes of OTLP as a plain mapping."""
    return {it.key: _value(it.value) for it in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(it) for it in value.array_value.values]
    return getattr(value, kind) if kind else None


def _service(base: type, keep: Any) -> Any:
    class Service(base):  # type: ignore[misc] - one of three generated classes
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the name of the protocol
            keep(request)
            return ExportTraceServiceResponse()  # an empty message, the same for all three

    return Service()


def _handler(keep: Any) -> type[BaseHTTPRequestHandler]:
    kinds = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            keep(kinds.get(self.path, ExportLogsServiceRequest).FromString(body))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
