"""Who is told about intercepted calls: this module owns state, the one active observer of the process.

Wrappers look it up at every call. So `stop_observing` switches all of them off at once, and nothing has to be
unpatched: a wrapper without an observer just calls what it wraps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentotel.model.contract import Observer, Recording
    from agentotel.model.operations import Operation

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
    `stop_observing` reach them too.
    """

    def start(self, operation: Operation) -> Recording | None:
        """Start recording with the active observer; None while nobody observes."""
        active = _observer
        return None if active is None else active.start(operation)

    def current(self) -> Operation | None:
        """Return the innermost open operation of this context; None while nobody observes."""
        active = _observer
        return None if active is None else active.current()
