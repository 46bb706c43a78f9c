"""A counter without a lock."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Tally:
    """A counter that any thread may add to, also in the middle of adding.

    State: the number, and how often it was read: reading counts, too.

    Attributes:
        add_one: Adds one; what it returns means nothing.
    """

    __slots__ = ("_numbers", "_reads", "_taken", "add_one")

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._reads = 0
        self._taken = 0
        self.add_one: Callable[[], object] = self._numbers.__next__  # one step of the interpreter

    def take(self) -> int:
        """Return what has been added since the last time; only one thread at a time may ask."""
        total = next(self._numbers) - self._reads
        self._reads += 1
        new, self._taken = total - self._taken, total
        return new
