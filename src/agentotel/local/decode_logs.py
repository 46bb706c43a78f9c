"""Log records of an OTLP request as rows of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel.local import values
from agentotel.local.batch import (
    SPAN_ID_BYTES,
    TRACE_ID_BYTES,
    Batch,
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

    def take(record: LogRecord, origin: tuple[int, int], service: str | None) -> None:
        batch.logs.append(_row(record, (received_ns, *origin), service))

    return batch.read(request.resource_logs, "scope_logs", "log_records", take)


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
