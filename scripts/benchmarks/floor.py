"""The floor: the naive use of the SDK for the same telemetry, written by hand around the same functions.

Per operation one span with 12 attributes, two histogram records and one counter, through the SDK's batch processor and
the official OTLP exporter.
"""

from __future__ import annotations

from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from openai.resources.chat.completions import Completions
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from benchmarks import program
from benchmarks.flushing import flush_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KNOWN_BEFORE: Final[dict[str, str | int | float]] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.max_tokens": 200,
    "server.address": "model.invalid",
}
_KNOWN_AFTER: Final[dict[str, str | int | list[str]]] = {
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 50,
    "gen_ai.usage.output_tokens": 12,
    "gen_ai.usage.cache_read.input_tokens": 10,
}
_OF_METRICS: Final = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
}


def install() -> Callable[[], None]:
    """Observe the functions of the program by hand; return what flushes the providers."""
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(meters)
    naive = _Naive()
    for owner, method in ((Completions, "create"), (program.SupportAgent, "chat"), (program.SearchTool, "execute")):
        setattr(owner, method, naive.observed(getattr(owner, method)))
    return flush_all((tracers, meters))


class _Naive:
    def __init__(self) -> None:
        self._tracer = trace.get_tracer("floor")
        meter = metrics.get_meter("floor")
        self._duration = meter.create_histogram("gen_ai.client.operation.duration", "s")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}")
        self._calls = meter.create_counter("agent.requests")

    def observed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def observe(*args: Any, **kwargs: Any) -> Any:
            if kwargs.get("stream"):
                return self._stream(function, args, kwargs)
            started = perf_counter()
            with self._tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=_KNOWN_BEFORE) as span:
                result = function(*args, **kwargs)
                span.set_attributes(_KNOWN_AFTER)
            self._count(started)
            return result

        return observe

    def _stream(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Iterator[Any]:
        started = perf_counter()
        with self._tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=_KNOWN_BEFORE) as span:
            yield from function(*args, **kwargs)
            span.set_attributes(_KNOWN_AFTER)
        self._count(started)

    def _count(self, started: float) -> None:
        self._duration.record(perf_counter() - started, _OF_METRICS)
        self._tokens.record(50, _OF_METRICS)
        self._calls.add(1, _OF_METRICS)
