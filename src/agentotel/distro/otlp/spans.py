"""Spans as OTLP has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from agentotel.distro.otlp.attributes import AttributeEncoder, of_span, plain
from agentotel.distro.otlp.requests import Encoded
from agentotel.distro.otlp.wire import block, number, text, time

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, SpanContext, Status

_LOCAL: Final = (0x100).to_bytes(4, "little")
_REMOTE: Final = (0x300).to_bytes(4, "little")
"""Flags: it is known whether the parent is in another process, and it is."""

_UNSET: Final = b"\x7a\x00"

_attributes: Final = AttributeEncoder(b"\x4a")
_event_attributes: Final = AttributeEncoder(b"\x1a")
_link_attributes: Final = AttributeEncoder(b"\x22")


def encode(span: ReadableSpan) -> Encoded:
    """Return one ended span. Anything with the attributes of a `ReadableSpan` is one.

    Raises:
        Exception: Whatever comes of a span that is none.
    """
    context: Any = span.context
    parent = span.parent
    times = time(b"\x39", span.start_time) + time(b"\x41", span.end_time)
    attributes = of_span(span)
    # From what is kept in a plain dictionary nothing has been dropped.
    is_plain = attributes is getattr(span, "_attributes", None)
    content = (
        b"\x0a\x10",
        context.trace_id.to_bytes(16, "big"),
        b"\x12\x08",
        context.span_id.to_bytes(8, "big"),
        b"" if context.trace_state is DEFAULT_TRACE_STATE else _trace_state(context),
        b"" if parent is None else b"\x22\x08" + parent.span_id.to_bytes(8, "big"),
        text(b"\x2a", span.name),
        number(b"\x30", span.kind.value + 1),
        times,
        _attributes.encode(attributes),
        b"" if is_plain else number(b"\x50", span.dropped_attributes),
        b"" if _has_no_parts(span) else _parts(span),
        _status(span.status),
        b"\x85\x01",
        _flags(parent),
    )
    return Encoded(span.resource, span.instrumentation_scope, b"".join(content))


def _has_no_parts(span: Any) -> bool:
    """Tell whether there are neither events nor links, and never were: to ask a span of the SDK costs a lot."""
    return getattr(span, "_events", None) == () == getattr(span, "_links", None)


def _parts(span: ReadableSpan) -> bytes:
    content = (
        *map(_event, span.events),
        number(b"\x60", span.dropped_events),
        *map(_link, span.links),
        number(b"\x70", span.dropped_links),
    )
    return b"".join(content)


def _trace_state(context: SpanContext) -> bytes:
    state = context.trace_state
    return text(b"\x1a", ",".join(f"{key}={value}" for key, value in state.items())) if state else b""


def _flags(context: SpanContext | None) -> bytes:
    return _REMOTE if context is not None and context.is_remote else _LOCAL


def _status(status: Status) -> bytes:
    code = status.status_code.value
    if not code and not status.description:
        return _UNSET
    return block(b"\x7a", text(b"\x12", status.description) + number(b"\x18", code))


def _event(event: Event) -> bytes:
    content = (
        time(b"\x09", event.timestamp),
        text(b"\x12", event.name),
        _event_attributes.encode(plain(event.attributes)),
        number(b"\x20", event.dropped_attributes),
    )
    return block(b"\x5a", b"".join(content))


def _link(link: Link) -> bytes:
    context = link.context
    content = (
        b"\x0a\x10",
        context.trace_id.to_bytes(16, "big"),
        b"\x12\x08",
        context.span_id.to_bytes(8, "big"),
        _link_attributes.encode(plain(link.attributes)),
        number(b"\x28", link.dropped_attributes),
        b"\x35",
        _flags(context),
    )
    return block(b"\x6a", b"".join(content))
