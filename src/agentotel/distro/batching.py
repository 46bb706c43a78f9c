"""The span and log record processors in front of our exporters: batches that never hold the program up.

They take their limits from where the SDK's own do (``OTEL_BSP_*``, ``OTEL_BLRP_*``) and count what they process in the
same metrics of the SDK, where it has them.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import TraceFlags

from agentotel._base.failopen import attempt, report
from agentotel.distro import quiet
from agentotel.distro.batches import Batches, Limits
from agentotel.distro.net import tell_ending
from agentotel.distro.otlp.attributes import of_span
from agentotel.distro.sdk_counts import processor_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from agentotel.distro.sdk_counts import Signal

    OnDropped = Callable[[str, int], None]

_SAMPLED: Final = TraceFlags.SAMPLED
_CLOSE_S: Final = 30.0
_DEFAULTS: Final = Limits(2_048, 512, 5.0)
_NO_CONTEXT: Final = Context()


class BatchingSpanProcessor(SpanProcessor):
    """Hands sampled spans to an exporter in batches.

    Args:
        exporter: Where they go.
        on_dropped: Called with the signal and the number of spans that did not fit.
        close_s: Seconds that `shutdown` may take.
        meters: Where the SDK's metrics about processors are counted; nowhere without it.
    """

    takes_light_spans = True
    """Whether `on_end` may be given a light span itself, which costs less than what others are given of it."""

    def __init__(
        self,
        exporter: SpanExporter,
        on_dropped: OnDropped,
        close_s: float = _CLOSE_S,
        meters: MeterProvider | None = None,
    ) -> None:
        self.span_exporter = exporter
        self._close_s = close_s
        limits = attempt("traces.limits", _limits, BatchSpanProcessor) or _DEFAULTS
        # A light span puts its attributes together when somebody reads them; until then it holds all that it is about.
        self._batches = _batches("traces", exporter.export, limits, on_dropped, meters, shrink=of_span)

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span, unless it is not sampled."""
        try:
            context = span._context  # noqa: SLF001 - the property costs a call
            if context is not None and context.trace_flags & _SAMPLED:
                self._batches.put(span)
        except Exception as error:  # noqa: BLE001 - the fail-open guard, inlined: spans of others are ended in their code
            report("traces.put", error)

    def shutdown(self) -> None:
        """Export what is waiting; take nothing more."""
        tell_ending(self.span_exporter)
        self._batches.close(self._close_s)
        self.span_exporter.shutdown()

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Export what is waiting; tell whether that was done in time."""
        return bool(attempt("traces.flush", self._batches.flush, _seconds(timeout_millis)))


class BatchingLogRecordProcessor(LogRecordProcessor):
    """Hands log records to an exporter in batches.

    Args:
        exporter: Where they go.
        on_dropped: Called with the signal and the number of records that did not fit.
        close_s: Seconds that `shutdown` may take.
        meters: As in `BatchingSpanProcessor`.
    """

    def __init__(
        self,
        exporter: LogRecordExporter,
        on_dropped: OnDropped,
        close_s: float = _CLOSE_S,
        meters: MeterProvider | None = None,
    ) -> None:
        self._exporter = exporter
        self._close_s = close_s
        limits = attempt("logs.limits", _limits, BatchLogRecordProcessor) or _DEFAULTS
        self._batches = _batches("logs", exporter.export, limits, on_dropped, meters)

    def expect_from(self, settle: Callable[[], object]) -> Callable[[], object]:
        """Call `settle`, which may emit records, before each export; return what makes sure that there will be one."""
        self._batches.before = settle
        return self._batches.expect

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Take a record."""
        try:
            self._batches.put(_readable(log_record))
        except Exception as error:  # noqa: BLE001 - the same for log records
            report("logs.put", error)

    def shutdown(self) -> None:
        """Export what is waiting; take nothing more."""
        tell_ending(self._exporter)
        self._batches.close(self._close_s)
        shutdown: Callable[[], object] = self._exporter.shutdown
        shutdown()

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Export what is waiting; tell whether that was done in time."""
        return bool(attempt("logs.flush", self._batches.flush, _seconds(timeout_millis)))


def _seconds(timeout_millis: int | None) -> float:
    return _CLOSE_S if timeout_millis is None else timeout_millis / 1e3


def _readable(given: ReadWriteLogRecord) -> ReadableLogRecord:
    """Return a log record without the context of the program, which may be large."""
    record = copy(given.log_record)
    record.context = _NO_CONTEXT
    return ReadableLogRecord(record, given.resource or Resource.get_empty(), given.instrumentation_scope, given.limits)


def _limits(of_sdk: Any) -> Limits:
    """Return the limits that a processor of the SDK would have."""
    queue = of_sdk._default_max_queue_size()  # noqa: SLF001 - the SDK reads the environment nowhere else
    batch = of_sdk._default_max_export_batch_size()  # noqa: SLF001
    delay_ms = of_sdk._default_schedule_delay_millis()  # noqa: SLF001
    return Limits(queue, min(batch, queue), delay_ms / 1e3)


def _batches(
    signal: Signal,
    export: Callable[[list[Any]], object],
    limits: Limits,
    on_dropped: OnDropped,
    meters: MeterProvider | None,
    shrink: Callable[[Any], object] | None = None,
) -> Batches:
    def counted_export(batch: list[Any]) -> None:
        counts.finish_items(len(batch))
        export(batch)

    def counted_drop(number: int, reason: str) -> None:
        counts.drop_items(number)
        quiet.exporter_messages.failed(reason)
        on_dropped(signal, number)

    made = Batches(counted_export, limits, counted_drop, f"agentotel-{signal}", shrink)
    counts = processor_counts(signal, limits.queue, made.__len__, meters)
    return made
