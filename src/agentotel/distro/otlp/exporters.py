"""Exporters of OTLP over HTTP, for spans, log records and metrics.

What cannot be encoded costs itself and not its batch; what is lost is counted by number, here and nowhere else.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from agentotel._base import failopen
from agentotel.distro import quiet
from agentotel.distro.otlp import logs, metrics, spans
from agentotel.distro.otlp.delivery import Sender
from agentotel.distro.otlp.destination import destination_of
from agentotel.distro.otlp.requests import known, requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from agentotel.distro.otlp.destination import Destination
    from agentotel.distro.otlp.requests import Encoded

    OnDropped = Callable[[str, int], None]


def _counted_anyway(number: int) -> None:
    """Do nothing: what has not arrived is counted, whatever the reason."""


class UndeliveredError(Exception):
    """What the SDK's metrics about its exporters show as the type of error where something was lost."""


class OtlpExporter:
    """What the three have in common.

    State: whether it has been shut down.

    Args:
        official: OpenTelemetry's own exporter, which is configured and does not send.
        destination: Where that one would send to.
        on_dropped: Called with the signal and the number of items lost.
    """

    signal: str

    def __init__(self, official: Any, destination: Destination, on_dropped: OnDropped) -> None:
        self._exporter = official  # `agentotel.distro.program_providers` looks through it for the endpoint
        self._sender = Sender(destination)
        self._on_dropped = on_dropped
        self._is_shut_down = False

    def ending(self) -> None:
        """Note that the program ends: what is exported now is the rest."""
        self._sender.end()

    def _deliver(self, items: Iterable[Any], number: int, encode: Callable[[Any], Encoded]) -> bool:
        """Send `items`; return whether all of them have arrived. Those that have not are counted.

        Args:
            items: What to send.
            number: How many spans, log records or metric points that are.
            encode: Encodes one item.
        """
        if self._is_shut_down:
            self._lost(number, "the exporter is shut down")
            return False
        operation = getattr(getattr(self._exporter, "_metrics", None), "export_operation", None)
        with nullcontext() if operation is None else operation(number) as result:
            delivered = self._send(items, encode)
            if result is not None and delivered < number:
                result.error = UndeliveredError()
        if delivered < number:
            self._on_dropped(self.signal, number - delivered)
        return delivered >= number

    def _send(self, items: Iterable[Any], encode: Callable[[Any], Encoded]) -> int:
        """Return how many have arrived."""
        arrived = 0
        for request in requests(encoded(items, encode, f"otlp.{self.signal}", _counted_anyway)):
            outcome = self._sender.send(request.body)
            if outcome.delivered:
                arrived += request.items - outcome.rejected
            if not outcome.delivered or outcome.rejected:
                quiet.exporter_messages.failed(outcome.reason)
        return arrived

    def _lost(self, number: int, reason: str) -> None:
        quiet.exporter_messages.failed(reason)
        self._on_dropped(self.signal, number)

    def _shut_down(self) -> None:
        self._is_shut_down = True
        self._sender.close()


def encoded(
    items: Iterable[Any], encode: Callable[[Any], Encoded], site: str, on_unusable: Callable[[int], None]
) -> Iterator[Encoded]:
    """Yield every item that can be encoded; report the others.

    Args:
        items: Spans, log records, or metrics as `metrics.each` yields them.
        encode: Encodes one.
        site: Under which those are counted that cannot be encoded.
        on_unusable: Called for each of them with 1, or with the number of points of a metric.
    """
    for item in items:
        try:
            yield known(encode(item))
        except Exception as error:  # noqa: BLE001, PERF203 - whatever is wrong with one, the others are to be sent
            failopen.report(site, error)
            quiet.exporter_messages.failed(f"{type(error).__name__}: {error}")
            on_unusable(metrics.points(item) if isinstance(item, tuple) else 1)


class OtlpSpanExporter(OtlpExporter, SpanExporter):
    """Sends spans."""

    signal = "traces"

    def export(self, spans_: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send `spans_`."""
        done = self._deliver(spans_, len(spans_), spans.encode)
        return SpanExportResult.SUCCESS if done else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Send nothing more."""
        self._shut_down()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        del timeout_millis
        return True


class OtlpLogExporter(OtlpExporter, LogRecordExporter):
    """Sends log records."""

    signal = "logs"

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Send `batch`."""
        done = self._deliver(batch, len(batch), logs.encode)
        return LogRecordExportResult.SUCCESS if done else LogRecordExportResult.FAILURE

    def shutdown(self) -> None:
        """Send nothing more."""
        self._shut_down()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept here."""
        del timeout_millis
        return True


class OtlpMetricExporter(OtlpExporter, MetricExporter):
    """Sends metrics."""

    signal = "metrics"

    def __init__(self, official: Any, destination: Destination, on_dropped: OnDropped) -> None:
        OtlpExporter.__init__(self, official, destination, on_dropped)
        MetricExporter.__init__(self, official._preferred_temporality, official._preferred_aggregation)  # noqa: SLF001 - as readers do

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Send the points."""
        del timeout_millis, kwargs
        found = list(metrics.each(metrics_data))
        number = sum(map(metrics.points, found))
        done = self._deliver(found, number, metrics.encode)
        return MetricExportResult.SUCCESS if done else MetricExportResult.FAILURE

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Send nothing more."""
        del timeout_millis, kwargs
        self._shut_down()

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is kept here."""
        del timeout_millis
        return True


_BY_SIGNAL: Final = {"traces": OtlpSpanExporter, "logs": OtlpLogExporter, "metrics": OtlpMetricExporter}


def ours_instead_of(official: Any, signal: str, on_dropped: OnDropped) -> Any:
    """Return our exporter for where `official` sends to, or `official` where that cannot be told.

    Args:
        official: An instance of OpenTelemetry's own exporter of OTLP over HTTP.
        signal: ``traces``, ``metrics`` or ``logs``.
        on_dropped: Called with the signal and the number of items lost, if ours is returned.
    """
    destination = destination_of(official)
    return official if destination is None else _BY_SIGNAL[signal](official, destination, on_dropped)
