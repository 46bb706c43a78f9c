"""For tests: everything that a piece of code records, in memory, with the same recorder as in production.

with agentotel.testing.recording() as telemetry:
    ...
    telemetry.observer            # give it to whatever starts operations
telemetry.spans()                 # finished spans, in the order in which they ended
telemetry.metric("agent.requests")

This module owns state: which providers are recording now. Libraries that make OpenTelemetry spans of their own get them
from the global provider, and keep what they got: so the first `recording` makes a global provider that passes
everything on to whichever is recording (unless the program has made one of its own).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentotel import patching
from agentotel._base import failopen
from agentotel.adapters.registry import ADAPTERS
from agentotel.config.load import load_settings
from agentotel.distro import native_spans
from agentotel.distro.processors import IdLogRecordProcessor, IdSpanProcessor
from agentotel.distro.wiring import Parts, record_into

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from agentotel.model.contract import Adapter, Observer


@dataclass(frozen=True, slots=True)
class RecordedTelemetry:
    """What was recorded.

    Attributes:
        observer: The recorder.
        tracer_provider: For spans of the test's own.
        logger_provider: For log records of the test's own.
    """

    observer: Observer
    tracer_provider: TracerProvider
    logger_provider: LoggerProvider
    _spans: InMemorySpanExporter
    _reader: InMemoryMetricReader
    _logs: InMemoryLogRecordExporter

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that have ended, in the order in which they ended."""
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """Return the one span with this name.

        Raises:
            AssertionError: There is none, or more than one.
        """
        found = [span for span in self.spans() if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name!r}; there are {[s.name for s in self.spans()]}"
        return found[0]

    def metric(self, name: str) -> dict[tuple[tuple[str, Any], ...], Any]:
        """Return the points of a metric by their sorted attributes: a number, or (count, sum) of a histogram."""
        data = self._reader.get_metrics_data()
        points: dict[tuple[tuple[str, Any], ...], Any] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == name:
                        points |= {_key(point): _value(point) for point in metric.data.data_points}
        return points

    def logs(self) -> list[Any]:
        """Return the log records, in the order in which they were emitted."""
        return [entry.log_record for entry in self._logs.get_finished_logs()]


def _key(point: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(point.attributes.items()))


def _value(point: Any) -> Any:
    return point.value if hasattr(point, "value") else (point.count, point.sum)


@contextmanager
def recording(
    environment: Mapping[str, str] | None = None, adapters: Sequence[Adapter] = ()
) -> Iterator[RecordedTelemetry]:
    """Record everything that happens inside, through providers of its own that are not global.

    Errors of agentotel's own are raised inside, so that a test cannot pass because something was skipped.

    Args:
        environment: Settings by their environment variables; none are read from the real environment, nor from files.
        adapters: Whose native spans are recorded besides those of the registry. What an adapter patches is patched
            by `agentotel.patching.patch_adapter`.
    """
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(IdSpanProcessor())
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(IdLogRecordProcessor())
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    recorder = record_into(load_settings(environment or {}, Path()), Parts(tracers, meters, loggers)).recorder
    natives = [native for adapter in (*ADAPTERS, *adapters) for native in adapter.natives]
    native_spans.adopt(tracers, meters, natives, recorder)
    _pass_on_to(tracers)
    previous, was_strict = patching.observer(), failopen.is_strict()
    patching.observe(recorder)
    failopen.configure(strict=True)
    try:
        yield RecordedTelemetry(recorder, tracers, loggers, spans, reader, logs)
    finally:
        _stop_passing_on(tracers)
        failopen.configure(strict=was_strict)
        patching.observe(previous) if previous is not None else patching.stop_observing()
        tracers.shutdown()
        meters.shutdown()
        loggers.shutdown()


_recording_now: list[TracerProvider] = []


class _PassingTracerProvider(trace.TracerProvider):
    """The global provider: its tracers ask at every span who is recording."""

    def get_tracer(self, instrumenting_module_name: str, *args: Any, **kwargs: Any) -> trace.Tracer:
        return _PassingTracer(instrumenting_module_name, args, kwargs)


class _PassingTracer(trace.NoOpTracer):
    def __init__(self, *scope: Any) -> None:
        self._scope = scope

    def _tracer(self) -> trace.Tracer:
        name, args, kwargs = self._scope
        return _recording_now[-1].get_tracer(name, *args, **kwargs) if _recording_now else trace.NoOpTracer()

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        return self._tracer().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._tracer().start_as_current_span(*args, **kwargs)


def _pass_on_to(tracers: TracerProvider) -> None:
    _recording_now.append(tracers)
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        trace.set_tracer_provider(_PassingTracerProvider())


def _stop_passing_on(tracers: TracerProvider) -> None:
    _recording_now.remove(tracers)
