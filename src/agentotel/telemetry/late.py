"""What the end of an operation can leave for later: done in order, by whoever needs it first, in its thread.

A program waits for the thread that ends an operation; nobody waits for the threads that export. So that thread notes
what has ended and when, and goes on. Cost, metrics and the last attributes of the span are put together when somebody
asks for them: an exporter that reads the span, a reader that collects the metrics, whoever flushes.

`Later` owns state: what is still to be done, at most `_MOST_WAITING` things, and who adds up what that comes to.
"""

from __future__ import annotations

import os
import threading
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Span

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.model.operations import AttributeValue

Work = tuple[str, Callable[..., object], tuple[Any, ...]]
"""A site, under which errors are counted, a function and its arguments."""

_MOST_WAITING: Final = 4096
"""More than the spans that wake up the SDK's exporting thread (512) leave to be done, at three things for each: the
calling thread does the work only if nobody else does."""


_PORTION: Final = 256
"""Things that are done before what they come to is added up: until then all of it is kept."""


class Sums(ABC):
    """What adds up what late work comes to, so that it costs something once for many things and not for each."""

    @abstractmethod
    def add_up(self) -> None:
        """Pass on what has come since the last time; called by one thread at a time."""

    @abstractmethod
    def forget(self) -> None:
        """Begin anew in a process that was just forked: what has come until then is the parent's to pass on."""


class LateAttributes(Mapping[str, "AttributeValue"]):
    """Attributes that are put together when somebody reads them first, from what is known then.

    State: what was put together.

    Args:
        build: Puts them together.
    """

    __slots__ = ("_build", "_built")

    def __init__(self, build: Callable[[], dict[str, AttributeValue]]) -> None:
        self._build: Callable[[], dict[str, AttributeValue]] | None = build
        self._built: dict[str, AttributeValue] | None = None

    @property
    def is_built(self) -> bool:
        """Whether they have been put together."""
        return self._built is not None

    def built(self) -> dict[str, AttributeValue]:
        """Return them; the same dictionary each time, not to be changed."""
        found, build = self._built, self._build
        if found is None:
            # Another thread that reads at the same time may put them together as well, or have just done so.
            found = (None if build is None else attempt("recorder.attributes", build)) or self._built or {}
            self._built = found
            self._build = None  # and with it all that they were made of
        return found

    def __getitem__(self, name: str) -> AttributeValue:
        """Return one of them."""
        return self.built()[name]

    def __iter__(self) -> Iterator[str]:
        """Return their names."""
        return iter(self.built())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.built())


class LateSpan(Span):
    """A span that can end before its last attributes are known."""

    @abstractmethod
    def end_late(self, end_time: int, settle: Callable[[], None]) -> None:
        """End it; whoever reads its attributes calls `settle` first, which calls `complete` and `completed`."""

    @abstractmethod
    def complete(self, attributes: Mapping[str, Any]) -> None:
        """Add attributes, also after its end."""

    @abstractmethod
    def completed(self) -> None:
        """Note that no more attributes will come."""


class Later:
    """Does things later, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()
        self.expect: Callable[[], object] | None = None
        """Makes sure that it is asked for soon, where somebody is there to do so: for what should not wait long."""
        self._sums: list[Sums] = []
        self._lock = threading.Lock()
        self._at_work = 0
        if hasattr(os, "register_at_fork"):
            begin_anew = weakref.WeakMethod(self._begin_anew)
            os.register_at_fork(after_in_child=lambda: _call(begin_anew))

    def add(self, site: str, action: Callable[..., object], *args: Any) -> None:
        """Put ``action(*args)`` off.

        Args:
            site: Under which its errors are counted.
            action: What is to be done.
            args: Its arguments.
        """
        self._waiting.append((site, action, args))
        if len(self._waiting) >= _MOST_WAITING:
            self.settle()

    def add_soon(self, site: str, action: Callable[..., object], *args: Any) -> None:
        """Put ``action(*args)`` off as `add` does, for seconds rather than until somebody reads metrics."""
        self.add(site, action, *args)
        if self.expect is not None:
            attempt("recorder.expect", self.expect)

    def keep(self, sums: Sums) -> None:
        """Have `sums` add up what late work comes to, before whoever asks for that work goes on."""
        self._sums.append(sums)

    def settle(self) -> None:
        """Do all that has been put off before, and return when it is done and added up, whoever does it."""
        if self._at_work == threading.get_ident():  # what is being done reads what it is about to complete
            return
        with self._lock:
            self._at_work = threading.get_ident()
            try:
                self._do_some()
                while self._waiting:
                    self._do_some()
            finally:
                self._at_work = 0

    def _do_some(self) -> None:
        waiting = self._waiting
        try:
            for _ in range(min(len(waiting), _PORTION)):
                site, action, args = waiting.popleft()
                attempt(site, action, *args)
        finally:  # what was done counts, also where an error is raised (strict)
            for sums in self._sums:
                attempt("recorder.sums", sums.add_up)

    def _begin_anew(self) -> None:
        """Forget, in a process that was just forked, what is the parent's to do."""
        self._waiting.clear()
        for sums in self._sums:
            sums.forget()
        self._lock = threading.Lock()
        self._at_work = 0


def _call(method: Any) -> None:
    found = method()
    if found is not None:
        found()
