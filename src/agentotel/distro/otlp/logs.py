"""Log records as OTLP has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel.distro.otlp.attributes import AttributeEncoder, any_value, plain
from agentotel.distro.otlp.requests import Encoded
from agentotel.distro.otlp.wire import block, number, text, time

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord

_attributes: Final = AttributeEncoder(b"\x32")


def encode(readable: ReadableLogRecord) -> Encoded:
    """Return one log record.

    Raises:
        Exception: Whatever comes of a record that is none, or of a body that OTLP has no form for.
    """
    record = readable.log_record
    flags = int(record.trace_flags or 0)
    content = (
        time(b"\x09", record.timestamp),
        number(b"\x10", getattr(record.severity_number, "value", None)),
        text(b"\x1a", record.severity_text),
        block(b"\x2a", any_value(record.body)),
        _attributes.encode(plain(record.attributes)),
        number(b"\x38", readable.dropped_attributes),
        b"\x45" + flags.to_bytes(4, "little") if flags else b"",
        b"\x4a\x10" + record.trace_id.to_bytes(16, "big") if record.trace_id else b"",
        b"\x52\x08" + record.span_id.to_bytes(8, "big") if record.span_id else b"",
        time(b"\x59", record.observed_timestamp),
        text(b"\x62", record.event_name),
    )
    return Encoded(readable.resource, readable.instrumentation_scope, b"".join(content))
