"""What is left to do about objects that were garbage-collected: never done inside the collector.

The collector may run at any allocation, also while the same thread holds a lock of the SDK's that cannot be taken
twice. Ending a recording there would wait for that lock for ever. So it is put aside, and done when the next call
is intercepted, or at the end of the program.

This module owns state: the actions that wait.
"""

from __future__ import annotations

from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from collections.abc import Callable

# The one queue whose `put` may be called from a finaliser: docs.python.org/3/library/queue.html#queue.SimpleQueue.put
_waiting: SimpleQueue[tuple[str, Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()

is_empty = _waiting.empty
"""Tell whether nothing waits: one C call, for the path of every intercepted call."""


def later(site: str, action: Callable[..., Any], *args: Any) -> None:
    """Put ``action(*args)`` aside; safe in ``__del__`` and in the callbacks of weak references.

    Args:
        site: Under which its errors are counted.
        action: What is to be done.
        args: Its arguments.
    """
    _waiting.put((site, action, args))


def settle() -> None:
    """Do what waits, in the order in which it came."""
    while True:
        try:
            site, action, args = _waiting.get_nowait()
        except Empty:
            return
        attempt(site, action, *args)
