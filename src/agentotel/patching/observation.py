"""Who is told about intercepted calls: this module owns state, the one active observer of the process.

Wrappers look it up at every call. So `stop_observing` switches all of them off at once, and nothing has to be
unpatched: a wrapper without an observer just calls what it wraps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from agentotel.model.contract import Observer, Recording
    from agentotel.model.operations import Operation

_NOT_ACTIVE: Final = object()

_observer: Observer | None = None


def observe(observer: Observer) -> None:
    """Make `observer` the one that every intercepted call is reported to, from now on."""
    global _observer  # noqa: PLW0603 - the module owns this state, as its docstring says
    _observer = observer


def stop_observing() -> None:
    """Let all intercepted calls pass straight through; recordings that are open go on to their end."""
    global _observer  # noqa: PLW0603 - the module owns this state, as its docstring says
    _observer = None


def observer() -> Observer | None:
    """Return the active observer, or None while nobody observes."""
    return _observer


class CurrentObserver:
    """An `Observer` that stands for whichever is active at the time of each call.

    Give it to whoever keeps an observer for good (the callbacks of a framework), so that `observe` and
    `stop_observing` reach them too. What it gives never raises: callbacks run outside of every guard.
    """

    @property
    def wants_content(self) -> bool:
        """Whether content may be recorded at all; not while nobody observes."""
        active = _observer
        return active is not None and bool(attempt("recorder.wants_content", getattr, active, "wants_content"))

    def start(self, operation: Operation, within: Recording | None = None) -> Recording | None:
        """Start recording with the active observer; None while nobody observes."""
        active = _observer
        if active is None:
            return None
        real = within.real if isinstance(within, GuardedRecording) else within
        recording = attempt("recorder.start", active.start, operation, real)
        return None if recording is None else GuardedRecording(recording)

    def current(self) -> Operation | None:
        """Return the innermost open operation of this context; None while nobody observes."""
        active = _observer
        return None if active is None else attempt("recorder.current", active.current)


class GuardedRecording:
    """A recording none of whose methods raises, for those who call them outside of the guard.

    Args:
        real: The recorder's own.
    """

    __slots__ = ("operation", "real")

    def __init__(self, real: Recording) -> None:
        self.real = real
        self.operation = real.operation

    def activate(self) -> object:
        """Make it current; return what `suspend` needs."""
        previous = attempt("recorder.activate", self.real.activate)
        return _NOT_ACTIVE if previous is None else previous

    def suspend(self, token: object) -> None:
        """Put back what was current before."""
        if token is not _NOT_ACTIVE:
            attempt("recorder.suspend", self.real.suspend, token)

    def chunk(self) -> None:
        """Note that a piece has arrived."""
        attempt("recorder.chunk", self.real.chunk)

    def headers(self) -> dict[str, str]:
        """Return what to send along; nothing where that fails."""
        return attempt("recorder.headers", self.real.headers) or {}

    def expire(self) -> None:
        """Let no more time pass on it."""
        attempt("recorder.expire", self.real.expire)

    def stop(self) -> None:
        """End it."""
        attempt("recorder.stop", self.real.stop)

    def fail(self, error: BaseException) -> None:
        """End it with an exception."""
        attempt("recorder.fail", self.real.fail, error)
