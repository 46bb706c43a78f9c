"""Which tracer an SDK's provider gives: one of light spans wherever they are exactly what the SDK's would be."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, StaticSampler
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from agentotel.distro.light_tracing import LightTracer
from agentotel.distro.span_counts import span_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Tracer
    from opentelemetry.trace import TracerProvider as ApiTracerProvider

    from agentotel.telemetry.late import Later

_logger = logging.getLogger("agentotel")


def light_tracer(
    provider: ApiTracerProvider, scope_name: str, scope_version: str | None = None, later: Later | None = None
) -> Tracer:
    """Return a tracer of light spans, or the provider's own tracer where they cannot be had.

    That is the case for a provider that is not the SDK's or is disabled, and for an SDK that makes its spans in a way
    that light spans do not know.

    Args:
        provider: Where the tracer comes from.
        scope_name: Under which its spans are exported.
        scope_version: Its version.
        later: Takes what can be counted later.
    """
    tracer = provider.get_tracer(scope_name, scope_version)
    if type(tracer) is SdkTracer and light_spans_agree_with_the_sdk():
        return LightTracer(tracer, span_counts(tracer, later))
    return tracer


@functools.cache
def light_spans_agree_with_the_sdk() -> bool:
    """Tell, after a trial of about a millisecond, whether light spans are what this version of the SDK would make.

    They use names that are private to the SDK, and a later version may give one of them another meaning.
    """
    try:
        by_sdk, by_us = _trial()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the SDK's own tracer does not need any of it
        _logger.debug("agentotel: the SDK makes all spans itself: %r", error)
        return False
    return by_sdk == by_us


class _Shown(SpanProcessor):
    """Notes all that there is to see of a span."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        span.set_attribute("seen", [True])

    def on_end(self, span: ReadableSpan) -> None:
        dropped = span.dropped_attributes, span.dropped_events, span.dropped_links
        self.seen.append((span.to_json(), dropped, span.instrumentation_scope, span.get_span_context()))


def _uncounted(parent: SpanContext | None, decision: Decision) -> Callable[[], Callable[[], object]]:
    del parent, decision
    return lambda: int


class _Ids(IdGenerator):
    """Gives the same ids each time."""

    def __init__(self) -> None:
        self._last = 0

    def generate_span_id(self) -> int:
        self._last += 1
        return self._last

    generate_trace_id = generate_span_id


def _trial() -> tuple[list[Any], list[Any]]:
    """Make the same spans by the SDK and by ourselves; return what a processor has seen of each."""
    seen = []
    for make in (lambda tracer: tracer, lambda tracer: LightTracer(tracer, _uncounted)):
        provider = TracerProvider(
            ParentBased(StaticSampler(Decision.RECORD_AND_SAMPLE)),
            Resource.get_empty(),
            shutdown_on_exit=False,
            id_generator=_Ids(),
        )
        shown = _Shown()
        provider.add_span_processor(shown)
        tracer = make(provider.get_tracer("trial", "1"))
        root = tracer.start_span("root", attributes={"a": "b", "c": 1}, start_time=1)
        inner = tracer.start_span("inner", set_span_in_context(root), SpanKind.CLIENT, start_time=2)
        inner.set_attributes({"a": 1, "b": ("x",), "c": 0.5, "d": True, "e": "last"})
        inner.set_status(Status(StatusCode.ERROR, "words"))
        inner.add_event("event", {"e": 1}, timestamp=2)
        inner.update_name("inner one")
        inner.end(3)
        root.set_attributes({"a": "again"})
        root.end(4)
        seen.append(shown.seen)
    return seen[0], seen[1]
