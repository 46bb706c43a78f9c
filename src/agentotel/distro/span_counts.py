"""Counts light spans as the SDK's tracer counts its own: ``otel.sdk.span.started`` and ``otel.sdk.span.live``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import Counter, UpDownCounter
from opentelemetry.sdk.trace.sampling import Decision

from agentotel.distro.cell_meter import cells_agree_with_the_sdk
from agentotel.distro.cell_recording import Cells, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.trace import SpanContext

    from agentotel.telemetry.late import Later, Work

    Starting = Callable[[], Callable[[], object]]
    Started = Callable[[SpanContext | None, Decision], Starting]

_SITE: Final = "tracer.counts"
_PARENT_ORIGIN: Final = "otel.span.parent.origin"
_SAMPLING_RESULT: Final = "otel.span.sampling_result"


def span_counts(tracer: Tracer, later: Later | None) -> Started:
    """Return what gives, for a kind of spans, what counts one that starts; what that returns counts its end.

    A kind is what a parent is (none, here, in another process) and what the sampler has decided. It is the SDK's own
    function where nothing is known about its instruments or nobody takes what can be done later.

    Args:
        tracer: Whose spans are counted.
        later: Takes what can be done later.
    """
    of_sdk: Any = getattr(tracer, "_tracer_metrics", None)
    started, live = getattr(of_sdk, "_started_spans", None), getattr(of_sdk, "_live_spans", None)
    is_known = isinstance(started, Counter) and isinstance(live, UpDownCounter)
    if later is not None and is_known and cells_agree_with_the_sdk():
        return _LateCounts(_cells(started, "Counter"), _cells(live, "UpDownCounter"), later).start_span
    return partial(partial, of_sdk.start_span)


def _cells(instrument: Any, kind: str) -> Cells:
    return Cells(Target(instrument, instrument.add, kind, only_increases=kind == "Counter", choose=None))


class _LateCounts:
    """Counts in cells, later.

    State: what it has found out about each kind of span, of which there are at most nine.
    """

    def __init__(self, started: Cells, live: Cells, later: Later) -> None:
        self._started = started
        self._live = live
        self._put = later.put  # the recorder, whose spans these are, looks how much is waiting
        self._kinds: dict[tuple[str, int], Starting] = {}

    def start_span(self, parent: SpanContext | None, decision: Decision) -> Starting:
        """Return what counts a span of this kind."""
        origin = "none" if parent is None else "remote" if parent.is_remote else "local"
        kind = self._kinds.get((origin, decision._value_))
        if kind is None:
            kind = self._kinds[origin, decision._value_] = self._starting(*self._kind(origin, decision))
        return kind

    def _starting(self, begin: Work, end: Callable[[], object]) -> Starting:
        put = self._put

        def start() -> Callable[[], object]:
            put(begin)
            return end

        return start

    def _kind(self, origin: str, decision: Decision) -> tuple[Work, Callable[[], object]]:
        started = self._started.bind({_PARENT_ORIGIN: origin, _SAMPLING_RESULT: decision.name})
        if decision is Decision.DROP:
            return (_SITE, started, (1,)), _nothing
        live = self._live.bind({_SAMPLING_RESULT: decision.name})

        def begin() -> None:
            started(1, None)
            live(1, None)

        return (_SITE, begin, ()), partial(self._put, (_SITE, live, (-1,)))


def _nothing() -> None:
    """Do nothing: a span that is not recorded has no end."""
