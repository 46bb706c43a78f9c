"""Providers that the program sets up itself: they become the global ones as without us, and our spans go through them.

OpenTelemetry lets a global provider be set once. Ours are set before the program starts, so its own call would only
get a warning, and its processors would never see a span. Instead the call succeeds; the recorder then makes its spans
with the program's tracer provider (its sampler, resource, processors), to which our exporters are added behind its
own. Its meter and logger providers become global too; what we measure and log goes on to ours.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry._logs import _internal as logs_state
from opentelemetry.metrics import _internal as metrics_state
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span

_STATES: Final = (
    (trace, "_TRACER_PROVIDER_SET_ONCE"),
    (metrics_state, "_METER_PROVIDER_SET_ONCE"),
    (logs_state, "_LOGGER_PROVIDER_SET_ONCE"),
)


def allow(ours: TracerProvider, joined: Callable[[trace.TracerProvider], object]) -> None:
    """Let the program set providers of its own from now on, or use those that it had set before we were started.

    Called after ours have been made global where there was none.

    Args:
        ours: Our tracer provider, whose exporters go on getting all spans.
        joined: Called with the tracer provider that the program has set: spans are to be made with it.
    """
    join = functools.partial(_join, ours, joined)
    join(trace.get_tracer_provider())
    for module, once in _STATES:
        setattr(module, once, type(getattr(module, once))())
    setattr(trace, "set_tracer_provider", _telling(trace.set_tracer_provider, join))  # noqa: B010 - mypy knows it as fixed


def _telling(original: Callable[[Any], None], tell: Callable[[Any], None]) -> Callable[[Any], None]:
    @functools.wraps(original)
    def set_tracer_provider(tracer_provider: Any) -> None:
        original(tracer_provider)
        attempt("providers.join", tell, tracer_provider)

    return set_tracer_provider


def _join(ours: TracerProvider, joined: Callable[[trace.TracerProvider], object], theirs: Any) -> None:
    provider = _sdk_provider(theirs)
    if theirs is trace.get_tracer_provider() and provider is not None and provider is not ours:
        provider.add_span_processor(_OurExporters(ours, provider))
        joined(theirs)


def _sdk_provider(provider: Any) -> TracerProvider | None:
    """Return the SDK's provider, also inside one that only passes on what it is asked (logfire's)."""
    while provider is not None and not isinstance(provider, TracerProvider):
        provider = getattr(provider, "provider", None)
    return provider


class _OurExporters(SpanProcessor):
    """Hands the spans of the program's provider to the processors of ours, whose life does not end with it.

    Args:
        ours: Our provider.
        theirs: The program's.
    """

    def __init__(self, ours: TracerProvider, theirs: TracerProvider) -> None:
        self._processors = ours._active_span_processor  # noqa: SLF001 - the SDK does not tell them otherwise
        self._theirs = theirs._active_span_processor  # noqa: SLF001 - the same
        self._seen: tuple[SpanProcessor, ...] = ()
        self._exports_there_already = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Add the ids."""
        self._processors.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand it on, unless the program itself sends its spans to where ours would go: then it is there already."""
        theirs = self._theirs._span_processors  # noqa: SLF001 - processors may be added at any time
        if theirs is not self._seen:
            self._seen = theirs
            others = [processor for processor in theirs if processor is not self]
            here = _endpoints(self._processors._span_processors)  # noqa: SLF001 - as above
            self._exports_there_already = bool(here & _endpoints(others))
        if not self._exports_there_already:
            self._processors.on_end(span)

    def shutdown(self) -> None:
        """Deliver what there is; our processors are shut down with the process."""
        self._processors.force_flush()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Deliver what there is."""
        return self._processors.force_flush(timeout_millis)


def _endpoints(processors: Any) -> set[str]:
    """Return where OTLP exporters among these processors send to."""
    found = set()
    for processor in processors:
        exporter = getattr(processor, "span_exporter", None)
        while exporter is not None:
            endpoint = getattr(exporter, "_endpoint", None)
            if isinstance(endpoint, str):
                found.add(endpoint.removeprefix("http://").removeprefix("https://"))
            exporter = getattr(exporter, "_exporter", None)
    return found
