"""The exporter-side net: content that is off leaves the process in no span and no log record, whoever recorded it.

`agentotel.telemetry.content` is the choke point for what agentotel records itself; this one stands in front of every
exporter, for what other instrumentations record and what programs log with an exception. It runs in the exporting
thread. What an exporter could not deliver is counted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status

from agentotel._base import failopen
from agentotel.distro import histogram_forms, quiet
from agentotel.distro.otlp.exporters import OtlpExporter
from agentotel.distro.scrubbing import Scrub, scrub_record, scrubbed_record, scrubbed_span
from agentotel.model.instruments import INSTRUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
    from opentelemetry.sdk.metrics.export import Metric, MetricsData

    OnDropped = Callable[[str, int], None]


Item = TypeVar("Item")


def _counter(exporter: object, on_dropped: OnDropped) -> OnDropped:
    """Return what counts the losses of an exporter: our own ones know better than all or nothing, and do it."""
    return _count_nothing if isinstance(exporter, OtlpExporter) else on_dropped


def _count_nothing(signal: str, number: int) -> None:
    """Count nothing."""


def tell_ending(exporter: object) -> None:
    """Let an exporter know that the program ends, if it wants to."""
    ending = getattr(exporter, "ending", None)
    if ending is not None:
        ending()


def _scrubbed_all(
    signal: str, items: Iterable[Item], scrubbed: Callable[[Item, Scrub], Item], scrub: Scrub, on_unsafe: OnDropped
) -> list[Item]:
    """Return `items` as they may leave; one that cannot be looked through does not, and is counted."""
    clean = []
    for item in items:
        try:
            clean.append(scrubbed(item, scrub))
        except Exception as error:  # noqa: BLE001, PERF203 - whatever is wrong with one, the others are to be sent
            failopen.report(f"net.{signal}", error)
            on_unsafe(signal, 1)
    return clean


class GuardedSpanExporter(SpanExporter):
    """Scrubs spans before they reach `exporter`, and counts those that it could not deliver.

    Args:
        exporter: The real one.
        scrub: Gives the attributes that may leave, None where they all may.
        on_dropped: Called with the signal and the number of items lost.
    """

    def __init__(self, exporter: SpanExporter, scrub: Scrub, on_dropped: OnDropped) -> None:
        self._exporter = exporter
        self._scrub = scrub
        self._on_unsafe = on_dropped
        self._on_dropped = _counter(exporter, on_dropped)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export `spans` without content that is off."""
        clean = _scrubbed_all("traces", spans, scrubbed_span, self._scrub, self._on_unsafe)
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(clean)
        finally:
            if result is not SpanExportResult.SUCCESS:
                self._on_dropped("traces", len(clean))
        return result

    def ending(self) -> None:
        """Tell the real exporter that the program ends."""
        tell_ending(self._exporter)

    def shutdown(self) -> None:
        """Shut the real exporter down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the real exporter."""
        return self._exporter.force_flush(timeout_millis)


class GuardedLogExporter(LogRecordExporter):
    """The same for log records."""

    def __init__(self, exporter: LogRecordExporter, scrub: Scrub, on_dropped: OnDropped) -> None:
        self._exporter = exporter
        self._scrub = scrub
        self._on_unsafe = on_dropped
        self._on_dropped = _counter(exporter, on_dropped)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Export `batch` without content that is off."""
        clean = _scrubbed_all("logs", batch, scrubbed_record, self._scrub, self._on_unsafe)
        result = LogRecordExportResult.FAILURE
        try:
            result = self._exporter.export(clean)
        finally:
            if result is not LogRecordExportResult.SUCCESS:
                self._on_dropped("logs", len(clean))
        return result

    def ending(self) -> None:
        """Tell the real exporter that the program ends."""
        tell_ending(self._exporter)

    def shutdown(self) -> None:
        """Shut the real exporter down."""
        shutdown: Callable[[], None] = self._exporter.shutdown
        shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the real exporter, if it knows how."""
        flush = getattr(self._exporter, "force_flush", None)
        return True if flush is None else bool(flush(timeout_millis))


_READINGS: Final = frozenset(
    instrument.name for instrument in INSTRUMENTS if instrument.kind in {"gauge", "observable_counter"}
)
"""Metrics that every process has, whatever it does."""

_OF_THE_SDK_ITSELF: Final = "otel.sdk."


class GuardedMetricExporter(MetricExporter):
    """Counts metric points that could not be delivered; metrics hold no content.

    A process that ends before its first export and has recorded nothing exports nothing: a ``python -c`` that a tool
    starts should neither make a series of its own nor wait for a Collector that is away.
    """

    def __init__(self, exporter: MetricExporter, on_dropped: OnDropped) -> None:
        super().__init__(
            exporter._preferred_temporality,  # noqa: SLF001 - as readers do
            histogram_forms.preferred(exporter._preferred_aggregation),  # noqa: SLF001 - the same
        )
        self._exporter = exporter
        self._on_dropped = _counter(exporter, on_dropped)
        self._on_late = on_dropped
        self._under_way = 0
        self._is_ending = False
        self._has_exported = False

    def ending(self) -> None:
        """Note that the process ends: the next export is the last one."""
        self._is_ending = True
        tell_ending(self._exporter)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Export the points."""
        if self._is_ending and not self._has_exported and not _holds_measurements(metrics_data):
            return MetricExportResult.SUCCESS
        self._has_exported = True
        self._under_way = _number_of_points(metrics_data)
        result = MetricExportResult.FAILURE
        try:
            result = self._exporter.export(metrics_data, timeout_millis, **kwargs)
        finally:
            if result is not MetricExportResult.SUCCESS:
                self._on_dropped("metrics", self._under_way)
            self._under_way = 0
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Shut the real exporter down; what it has not delivered by now is counted."""
        if self._under_way:
            quiet.exporter_messages.failed("not everything could be sent in time at the end")
            self._on_late("metrics", self._under_way)
        self._exporter.shutdown(timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the real exporter."""
        return self._exporter.force_flush(timeout_millis)


def _metrics_in(metrics_data: MetricsData) -> Iterator[Metric]:
    for resource in metrics_data.resource_metrics:
        for scope in resource.scope_metrics:
            yield from scope.metrics


def _number_of_points(metrics_data: MetricsData) -> int:
    return sum(len(metric.data.data_points) for metric in _metrics_in(metrics_data))


def _holds_measurements(metrics_data: MetricsData) -> bool:
    """Tell whether there is anything but what is read in every process."""
    names = (metric.name for metric in _metrics_in(metrics_data))
    return any(name not in _READINGS and not name.startswith(_OF_THE_SDK_ITSELF) for name in names)


class ScrubbingSpanProcessor(SpanProcessor):
    """The net for providers that are not ours, whose exporters cannot be wrapped: stands before their processors."""

    def __init__(self, scrub: Scrub) -> None:
        self._scrub = scrub

    def on_end(self, span: ReadableSpan) -> None:
        """Scrub the copy of the span that all further processors are given."""
        try:
            clean = scrubbed_span(span, self._scrub)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the program goes on and nothing leaks
            failopen.report("net.traces", error)
            clean = _stripped(span)
        if clean is not span:
            span._attributes = clean._attributes  # noqa: SLF001 - the SDK offers no way to change an ended span
            span._events = clean._events  # noqa: SLF001
            span._links = clean._links  # noqa: SLF001
            span._status = clean._status  # noqa: SLF001

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing to flush; see `agentotel.distro.processors.IdSpanProcessor`."""
        del timeout_millis
        return True


class ScrubbingLogRecordProcessor(LogRecordProcessor):
    """The same for log records."""

    def __init__(self, scrub: Scrub) -> None:
        self._scrub = scrub

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Scrub the record before all further processors see it."""
        record = log_record.log_record
        try:
            scrub_record(record, log_record.instrumentation_scope, self._scrub)
        except Exception as error:  # noqa: BLE001 - the same
            failopen.report("net.logs", error)
            record.body, record.attributes = None, {}

    def shutdown(self) -> None:
        """Nothing to shut down."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing to flush."""
        del timeout_millis
        return True


def _stripped(span: ReadableSpan) -> ReadableSpan:
    """Return a copy of a span that cannot be looked through, without anything that might be content."""
    return ReadableSpan(span.name, span.context, span.parent, status=Status(span.status.status_code))
