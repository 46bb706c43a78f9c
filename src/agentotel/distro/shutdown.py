"""The end of the process, however it comes: what is open is ended, and all signals are delivered under one deadline."""

from __future__ import annotations

import atexit
import threading
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import attempt
from agentotel.patching import settle_collected, settle_streams
from agentotel.telemetry import open_recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Step = tuple[str, Callable[[], object]]

_PATIENCE_S: Final = 0.25
"""Seconds in which operations that other threads are just ending are waited for."""


class End:
    """The end of this process. It happens once, for whoever comes first: exit, signal or ``os._exit``.

    The SDK's own way shuts one provider down after the other, each with its own timeout: half a minute with a Collector
    that is away (opentelemetry-python#4043).

    State: whether it has begun, and whether it is over.

    Args:
        steps: What delivers the rest: pairs of a site for the fail-open guard and the function to call.
        deadline_s: Seconds that all of it may take.
        on_late: Called with the deadline when it has passed and something was still under way.
    """

    def __init__(self, steps: Sequence[Step], deadline_s: float, on_late: Callable[[float], None]) -> None:
        self.deadline_s = deadline_s
        self._steps = steps
        self._on_late = on_late
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what was: in a process that was just forked, whose own end is still to come."""
        self._begun = threading.Lock()
        self._over = threading.Event()
        self._by: int | None = None

    def at_exit(self) -> None:
        """Let it happen when the interpreter exits."""
        # Registered at start-up, so it runs after the program's own exit handlers, whose spans are still delivered.
        atexit.register(self.run)

    def run(self, under_way: Callable[[], object] | None = None) -> None:
        """End what is open and deliver everything; return when it is done, or the deadline has passed.

        Args:
            under_way: Called when nothing is left that may have to wait for a lock of another thread of the program.
        """
        if self._begun.acquire(blocking=False):
            self._by = threading.get_ident()
            try:
                self._run(under_way)
            except KeyboardInterrupt:
                pass  # a second Ctrl-C: the user does not want to wait any longer, and the program has ended already
            finally:
                self._over.set()
        elif self._by != threading.get_ident():
            self._over.wait(self.deadline_s)

    def _run(self, under_way: Callable[[], object] | None) -> None:
        end = monotonic() + self.deadline_s
        # In a thread: what it has to read of the program's own objects may never return.
        _wait(_start([("shutdown.open", _end_open)]), end - self.deadline_s / 2)
        threads = _start(self._steps)
        if under_way is not None:
            under_way()
        if not _wait(threads, end):
            attempt("shutdown.late", self._on_late, self.deadline_s)


def _end_open() -> None:
    attempt("shutdown.collected", settle_collected)
    attempt("shutdown.streams", settle_streams)
    open_recordings.interrupt_all()
    end = monotonic() + _PATIENCE_S
    while open_recordings.count() and monotonic() < end:  # others are just ending them: it takes microseconds
        sleep(0.001)


def run_all(steps: Sequence[Step], deadline_s: float) -> bool:
    """Run all `steps` in threads of their own; return whether all of them ended before the deadline."""
    end = monotonic() + deadline_s
    return _wait(_start(steps), end)


def _start(steps: Sequence[Step]) -> list[threading.Thread]:
    threads = [threading.Thread(target=attempt, args=step, name=step[0], daemon=True) for step in steps]
    for thread, step in zip(threads, steps, strict=True):
        try:
            thread.start()
        except RuntimeError:  # noqa: PERF203 - three threads. 3.12.0 and 3.12.1 start no thread in an exit handler (python/cpython#113964)
            attempt(*step)
    return threads


def _wait(threads: Sequence[threading.Thread], end: float) -> bool:
    for thread in filter(threading.Thread.is_alive, threads):
        thread.join(max(0.0, end - monotonic()))
    return not any(thread.is_alive() for thread in threads)
