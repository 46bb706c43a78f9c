"""Items on their way to an exporter: what is put here never waits, and what does not fit is counted to the last one.

The SDK's own batch processor does not say how much it drops (before 1.42), writes a log line in the program's thread
for each, and waits for the exporter without a limit when it is flushed.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from functools import partial
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakMethod

from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, attach, detach, set_value

from agentotel._base import failopen
from agentotel._base.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

_LEAST_TO_WAIT_S: Final = 0.001

NO_ROOM: Final = "more is recorded than can be sent"
NO_TIME: Final = "not everything could be sent in time at the end"
TOO_LATE: Final = "recorded after the end"


class Limits(NamedTuple):
    """How items are batched.

    Attributes:
        queue: How many may wait.
        batch: How many are exported together.
        delay_s: Seconds that one waits at most for others.
    """

    queue: int
    batch: int
    delay_s: float


class Batches:
    """A bounded queue and the thread that empties it into an exporter.

    There is no lock in `put`: it may be called by a signal handler or by the garbage collector, in the middle of
    another `put`. The thread is started by the first item, and in a forked child by the first one there; what was
    waiting at the fork is the parent's.

    State: what is waiting, the thread.

    Attributes:
        before: Called, where it is set, each time before all that is waiting is exported: it may put more.

    Args:
        export: Called with each batch, in the thread. What it raises is reported.
        limits: How items are batched.
        on_dropped: Called with the number of items that were dropped, and why.
        name: Of the thread, and of the site of errors.
        shrink: Called, where it is given, with each item that comes while more than a batch is waiting: it may have
            to wait for long, and should take little memory then.
    """

    def __init__(
        self,
        export: Callable[[list[Any]], object],
        limits: Limits,
        on_dropped: Callable[[int, str], None],
        name: str,
        shrink: Callable[[Any], object] | None = None,
    ) -> None:
        self._export = export
        self._limits = limits
        self._on_dropped = on_dropped
        self._name = name
        self._shrink = shrink
        self.before: Callable[[], object] | None = None
        self._is_closed = False
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_begin_anew, WeakMethod(self._begin)))

    def __len__(self) -> int:
        """Return how many are waiting."""
        return len(self._waiting)

    def put(self, item: Any) -> None:
        """Add an item; where there is no room, the oldest one makes it."""
        if self._is_closed:
            self._on_dropped(1, TOO_LATE)
            return
        waiting = self._waiting
        waiting.append(item)
        if len(waiting) > self._limits.batch:
            self._make_room(item)
        if self._thread is None or (len(waiting) >= self._limits.batch and not self._is_awake):
            self._wake()

    def expect(self) -> None:
        """Let the thread look in time, although nothing has been put yet: `before` is going to."""
        if self._thread is None and not self._is_closed:
            self._start()

    def flush(self, timeout_s: float) -> bool:
        """Export what is waiting; return whether that was done in `timeout_s`."""
        if self._is_closed or not (self._waiting or self._is_busy):
            return True
        done = threading.Event()
        self._flushes.append(done)
        if not self._wake():
            self._export_all()
        return done.wait(timeout_s)

    def close(self, timeout_s: float) -> None:
        """Export what is waiting and take nothing more, for at most `timeout_s`; the rest is dropped."""
        if self._is_closed:
            return
        self._give_up_at = monotonic() + timeout_s
        self._is_closed = True
        thread = self._thread
        if thread is None:
            self._export_all()
        else:
            self._wake()
            thread.join(timeout_s)
        self._give_up()

    def _begin(self) -> None:
        self._waiting: deque[Any] = deque()
        self._flushes: deque[threading.Event] = deque()
        self._overflow = Tally()
        self._calls: SimpleQueue[None] = SimpleQueue()  # its `put` may interrupt itself, unlike that of an Event
        self._is_awake = False
        self._is_busy = False
        self._under_way = 0
        self._give_up_at = inf
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def _make_room(self, item: Any) -> None:
        if self._shrink is not None:
            failopen.attempt(f"{self._name}.shrink", self._shrink, item)
        if len(self._waiting) <= self._limits.queue:
            return
        try:
            self._waiting.popleft()
        except IndexError:  # the thread has just taken them all
            return
        self._overflow.add_one()

    def _give_up(self) -> None:
        """Drop what is left at the end, and what the exporter has still not delivered."""
        left = len(self._waiting) + self._under_way
        if left:
            self._waiting.clear()
            self._on_dropped(left, NO_TIME)

    def _wake(self) -> bool:
        """Let the thread look; return whether there is one."""
        if self._thread is None and not self._start():
            return False
        self._is_awake = True
        self._calls.put(None)
        return True

    def _start(self) -> bool:
        if not self._starting.acquire(blocking=False):
            return True  # somebody else is about to
        try:
            if self._thread is None:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
        except RuntimeError:  # the interpreter is ending: `close` exports by itself
            return False
        finally:
            self._starting.release()
        return True

    def _work(self) -> None:
        next_time = monotonic() + self._limits.delay_s
        while not self._is_closed:
            called = self._called(next_time)
            if called and not self._flushes:
                self._export_while(self._limits.batch)
            else:
                self._export_all()
                next_time = monotonic() + self._limits.delay_s
        self._export_all()

    def _called(self, until: float) -> bool:
        """Wait for a call; return whether there was one in time."""
        try:
            self._calls.get(timeout=max(_LEAST_TO_WAIT_S, until - monotonic()))
        except Empty:
            return False
        finally:
            self._is_awake = False
        return True

    def _export_all(self) -> None:
        """Export what is waiting now; what comes in the meantime is for the next time."""
        if self.before is not None:
            failopen.attempt(f"{self._name}.before", self.before)
        flushes = [self._flushes.popleft() for _ in range(len(self._flushes))]
        self._export_while(1, len(self._waiting))
        for done in flushes:
            done.set()

    def _export_while(self, least: int, most: float = inf) -> None:
        """Export batches as long as at least so many items are waiting, and `most` have not been exported."""
        self._is_busy = True
        while len(self._waiting) >= least and most > 0 and monotonic() < self._give_up_at:
            batch = self._taken()
            most -= len(batch)
            self._under_way = len(batch)
            self._export_quietly(batch)
            self._under_way = 0
        self._is_busy = False
        dropped = self._overflow.take()
        if dropped:
            self._on_dropped(dropped, NO_ROOM)

    def _taken(self) -> list[Any]:
        batch: list[Any] = []
        try:
            while len(batch) < self._limits.batch:
                batch.append(self._waiting.popleft())
        except IndexError:  # no more, or dropped in the meantime
            pass
        return batch

    def _export_quietly(self, batch: list[Any]) -> None:
        """Export a batch; instrumentations of HTTP clients leave alone what the exporter does."""
        token = attach(set_value(_SUPPRESS_INSTRUMENTATION_KEY, True))  # noqa: FBT003
        try:
            self._export(batch)
        except Exception as error:  # noqa: BLE001 - the next batch is to be tried, in strict mode too
            failopen.report(f"{self._name}.export", error)
        finally:
            detach(token)


def _begin_anew(begin: WeakMethod[Callable[[], None]]) -> None:
    alive = begin()
    if alive is not None:
        alive()
