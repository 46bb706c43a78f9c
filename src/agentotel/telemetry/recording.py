"""One operation that has started: its span, its place in the tree, what its children add to it, and its one end."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import propagate
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Span, get_current_span

from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.model.operations import AgentRun, ModelCall, Operation
from agentotel.telemetry import open_recordings
from agentotel.telemetry.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentotel._base.clock import Stopwatch
    from agentotel.identity import Identity
    from agentotel.privacy import SpanBudget
    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.inner_recording import InnerRecording
    from agentotel.telemetry.late import LateAttributes

    Mark = tuple[int, object, int]


def _functions() -> tuple[Callable[[], Context], Callable[[Any], Any]]:
    """Return what gives the current context, and what makes one current: of the variable itself, where there is one.

    A stream needs both for each of its pieces, and OpenTelemetry's own functions cost two calls more.
    """
    token = attach(get_current())
    detach(token)
    variable = getattr(token, "var", None)
    return (variable.get, variable.set) if isinstance(variable, ContextVar) else (get_current, attach)


current_context, _make_current = _functions()
_making_totals: Final = threading.Lock()


class ActiveRecording:
    """An operation between its start and its end, as `agentotel.model.contract.Recording` describes it.

    Args:
        operation: What is recorded.
        outer: The recording around it, None at the root.
        span: Its span; `INVALID_SPAN` where somebody else's span stands for it.
        context: The OpenTelemetry context in which it is current.
        started_with: The attributes that the span started with.
        finish: Called once, at the end.

    Attributes:
        is_told_late: Its span may have started before all was known that it starts with.
        is_told_at_start: The span's first attributes were put together before the operation was complete.
        tell: Completes the operation with what is known so far, where its process ends before it; None if there is
            nothing to tell.
    """

    # What most recordings never change stands in the class: there are several for each run of an agent.
    official = False
    budget: SpanBudget | None = None
    who: Identity | None = None
    named_after: str | None = None
    inner: InnerRecording | None = None
    is_told_late = False
    is_told_at_start = True
    failure: Mark | None = None
    broken_by: BaseException | None = None
    user_id: str | None = None
    limit_said = False
    counts_itself = False
    tell: Callable[[], object] | None = None
    _totals: Totals | None = None
    _chunks = 0
    _first_chunk_ns = 0
    _last_chunk_ns = 0

    def __init__(
        self,
        operation: Operation,
        outer: ActiveRecording | None,
        span: Span,
        context: Context,
        started_with: LateAttributes,
        agent: Attributes,
        watch: Stopwatch,
        finish: Callable[[ActiveRecording, BaseException | None], None],
    ) -> None:
        self.operation = operation
        self.outer = outer
        self.span = span
        self.context = context
        self.started_with = started_with
        self.agent = agent
        self.watch = watch
        self._finish = finish
        self._open = threading.Lock()

    # --- the contract: called by patching and by adapters with events ---

    def activate(self) -> object:
        """Make it current; return what was current before."""
        previous = current_context()
        _make_current(self.context)
        return previous

    suspend: Final = staticmethod(_make_current)
    """Put back what `activate` returned.

    The previous context is attached rather than the token reset: a generator that is closed from another task
    would otherwise log "Failed to detach context" (opentelemetry-python#2606).
    """

    def chunk(self) -> None:
        """Note that a piece of the stream has arrived."""
        self._last_chunk_ns = perf_counter_ns()
        self._chunks += 1
        if not self._first_chunk_ns:
            self._first_chunk_ns = self._last_chunk_ns

    def headers(self) -> dict[str, str]:
        """Return what the configured propagators send along with a request of this operation."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier, self.context)
        return carrier

    def expire(self) -> None:
        """Let no more time pass on it; it is ended later, outside of the garbage collector."""
        self.watch.stop()

    def stop(self) -> None:
        """End it; only the first end counts."""
        if self._open.acquire(blocking=False):
            self._end(None)

    def fail(self, error: BaseException) -> None:
        """End it with an exception; only the first end counts."""
        if self._open.acquire(blocking=False):
            self._end(error)

    # --- for the end of a process, see `open_recordings` ---

    def interrupt(self) -> None:
        """End it because the process ends, with what is known of it."""
        if self._open.acquire(blocking=False):
            if self.tell is not None:
                attempt("recorder.tell", self.tell)
            self.operation.cancelled = True
            self.operation.attributes[names.INTERRUPTED] = True
            self._end(None)

    def disown(self) -> None:
        """Leave its end to the process that this one was forked from; what starts inside it still belongs to it."""
        self._finish = _nothing
        self._totals = None  # whoever held the lock of the other one at the fork is not here to release it

    def _end(self, error: BaseException | None) -> None:
        try:
            self._finish(self, error)
        finally:  # not before: what is just being ended is still waited for at the end of the process
            self.tell = None
            open_recordings.ended(self)

    # --- for the recorder ---

    def part_from_context(self) -> None:
        """Let its context name what is around it in its place, once all is done.

        Both would hold each other: each operation would be garbage that only the collector can find.
        """
        own: dict[str, object] = {names.RECORDING_KEY: self.outer}
        self.context = Context(self.context, **own)

    @property
    def totals(self) -> Totals:
        """What the model calls inside have used; made when one of them has."""
        found = self._totals
        if found is None:
            with _making_totals:
                found = self._totals
                if found is None:
                    found = self._totals = Totals()
        return found

    @property
    def calls_inside(self) -> int:
        """How many model calls inside have reported usage."""
        return 0 if self._totals is None else self._totals.calls

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._open.locked()

    def is_same_run(self, operation: Operation) -> bool:
        """Tell whether `operation` is this one, seen again through another function on the same object.

        That is what an override does that calls ``super()`` (once, or again after a failure), or a public method that
        delegates to another one. The function that the run began with is a recursion, and that is a run of its own.
        """
        mine = self.operation
        if operation.subject is None or operation.subject is not mine.subject or type(operation) is not type(mine):
            return False
        return operation.function is not mine.function

    def takes_in(self, operation: Operation) -> bool:
        """Tell whether a model call that starts directly inside this one is this one, seen by a lower layer.

        The first one is; another one is a call of its own (a client that tries a second model).
        """
        return isinstance(operation, ModelCall) and isinstance(self.operation, ModelCall) and self.inner is None

    def time_to_first_chunk(self) -> float | None:
        """Return the seconds until the first piece, None if none came."""
        if not self._chunks:
            return None
        return self.watch.seconds_until(self._first_chunk_ns)

    def time_per_chunk(self) -> float | None:
        """Return the mean seconds between pieces after the first, None with fewer than two."""
        if self._chunks < 2:  # noqa: PLR2004 - an interval needs two ends
            return None
        return (self._last_chunk_ns - self._first_chunk_ns) / 1e9 / (self._chunks - 1)

    def around(self) -> Iterator[ActiveRecording]:
        """Yield the recordings around this one, from the inside out."""
        outer = self.outer
        while outer is not None:
            yield outer
            outer = outer.outer

    def enclosing_run(self) -> AgentRun | None:
        """Return the innermost agent run that this operation belongs to, itself included."""
        found = self if isinstance(self.operation, AgentRun) else self.run_around()
        return None if found is None else found.operation  # type: ignore[return-value] # that of a run

    def run_around(self) -> ActiveRecording | None:
        """Return the recording of the innermost agent run around this one."""
        outer = self.outer
        while outer is not None and not isinstance(outer.operation, AgentRun):
            outer = outer.outer
        return outer


def _nothing(recording: ActiveRecording, error: BaseException | None) -> None:
    """End what another process ends."""


class RecordedSpan(Span):
    """A span that belongs to a recording and is made current by somebody else, who does not know of recordings.

    Attributes:
        recording: The recording, None where nothing is recorded around it.
    """

    recording: ActiveRecording | None


def innermost(context: Context) -> ActiveRecording | None:
    """Return the innermost recording of `context` that is still open, or None.

    One that has ended can still be current in a task that outlives it; what such a task does belongs to whatever
    is open around it.
    """
    recording = context.get(names.RECORDING_KEY)
    if isinstance(recording, ActiveRecording) and recording.context is context and not recording._open.locked():  # noqa: SLF001 - of this module
        return recording  # nothing has been made current since
    if not context:
        return None
    span = get_current_span(context)
    if isinstance(span, RecordedSpan) and span.recording is not recording:
        recording = _inner_one(span.recording, recording)
    while isinstance(recording, ActiveRecording) and recording.ended:
        recording = recording.outer
    return recording if isinstance(recording, ActiveRecording) else None


def _inner_one(of_span: ActiveRecording | None, of_context: object) -> object:
    """Return which of two is further in: the one of the current span, unless it stands around the other."""
    if of_span is None or (isinstance(of_context, ActiveRecording) and of_span in of_context.around()):
        return of_context
    return of_span
