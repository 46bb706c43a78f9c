"""Ids on every span and every log record, whoever recorded it: request, user, tenant, session and agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import get_current
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor

from agentotel import identity
from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.telemetry.recording import innermost

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import Span

    from agentotel.telemetry.attributes import Attributes


class IdSpanProcessor(SpanProcessor):
    """Adds the ids of the context to spans of other instrumentations; the recorder has set them on ours."""

    passes_over_light_spans = True
    """Whether it need not be told of the spans of `agentotel.distro.light_tracing`, which are ours."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add the ids, unless the span is ours."""
        scope = span.instrumentation_scope
        if scope is None or scope.name != names.SCOPE:
            attempt("ids.span", _add_to_span, span, parent_context)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing to flush. The inherited method returns None in SDK 1.41, and the next processor is then not asked."""
        del timeout_millis
        return True


def _add_to_span(span: Span, parent_context: Context | None) -> None:
    ids = _ids(get_current() if parent_context is None else parent_context)
    if ids:
        span.set_attributes(ids)


class IdLogRecordProcessor(LogRecordProcessor):
    """Adds the ids of the context to every log record, ours and the program's."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Add the ids that the record does not carry already."""
        attempt("ids.log", _add_to_record, log_record)

    def shutdown(self) -> None:
        """Nothing to shut down."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing to flush."""
        del timeout_millis
        return True


def _add_to_record(log_record: ReadWriteLogRecord) -> None:
    record = log_record.log_record
    ids = _ids(record.context or get_current())
    if not ids:
        return
    attributes: Any = record.attributes
    for key, value in ids.items():
        if key not in attributes:
            attributes[key] = value


def _ids(context: Context) -> Attributes:
    recording = innermost(context)
    who = identity.current(context) or identity.from_baggage(context)
    if who is None and recording is not None:
        who = identity.current(recording.context)
    agent = {} if recording is None else recording.agent
    return agent if who is None else {**identity.attributes(who), **agent}
