"""Which operations are open in this process: the one place that knows.

Whoever ends a process asks here what has to be ended with it. This module owns state: the open recordings, in the
order in which they started. It has no lock: each function is one step of a dictionary, which threads, signal handlers
and finalisers may take at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel._base.failopen import attempt
from agentotel.model.operations import AgentRun, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from agentotel._base.clock import Stopwatch

    class Interruptible(Protocol):
        """A recording, as far as this module needs to know it."""

        watch: Stopwatch

        @property
        def operation(self) -> Operation:
            """What is recorded."""

        def interrupt(self) -> None:
            """End it, marked as interrupted."""

        def disown(self) -> None:
            """Leave its end to another process."""


_open: dict[Interruptible, None] = {}


def opened(recording: Interruptible) -> None:
    """Note that `recording` has started."""
    _open[recording] = None


def ended(recording: Interruptible) -> None:
    """Note that `recording` has ended; doing it again changes nothing."""
    _open.pop(recording, None)


def count() -> int:
    """Return how many are open."""
    return len(_open)


def run_ages() -> Iterator[tuple[str | None, float]]:
    """Yield the agent's name and the age in s of each run of an agent that is open."""
    for recording in list(_open):
        if isinstance(recording.operation, AgentRun):
            yield recording.operation.name, recording.watch.elapsed_s()


def interrupt_all() -> None:
    """End every open recording with what is known of it, because its process ends: from the inside out."""
    for recording in reversed(list(_open)):
        attempt("recorder.interrupt", recording.interrupt)


def disown_all() -> None:
    """Leave the end of every open recording to the parent of this process, which was just forked."""
    for recording in list(_open):
        attempt("recorder.disown", recording.disown)
    _open.clear()
