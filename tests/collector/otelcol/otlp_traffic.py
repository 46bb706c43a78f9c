"""Spans, metrics and log records as other programs send them by OTLP, and the way to a Collector."""

from __future__ import annotations

import secrets
import time
import urllib.request
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint, Sum
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

SERVICE = {"service.name": "shop", "service.instance.id": "shop-1"}
NS = 1_000_000_000
_CUMULATIVE = 2
_NO_LIMIT = [("grpc.max_send_message_length", -1)]


def new_trace() -> bytes:
    """Return a trace id that nobody has used."""
    return secrets.token_bytes(16)


def span(
    name: str,
    attributes: dict[str, Any] | None = None,
    *,
    trace: bytes | None = None,
    parent: bytes = b"",
    seconds: float = 0.01,
    error: str | None = None,
    events: tuple[tuple[str, dict[str, Any]], ...] = (),
) -> Span:
    """Return a span that ended now.

    Args:
        name: Its name.
        attributes: Its attributes.
        trace: The id of its trace; its own trace by default.
        parent: The id of its parent; it is a root by default.
        seconds: How long it took.
        error: The message of its status ERROR.
        events: Its events: name and attributes.
    """
    end = time.time_ns()
    return Span(
        trace_id=trace or new_trace(),
        span_id=secrets.token_bytes(8),
        parent_span_id=parent,
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=end - int(seconds * NS),
        end_time_unix_nano=end,
        attributes=attributes_of(attributes),
        status=Status() if error is None else Status(code=Status.STATUS_CODE_ERROR, message=error),
        events=[
            Span.Event(time_unix_nano=end, name=event, attributes=attributes_of(values)) for event, values in events
        ],
    )


def spans(*items: Span, resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    """Return the request that a program sends for its spans."""
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add(resource=Resource(attributes=attributes_of(resource or SERVICE)))
    block.scope_spans.add().spans.extend(items)
    return request


def logs(*bodies: Any, attributes: dict[str, Any] | None = None) -> ExportLogsServiceRequest:
    """Return the request that a program sends for log records of these bodies."""
    request = ExportLogsServiceRequest()
    block = request.resource_logs.add(resource=Resource(attributes=attributes_of(SERVICE)))
    records = [
        LogRecord(time_unix_nano=time.time_ns(), body=_any(body), attributes=attributes_of(attributes))
        for body in bodies
    ]
    block.scope_logs.add().log_records.extend(records)
    return request


def counter(name: str, value: int, attributes: dict[str, Any], resource: dict[str, Any]) -> ExportMetricsServiceRequest:
    """Return the request that a program sends for a counter."""
    now = time.time_ns()
    point = NumberDataPoint(
        start_time_unix_nano=now - NS, time_unix_nano=now, as_int=value, attributes=attributes_of(attributes)
    )
    total = Sum(data_points=[point], aggregation_temporality=_CUMULATIVE, is_monotonic=True)
    request = ExportMetricsServiceRequest()
    block = request.resource_metrics.add(resource=Resource(attributes=attributes_of(resource)))
    block.scope_metrics.add().metrics.append(Metric(name=name, sum=total))
    return request


def send(collector: Any, request: Any) -> None:
    """Send a request to a Collector by gRPC, over a connection of its own."""
    stubs = {
        ExportTraceServiceRequest: TraceServiceStub,
        ExportMetricsServiceRequest: MetricsServiceStub,
        ExportLogsServiceRequest: LogsServiceStub,
    }
    with grpc.insecure_channel(f"127.0.0.1:{collector.grpc_port}", options=_NO_LIMIT) as channel:
        stubs[type(request)](channel).Export(request, timeout=20)


def send_http(collector: Any, request: ExportTraceServiceRequest) -> None:
    """Send spans to a Collector by HTTP."""
    message = urllib.request.Request(
        f"{collector.otlp_http}/v1/traces",
        data=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(message, timeout=20):
        pass


def attributes_of(values: dict[str, Any] | None) -> list[KeyValue]:
    """Return a mapping as attributes of OTLP."""
    return [KeyValue(key=key, value=_any(value)) for key, value in (values or {}).items()]


def _any(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_any(it) for it in value]))
    if isinstance(value, dict):
        return AnyValue(kvlist_value=KeyValueList(values=attributes_of(value)))
    return AnyValue(string_value=value)
