"""Counts light spans as the SDK's tracer counts its own: ``otel.sdk.span.started`` and ``otel.sdk.span.live``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.sdk.metrics import Counter, UpDownCounter
from opentelemetry.sdk.trace.sampling import Decision

from agentotel._base.tally import Tally
from agentotel.distro.cell_meter import cells_agree_with_the_sdk
from agentotel.distro.cell_recording import Cells, Target
from agentotel.telemetry.late import Sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import Tracer
    from opentelemetry.trace import SpanContext

    from agentotel.distro.cell_recording import Cell
    from agentotel.telemetry.late import Later

    Starting = Callable[[], Callable[[], object]]
    Started = Callable[[SpanContext | None, Decision], Starting]

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
        counts = _LateCounts(_cells(started, "Counter"), _cells(live, "UpDownCounter"))
        later.keep(counts)
        return counts.start_span
    return partial(partial, of_sdk.start_span)


def _cells(instrument: Any, kind: str) -> Cells:
    return Cells(Target(instrument, instrument.add, kind, only_increases=kind == "Counter", choose=None))


class _KindCounts(NamedTuple):
    """The counters of one kind of spans.

    Attributes:
        started: Those that have started since the last time.
        ended: Those that have ended.
        all_started: The cell of the SDK's counter.
        live: That of its number of open spans; None for a kind of which none ever is.
    """

    started: Tally
    ended: Tally
    all_started: Cell
    live: Cell | None


class _LateCounts(Sums):
    """Counts without a lock, and adds to the cells of the SDK's instruments later.

    State: the counters of each kind of span, of which there are at most nine.
    """

    def __init__(self, started: Cells, live: Cells) -> None:
        self._started = started
        self._live = live
        self._kinds: dict[tuple[str, int], _KindCounts] = {}

    def start_span(self, parent: SpanContext | None, decision: Decision) -> Starting:
        """Return what counts a span of this kind."""
        origin = "none" if parent is None else "remote" if parent.is_remote else "local"
        kind = self._kinds.get((origin, decision._value_))
        if kind is None:
            kind = self._kinds.setdefault((origin, decision._value_), self._kind(origin, decision))
        count_start, count_end = kind.started.add_one, _nothing if kind.live is None else kind.ended.add_one

        def start() -> Callable[[], object]:
            count_start()
            return count_end

        return start

    def _kind(self, origin: str, decision: Decision) -> _KindCounts:
        all_started = self._started.bind({_PARENT_ORIGIN: origin, _SAMPLING_RESULT: decision.name})
        is_live = decision is not Decision.DROP
        live = self._live.bind({_SAMPLING_RESULT: decision.name}) if is_live else None
        return _KindCounts(Tally(), Tally(), all_started, live)

    def add_up(self) -> None:
        """Add what was counted to the SDK's instruments."""
        for kind in list(self._kinds.values()):
            ended = kind.ended.take()  # before those that have started: each of these has done that, too
            started = kind.started.take()
            if started:
                kind.all_started.record(started)
            if kind.live is not None and (started or ended):
                kind.live.record(started - ended)

    def forget(self) -> None:
        """Count from nothing."""
        for kind in list(self._kinds.values()):
            kind.ended.take()
            kind.started.take()


def _nothing() -> None:
    """Do nothing: a span that is not recorded has no end."""
