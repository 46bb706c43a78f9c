"""Spans of an OTLP request as rows of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentotel.local import values
from agentotel.local.batch import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Batch,
    Row,
    optional_id,
    required_id,
    time_ns,
)
from agentotel.local.facets import facets, operation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


def decode_traces(request: ExportTraceServiceRequest, received_ns: int) -> Batch:
    """Return the rows of a request; spans that cannot be stored are counted as refused.

    Raises:
        TooLargeError: It holds too many spans.
    """
    batch = Batch(received_ns)

    def take(span: Span, origin: tuple[int, int], service: str | None) -> None:
        batch.spans.append(_row(span, (received_ns, *origin), service))

    return batch.read(request.resource_spans, "scope_spans", "spans", take)


def _row(span: Span, origin: tuple[int, int, int], service: str | None) -> Row:
    attributes = values.attributes(span.attributes)
    name = span.name
    status = span.status
    return (
        *origin,
        required_id(span.trace_id, TRACE_ID_BYTES, "trace_id"),
        required_id(span.span_id, SPAN_ID_BYTES, "span_id"),
        optional_id(span.parent_span_id, SPAN_ID_BYTES, "parent_span_id"),
        span.trace_state or None,
        span.flags,
        name,
        span.kind,
        time_ns(span.start_time_unix_nano, "start time"),
        time_ns(span.end_time_unix_nano, "end time"),
        status.code,
        status.message or None,
        values.dumps(attributes),
        _events(span.events),
        _links(span.links),
        _dropped(span),
        operation(name, attributes),
        service,
        *facets(attributes),
    )


def _events(events: Iterable[Span.Event]) -> str | None:
    rows: list[Any] = [
        [event.time_unix_nano, event.name, values.attributes(event.attributes), event.dropped_attributes_count]
        for event in events
    ]
    return values.dumps(rows) if rows else None


def _links(links: Iterable[Span.Link]) -> str | None:
    rows: list[Any] = [
        [
            link.trace_id.hex(),
            link.span_id.hex(),
            link.trace_state,
            values.attributes(link.attributes),
            link.flags,
            link.dropped_attributes_count,
        ]
        for link in links
    ]
    return values.dumps(rows) if rows else None


def _dropped(span: Span) -> str | None:
    counts = (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count)
    return values.dumps(counts) if any(counts) else None
