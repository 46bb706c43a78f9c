"""Makes light spans, as an SDK's tracer makes its own: the same samplers, ids, limits and processors."""
# ruff: noqa: SLF001 - the SDK's tracer is read here, and there is no public way; a trial tells whether it can be

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    TraceState,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util._decorator import _agnosticcontextmanager

from agentotel.distro.light_span import EndedSpan, LightSpan
from agentotel.distro.sampling_plan import NO_PLAN, plan_of
from agentotel.telemetry.late import LateAttributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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

(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())

_MOST_KINDS: Final = 1024
"""Kinds of parents that are remembered: others may send any flags."""

_NO_STATE: Final = SpanContext(1, 1, is_remote=False).trace_state
_CONTEXTS_ARE_KNOWN: Final = isinstance(INVALID_SPAN.get_span_context(), tuple) and tuple(
    SpanContext(1, 2, False, _FLAGS[_SAMPLED], TraceState())  # noqa: FBT003
) == (1, 2, False, _FLAGS[_SAMPLED], TraceState(), True)
"""Whether a span context is the tuple that it was in all versions: those of good ids need not be looked at again."""

_tuple: Final = tuple.__new__


class _Processors(NamedTuple):
    """The span processors of a provider, as light spans call them.

    Attributes:
        group: The tuple from which this was made; another one whenever a processor is added.
        start: ``on_start`` of those that do something there.
        ending: ``_on_ending`` likewise.
        end: ``on_end`` likewise.
        end_light: The same, where all of them take a light span as it is, and know that it has ended.
    """

    group: tuple[SpanProcessor, ...] | None
    start: tuple[Callable[..., None], ...]
    ending: tuple[Callable[..., None], ...]
    end: tuple[Callable[..., None], ...]
    end_light: tuple[Callable[..., None], ...]


class _Kind(NamedTuple):
    """What all spans with parents of one kind have in common.

    Attributes:
        decision: What the sampler decides for them; None where it has to be asked.
        flags: Of their contexts.
        count_start: Counts one that starts; what it returns counts its end.
    """

    decision: Decision | None
    flags: TraceFlags
    count_start: Callable[[], Callable[[], object]]


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
        self._processors = _Processors(None, (processor.on_start,), (processor._on_ending,), (processor.on_end,), ())

    def started(self, span: LightSpan, context: Context | None) -> None:
        """Tell the processors that a span has started."""
        found, group = self._processors, self._group
        if group is not None and group._span_processors is not found.group:
            found = self._processors = _processors(group._span_processors)
        for on_start in found.start:
            on_start(span, parent_context=context)

    def ended(self, span: LightSpan) -> None:
        """Tell the processors that a span has ended."""
        found, group = self._processors, self._group
        # Without a group it is of a kind that keeps its processors otherwise: it is one itself.
        if group is not None and group._span_processors is not found.group:
            found = self._processors = _processors(group._span_processors)
        for on_ending in found.ending:
            on_ending(span)
        if found.end:
            readable = EndedSpan(span)
            for on_end in found.end:
                on_end(readable)
        for on_end in found.end_light:
            on_end(span)


def _processors(group: tuple[SpanProcessor, ...]) -> _Processors:
    asked = [each for each in group if not getattr(each, "passes_over_light_spans", False)]
    start, ending = (
        tuple(getattr(each, name) for each in asked if getattr(type(each), name) not in _NOTHING)
        for name in ("on_start", "_on_ending")
    )
    told = [each for each in group if _is_told(each)]
    end = tuple(each.on_end for each in told)
    # All or none: a processor may change what those after it are given, to take something out of it.
    if all(getattr(each, "takes_light_spans", False) for each in told):
        return _Processors(group, start, ending, (), end)
    return _Processors(group, start, ending, end, ())


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
        self._ids: Any = None
        self._kinds: dict[Any, _Kind] = {}
        self._context = _any_context

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
        inside = (get_current() if context is None else context).get(_SPAN_KEY)
        around: Any = inside._context if type(inside) is LightSpan else get_current_span(context).get_span_context()
        if not sdk._is_enabled():
            return NonRecordingSpan(context=around)
        parent: SpanContext | None = around if around.is_valid else None
        ids = sdk.id_generator
        if sdk.sampler is not self._plan.sampler or ids is not self._ids:
            self._begin(sdk.sampler, ids)
        known = self._kinds.get(None if parent is None else (parent.is_remote, parent.trace_flags))
        decision, flags, count_start = known or self._learn(parent)
        trace_id = ids.generate_trace_id() if parent is None else parent.trace_id
        state = None if parent is None else parent.trace_state
        if decision is None:
            decision, attributes, state = self._ask(context, trace_id, name, kind, attributes)
            flags, count_start = self._flags(parent, decision), self._count_start(parent, decision)
        span_context = self._context(trace_id, ids.generate_span_id(), flags, state)
        count_end = count_start()
        if decision is Decision.DROP:
            return NonRecordingSpan(context=span_context)
        span = LightSpan(name, span_context, parent, kind, attributes, start_time, count_end, self._origin)
        self._origin.started(span, context)
        return span

    def _begin(self, sampler: Any, ids: Any) -> None:
        """Forget what was decided with another sampler or id generator."""
        # Only the SDK's own generator is known to give good ids.
        self._context = _good_context if _CONTEXTS_ARE_KNOWN and type(ids) is RandomIdGenerator else _any_context
        self._plan, self._ids = plan_of(sampler), ids
        self._kinds = {}  # last: what is learned is kept only where it was learned from this plan, see `_learn`

    def _learn(self, parent: SpanContext | None) -> _Kind:
        kinds = self._kinds  # before the plan: another thread may be about to exchange both
        plan = self._plan
        if parent is None:
            decision, key = plan.root, None
        else:
            by_flag = plan.remote if parent.is_remote else plan.local
            decision, key = by_flag[parent.trace_flags.sampled], (parent.is_remote, parent.trace_flags)
        if decision is None:
            return _Kind(None, _FLAGS[0], _uncounted)
        found = _Kind(decision, self._flags(parent, decision), self._count_start(parent, decision))
        if len(kinds) < _MOST_KINDS:
            kinds[key] = found
        return found

    def _flags(self, parent: SpanContext | None, decision: Decision) -> TraceFlags:
        flags = TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        if _RANDOM and (self._ids.is_trace_id_random() if parent is None else parent.trace_flags.random_trace_id):
            flags |= _RANDOM
        return _FLAGS[flags]

    def _ask(
        self, context: Context | None, trace_id: int, name: str, kind: SpanKind, given: Any
    ) -> tuple[Decision, Any, Any]:
        """Ask the sampler: return the decision, the attributes to start with and the trace state."""
        asked = given.built() if isinstance(given, LateAttributes) else given
        result = self._tracer.sampler.should_sample(context, trace_id, name, kind, asked, ())
        return result.decision, result.attributes, result.trace_state

    @_agnosticcontextmanager
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Start a span and make it current: the SDK's own tracer does it."""
        with self._tracer.start_as_current_span(*args, **kwargs) as span:
            yield span


def _good_context(trace_id: int, span_id: int, flags: TraceFlags, state: Any) -> SpanContext:
    return _tuple(SpanContext, (trace_id, span_id, False, flags, _NO_STATE if state is None else state, True))


def _any_context(trace_id: int, span_id: int, flags: TraceFlags, state: Any) -> SpanContext:
    return SpanContext(trace_id, span_id, False, flags, state)  # noqa: FBT003


def _uncounted() -> Callable[[], object]:
    """Count nothing: it is known only later what the sampler decides."""
    return int
