"""The SDK's providers as the settings ask for them, with the ids and the net in front of every exporter."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider

from agentotel import __version__
from agentotel._base.failopen import attempt
from agentotel.distro import components, forks, service_name
from agentotel.distro.batching import BatchingLogRecordProcessor, BatchingSpanProcessor
from agentotel.distro.net import (
    GuardedLogExporter,
    GuardedMetricExporter,
    GuardedSpanExporter,
    ScrubbingLogRecordProcessor,
    ScrubbingSpanProcessor,
)
from agentotel.distro.processors import IdLogRecordProcessor, IdSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from agentotel.config.settings import Settings
    from agentotel.distro.prometheus_reader import PrometheusReader
    from agentotel.telemetry.content import ContentCapture

    OnDropped = Callable[[str, int], None]

_UNKNOWN: Final = "unknown_service"
_PROMETHEUS: Final = "prometheus"
"""The one exporter that does not send but is asked."""

_SHARE_OF_THE_END: Final = 0.7
"""Of the time that the end may take: what the Collector has for its answer, before requests are broken off."""


class Pipeline:
    """The three providers of this process.

    Args:
        settings: What the user asked for.
        content: Knows what may leave the process.
        on_dropped: Called with the signal and the number of items that could not be delivered.
        auto_instrumentation_version: As the launcher says.
    """

    def __init__(
        self,
        settings: Settings,
        content: ContentCapture,
        on_dropped: OnDropped,
        auto_instrumentation_version: str | None,
    ) -> None:
        self._settings = settings
        self._content = content
        self._on_dropped = on_dropped
        self._close_s = _SHARE_OF_THE_END * settings.exit_timeout_s
        self._metric_exporters: list[GuardedMetricExporter] = []
        resource = _resource(auto_instrumentation_version)
        self.meters = self._meter_provider(resource)
        self.tracers = self._tracer_provider(resource)
        self.loggers = self._logger_provider(resource)

    def make_global(self) -> None:
        """Make the providers those of the whole process, but for such as the program has already set itself."""
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            trace.set_tracer_provider(self.tracers)
        if not isinstance(metrics.get_meter_provider(), MeterProvider):
            metrics.set_meter_provider(self.meters)
        if not isinstance(_logs.get_logger_provider(), LoggerProvider):
            _logs.set_logger_provider(self.loggers)

    def shutdown_steps(self) -> list[tuple[str, Callable[[], object]]]:
        """Return what has to be done at the end of the program, to be run in parallel."""
        return [
            ("shutdown.traces", self.tracers.shutdown),
            ("shutdown.metrics", self._end_metrics),
            ("shutdown.logs", self.loggers.shutdown),
        ]

    def _end_metrics(self) -> None:
        for exporter in self._metric_exporters:
            exporter.ending()
        self.meters.shutdown(timeout_millis=self._close_s * 1e3)

    def _exporters(self, signal: str, exporter_names: Sequence[str], protocol: str) -> Iterator[Any]:
        return components.exporters(signal, exporter_names, protocol, self._on_dropped)

    def _tracer_provider(self, resource: Resource) -> TracerProvider:
        provider = TracerProvider(
            sampler=attempt("pipeline.sampler", components.sampler),
            resource=resource,
            id_generator=attempt("pipeline.id_generator", components.id_generator),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(IdSpanProcessor())
        settings = self._settings
        for exporter in self._exporters("traces", settings.traces_exporters, settings.traces_protocol):
            guarded = GuardedSpanExporter(exporter, self._content.scrub_span, self._on_dropped)
            processor = BatchingSpanProcessor(guarded, self._on_dropped, self._close_s, self.meters)
            provider.add_span_processor(processor)
        return provider

    def _meter_provider(self, resource: Resource) -> MeterProvider:
        scraped = self._scraped()
        readers = [*scraped, *self._metric_readers()]
        provider = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
        for reader in scraped:
            attempt("prometheus.serve", reader.serve)
        return provider

    def _scraped(self) -> list[PrometheusReader]:
        settings = self._settings
        if _PROMETHEUS not in settings.metrics_exporters:
            return []
        is_alone = settings.metrics_exporters == (_PROMETHEUS,)
        reader = components.prometheus(settings.prometheus_host, settings.prometheus_port, is_alone=is_alone)
        return [] if reader is None else [reader]

    def _metric_readers(self) -> Iterator[MetricReader]:
        settings = self._settings
        pushed = [name for name in settings.metrics_exporters if name != _PROMETHEUS]
        for exporter in self._exporters("metrics", pushed, settings.metrics_protocol):
            if isinstance(exporter, MetricReader):
                yield exporter
            else:
                self._metric_exporters.append(GuardedMetricExporter(exporter, self._on_dropped))
                yield PeriodicExportingMetricReader(self._metric_exporters[-1])

    def _logger_provider(self, resource: Resource) -> LoggerProvider:
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_log_record_processor(IdLogRecordProcessor())
        settings = self._settings
        for exporter in self._exporters("logs", settings.logs_exporters, settings.logs_protocol):
            guarded = GuardedLogExporter(exporter, self._content.scrub_record, self._on_dropped)
            processor = BatchingLogRecordProcessor(guarded, self._on_dropped, self._close_s, self.meters)
            provider.add_log_record_processor(processor)
        return provider


def join_existing(content: ContentCapture) -> None:
    """Add the ids and the net to providers that somebody else has made (a declarative configuration file).

    Their exporters cannot be wrapped, so the net is put before their span processors.

    Args:
        content: As in `Pipeline`.
    """
    tracers = trace.get_tracer_provider()
    if isinstance(tracers, TracerProvider):
        tracers.add_span_processor(IdSpanProcessor())
        attempt("pipeline.net", _put_first, tracers, ScrubbingSpanProcessor(content.scrub_span))
    loggers = _logs.get_logger_provider()
    if isinstance(loggers, LoggerProvider):
        attempt("pipeline.log_ids", _put_log_net_first, loggers, content)


def _put_first(tracers: TracerProvider, processor: ScrubbingSpanProcessor) -> None:
    group = tracers._active_span_processor  # noqa: SLF001 - the SDK only offers to add one at the end
    group._span_processors = (processor, *group._span_processors)  # noqa: SLF001


def _put_log_net_first(loggers: LoggerProvider, content: ContentCapture) -> None:
    group = loggers._multi_log_record_processor  # noqa: SLF001 - the same
    first = (IdLogRecordProcessor(), ScrubbingLogRecordProcessor(content.scrub_record))
    group._log_record_processors = (*first, *group._log_record_processors)  # noqa: SLF001


def _resource(auto_instrumentation_version: str | None) -> Resource:
    own = {"telemetry.distro.name": "agentotel", "telemetry.distro.version": __version__}
    if auto_instrumentation_version:
        own["telemetry.auto.version"] = auto_instrumentation_version
    resource = forks.instance_resource().merge(Resource.create(own))  # the SDK gives no id of its own before 1.45
    named = str(resource.attributes.get(SERVICE_NAME) or _UNKNOWN)
    program = service_name.from_command_line(sys.orig_argv) if named.startswith(_UNKNOWN) else None
    return resource if program is None else resource.merge(Resource({SERVICE_NAME: program}))
