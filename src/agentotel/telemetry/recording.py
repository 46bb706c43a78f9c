"""One operation that has started: its span, its place in the tree, what its children add to it, and its one end."""

from __future__ import annotations

import threading
from time import perf_counter_ns
from typing import TYPE_CHECKING, cast

from opentelemetry.context import attach, get_current

from agentotel.model.operations import AgentRun, ModelCall, Operation, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from agentotel._base.clock import Stopwatch
    from agentotel.telemetry.attributes import Attributes


class Totals:
    """What the model calls inside a run have used, summed up as they end. Guarded by a lock: tools run in threads.

    Attributes:
        calls: Model calls that reported usage.
        usage: Their tokens.
        cost: Their cost by currency.
    """

    __slots__ = ("_lock", "calls", "cost", "usage")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.usage = Usage()
        self.cost: dict[str, float] = {}

    def add(self, usage: Usage, cost: tuple[str, float] | None) -> None:
        """Add the tokens and the cost (currency, amount) of one model call."""
        with self._lock:
            self.calls += 1
            for field in Usage.__slots__:
                count = getattr(usage, field)
                if count is not None:
                    setattr(self.usage, field, (getattr(self.usage, field) or 0) + count)
            if cost is not None:
                currency, amount = cost
                self.cost[currency] = self.cost.get(currency, 0.0) + amount


class ActiveRecording:
    """An operation between its start and its end, as `agentotel.model.contract.Recording` describes it.

    Args:
        operation: What is recorded.
        outer: The recording around it, None at the root.
        span: Its span; `INVALID_SPAN` where somebody else's span stands for it.
        context: The OpenTelemetry context in which it is current.
        started_with: The attributes that the span started with.
        finish: Called once, at the end.
    """

    __slots__ = (
        "_chunks",
        "_finish",
        "_first_chunk_ns",
        "_functions",
        "_last_chunk_ns",
        "_open",
        "agent",
        "context",
        "counts_itself",
        "failure_id",
        "inner",
        "limit_said",
        "official",
        "operation",
        "outer",
        "span",
        "started_with",
        "totals",
        "user_id",
        "watch",
    )

    def __init__(
        self,
        operation: Operation,
        outer: ActiveRecording | None,
        span: Span,
        context: Context,
        started_with: Attributes,
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
        self.official = False
        self.totals = Totals()
        self.inner: InnerRecording | None = None
        self.failure_id: int | None = None
        self.user_id: str | None = None
        self.limit_said = False
        self.counts_itself = False
        self._finish = finish
        self._functions = {id(operation.function)}
        self._open = threading.Lock()
        self._chunks = 0
        self._first_chunk_ns = 0
        self._last_chunk_ns = 0

    # --- the contract: called by patching and by adapters with events ---

    def activate(self) -> object:
        """Make it current; return what was current before."""
        previous = get_current()
        attach(self.context)
        return previous

    def suspend(self, token: object) -> None:
        """Put back what `activate` returned.

        The previous context is attached rather than the token reset: a generator that is closed from another task
        would otherwise log "Failed to detach context" (opentelemetry-python#2606).
        """
        attach(cast("Context", token))

    def chunk(self) -> None:
        """Note that a piece of the stream has arrived."""
        now = perf_counter_ns()
        if not self._chunks:
            self._first_chunk_ns = now
        self._last_chunk_ns = now
        self._chunks += 1

    def stop(self) -> None:
        """End it; only the first end counts."""
        if self._open.acquire(blocking=False):
            self._finish(self, None)

    def fail(self, error: BaseException) -> None:
        """End it with an exception; only the first end counts."""
        if self._open.acquire(blocking=False):
            self._finish(self, error)

    # --- for the recorder ---

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._open.locked()

    def is_same_run(self, operation: Operation) -> bool:
        """Tell whether `operation` is this one, seen again through another function on the same object.

        That is what an override does that calls ``super()``, or a public method that delegates to another one. The
        same function again is a recursion, and that is a run of its own.
        """
        mine = self.operation
        if operation.subject is None or operation.subject is not mine.subject or type(operation) is not type(mine):
            return False
        if id(operation.function) in self._functions:
            return False
        self._functions.add(id(operation.function))
        return True

    def takes_in(self, operation: Operation) -> bool:
        """Tell whether a model call that starts directly inside this one is this one, seen by a lower layer.

        The first one is; another one is a call of its own (a client that tries a second model).
        """
        return isinstance(operation, ModelCall) and isinstance(self.operation, ModelCall) and self.inner is None

    def time_to_first_chunk(self) -> float | None:
        """Return the seconds until the first piece, None if none came."""
        if not self._chunks:
            return None
        return max(0.0, self.watch.elapsed_s() - (perf_counter_ns() - self._first_chunk_ns) / 1e9)

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
        if isinstance(self.operation, AgentRun):
            return self.operation
        return next((around.operation for around in self.around() if isinstance(around.operation, AgentRun)), None)


class InnerRecording(ActiveRecording):
    """A model call that a lower layer sees of the call that `outer` records: one span, one count.

    It has no span of its own. Its end completes the outer operation with what only the lower layer knows.
    """

    __slots__ = ()

    def merge(self) -> None:
        """Give the outer recording what this one knows."""
        outer, inner = self.outer, self.operation
        assert outer is not None
        assert isinstance(inner, ModelCall)
        assert isinstance(outer.operation, ModelCall)
        complete(outer.operation, inner)
        if not outer._chunks:  # noqa: SLF001 - the same class
            outer._chunks = self._chunks  # noqa: SLF001
            outer._first_chunk_ns = self._first_chunk_ns  # noqa: SLF001
            outer._last_chunk_ns = self._last_chunk_ns  # noqa: SLF001


_OF_THE_INNERMOST = frozenset(
    {
        "operation",
        "provider",
        "request_model",
        "response_model",
        "response_id",
        "usage",
        "server_address",
        "server_port",
    }
)


def complete(outer: ModelCall, inner: ModelCall) -> None:
    """Merge what the inner call knows into the outer one: the inner one's word counts where both have one."""
    for field in (*ModelCall.__slots__, "conversation_id"):
        theirs = getattr(inner, field)
        if theirs in (None, (), False, 0):
            continue
        if field in _OF_THE_INNERMOST or not getattr(outer, field):
            setattr(outer, field, theirs)
    for key, value in inner.attributes.items():
        outer.attributes.setdefault(key, value)
