"""Log records of an OTLP request as rows of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel.local import values
from agentotel.local.batch import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Batch,
    InvalidItemError,
    Row,
    optional_id,
    time_ns,
)
from agentotel.local.facets import facets

if TYPE_CHECKING:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord


def decode_logs(request: ExportLogsServiceRequest, received_ns: int) -> Batch:
    """Return the rows of a request; records that cannot be stored are counted as refused.

    Raises:
        TooLargeError: It holds too many records.
    """
    batch = Batch(received_ns)
    batch.count_items(len(request.resource_logs))
    for group in request.resource_logs:
        batch.count_items(len(group.scope_logs))
        resource_id, service = batch.add_resource(group.resource, group.schema_url)
        for scoped in group.scope_logs:
            batch.count_items(len(scoped.log_records))
            origin = (received_ns, resource_id, batch.add_scope(scoped.scope, scoped.schema_url))
            for record in scoped.log_records:
                try:
                    batch.logs.append(_row(record, origin, service))
                except InvalidItemError as error:  # noqa: PERF203 - one bad item must not fail its neighbours
                    batch.refusals[str(error)] += 1
    return batch


def _row(record: LogRecord, origin: tuple[int, int, int], service: str | None) -> Row:
    attributes = values.attributes(record.attributes)
    time = time_ns(record.time_unix_nano, "time")
    observed = time_ns(record.observed_time_unix_nano, "observed time")
    return (
        *origin,
        time or observed or origin[0],
        time,
        observed,
        optional_id(record.trace_id, TRACE_ID_BYTES, "trace_id"),
        optional_id(record.span_id, SPAN_ID_BYTES, "span_id"),
        record.flags,
        record.severity_number,
        record.severity_text or None,
        record.event_name or None,
        values.dumps(values.encode(record.body)) if record.HasField("body") else None,
        values.dumps(attributes),
        record.dropped_attributes_count,
        service,
        *facets(attributes),
    )
