"""Makes light spans, as an SDK's tracer makes its own: the same samplers, ids, limits and processors."""
# ruff: noqa: SLF001 - the SDK's tracer is read here, and there is no public way; a trial tells whether it can be

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer, get_current_span
from opentelemetry.util._decorator import _agnosticcontextmanager

from agentotel.distro.light_span import EndedSpan, LightSpan
from agentotel.distro.sampling_plan import NO_PLAN, plan_of
from agentotel.telemetry.late import LateAttributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Tracer as SdkTracer
    from opentelemetry.trace import Link
    from opentelemetry.util.types import Attributes

    from agentotel.distro.span_counts import Started

_RANDOM: Final = getattr(TraceFlags, "RANDOM_TRACE_ID", 0)
"""The flag that newer SDKs set where the id generator says that its trace ids are random."""

_SAMPLED: Final = TraceFlags.SAMPLED
_FLAGS: Final = {number: TraceFlags(number) for number in (0, _SAMPLED, _RANDOM, _SAMPLED | _RANDOM)}
_NOTHING: Final = (
    SpanProcessor.on_start,
    SpanProcessor._on_ending,
    *(getattr(kind, name) for kind in (BatchSpanProcessor, SimpleSpanProcessor) for name in ("on_start", "_on_ending")),
)
"""Methods of the SDK's processors that do nothing, and need not be called."""


class _Processors(NamedTuple):
    """The span processors of a provider, as light spans call them.

    Attributes:
        group: The tuple from which this was made; another one whenever a processor is added.
        start: ``on_start`` of those that do something there.
        ending: ``_on_ending`` likewise.
        end: ``on_end`` likewise.
    """

    group: tuple[SpanProcessor, ...] | None
    start: tuple[Callable[..., None], ...]
    ending: tuple[Callable[..., None], ...]
    end: tuple[Callable[..., None], ...]


class Origin:
    """What the light spans of one tracer have in common.

    State: which processors there were when it last looked.

    Args:
        tracer: The SDK's.
    """

    __slots__ = ("_group", "_processors", "limits", "scope", "tracer")

    def __init__(self, tracer: SdkTracer) -> None:
        self.tracer: Any = tracer
        self.scope = tracer._instrumentation_scope
        self.limits = tracer._span_limits
        processor: Any = tracer.span_processor
        self._group = processor if type(processor) is SynchronousMultiSpanProcessor else None
        self._processors = _Processors(None, (processor.on_start,), (processor._on_ending,), (processor.on_end,))

    def started(self, span: LightSpan, context: Context | None) -> None:
        """Tell the processors that a span has started."""
        for on_start in self._now().start:
            on_start(span, parent_context=context)

    def ended(self, span: LightSpan) -> None:
        """Tell the processors that a span has ended."""
        processors = self._now()
        for on_ending in processors.ending:
            on_ending(span)
        if processors.end:
            readable = EndedSpan(span)
            for on_end in processors.end:
                on_end(readable)

    def _now(self) -> _Processors:
        found, group = self._processors, self._group
        if group is None:  # of a kind that keeps its processors otherwise: it is one itself
            return found
        if group._span_processors is not found.group:
            found = self._processors = _processors(group._span_processors)
        return found


def _processors(group: tuple[SpanProcessor, ...]) -> _Processors:
    asked = [each for each in group if not getattr(each, "passes_over_light_spans", False)]
    start, ending = (
        tuple(getattr(each, name) for each in asked if getattr(type(each), name) not in _NOTHING)
        for name in ("on_start", "_on_ending")
    )
    return _Processors(group, start, ending, tuple(each.on_end for each in group if _is_told(each)))


def _is_told(processor: SpanProcessor) -> bool:
    return type(processor).on_end is not SpanProcessor.on_end


class LightTracer(Tracer):
    """Makes light spans, by the sampler, the id generator, the limits and the processors of an SDK's tracer.

    Args:
        tracer: The SDK's.
        count_start: Counts a span that starts; what it returns counts its end.
    """

    takes_late_attributes = True
    """Whether spans may be started with `agentotel.telemetry.late.LateAttributes`, read only if need be."""

    def __init__(self, tracer: SdkTracer, count_start: Started) -> None:
        self._tracer: Any = tracer
        self._count_start = count_start
        self._origin = Origin(tracer)
        self._plan = NO_PLAN

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - as the interface has it
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002
    ) -> Any:
        """Start a span; the SDK's own tracer does it where something unusual is asked for."""
        sdk = self._tracer
        if links or not (record_exception and set_status_on_exception):
            return sdk.start_span(
                name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
            )
        around = get_current_span(context).get_span_context()
        if not sdk._is_enabled():
            return NonRecordingSpan(context=around)
        parent = around if around.is_valid else None
        ids = sdk.id_generator
        trace_id = ids.generate_trace_id() if parent is None else parent.trace_id
        decision, attributes, state = self._sample(parent, context, trace_id, name, kind, attributes)
        flags = TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        if _RANDOM and (ids.is_trace_id_random() if parent is None else parent.trace_flags.random_trace_id):
            flags |= _RANDOM
        span_context = SpanContext(trace_id, ids.generate_span_id(), False, _FLAGS[flags], state)  # noqa: FBT003
        count_end = self._count_start(parent, decision)
        if decision is Decision.DROP:
            return NonRecordingSpan(context=span_context)
        span = LightSpan(name, span_context, parent, kind, attributes, start_time, count_end, self._origin)
        self._origin.started(span, context)
        return span

    def _sample(
        self, parent: SpanContext | None, context: Context | None, trace_id: int, name: str, kind: SpanKind, given: Any
    ) -> tuple[Decision, Any, Any]:
        """Return the decision, the attributes to start with and the trace state."""
        sampler, plan = self._tracer.sampler, self._plan
        if plan.sampler is not sampler:
            plan = self._plan = plan_of(sampler)
        if parent is None:
            decision, state = plan.root, None
        else:
            by_flag = plan.remote if parent.is_remote else plan.local
            decision, state = by_flag[parent.trace_flags.sampled], parent.trace_state
        if decision is None:
            asked = given.built() if isinstance(given, LateAttributes) else given
            result = sampler.should_sample(context, trace_id, name, kind, asked, ())
            return result.decision, result.attributes, result.trace_state
        return decision, given, state

    @_agnosticcontextmanager
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Start a span and make it current: the SDK's own tracer does it."""
        with self._tracer.start_as_current_span(*args, **kwargs) as span:
            yield span
