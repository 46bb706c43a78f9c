"""The three signals of OTLP as data: what both receivers need to know of each."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from agentotel.local import otlp_json
from agentotel.local.decode_logs import decode_logs
from agentotel.local.decode_metrics import decode_metrics
from agentotel.local.decode_traces import decode_traces
from agentotel.local.errors import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentotel.local.batch import Batch


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of OTLP.

    Attributes:
        path: Where OTLP/HTTP posts it.
        service: The full name of its gRPC service.
        request: Its request message.
        response: Its response message.
        rejected: The field of the partial success that counts what was refused.
        decode: Makes rows of a request.
    """

    path: str
    service: str
    request: type[Message]
    response: type[Message]
    rejected: str
    decode: Callable[[Any, int], Batch]

    def read(self, body: bytes, *, as_json: bool = False) -> Batch:
        """Return the rows of an encoded request, received now.

        Raises:
            MalformedError: It is not a request of this signal in this encoding.
            TooLargeError: It holds too many items.
        """
        request = self.request()
        if as_json:
            otlp_json.parse(body, request)
        else:
            try:
                request.ParseFromString(body)
            except DecodeError as error:
                raise MalformedError(f"not a protobuf {request.DESCRIPTOR.name}: {error}") from error
        return self.decode(request, time.time_ns())

    def answer(self, batch: Batch) -> Message:
        """Return the response to a request whose rows are stored."""
        response: Any = self.response()
        if batch.refused:
            setattr(response.partial_success, self.rejected, batch.refused)
            response.partial_success.error_message = batch.refusal_message()
        return response  # type: ignore[no-any-return]


_SERVICE = "opentelemetry.proto.collector.{}.v1.{}Service"

SIGNALS: Final = (
    Signal(
        "/v1/traces",
        _SERVICE.format("trace", "Trace"),
        trace_service_pb2.ExportTraceServiceRequest,
        trace_service_pb2.ExportTraceServiceResponse,
        "rejected_spans",
        decode_traces,
    ),
    Signal(
        "/v1/metrics",
        _SERVICE.format("metrics", "Metrics"),
        metrics_service_pb2.ExportMetricsServiceRequest,
        metrics_service_pb2.ExportMetricsServiceResponse,
        "rejected_data_points",
        decode_metrics,
    ),
    Signal(
        "/v1/logs",
        _SERVICE.format("logs", "Logs"),
        logs_service_pb2.ExportLogsServiceRequest,
        logs_service_pb2.ExportLogsServiceResponse,
        "rejected_log_records",
        decode_logs,
    ),
)
