"""The end of a process that a thread has forked.

In such a child the thread is all there is: when its function returns, the process is over, without exit handlers. With
the threads that the SDK starts again in every child, it would never be over. So the end is brought about here.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from collections.abc import Callable

_OURS: Final = ("Otel", "agentotel")
"""How the names of threads begin that deliver telemetry."""

_of_thread: Final = threading.local()


def end_with_thread(end: Callable[[], object]) -> None:
    """Call `end`, and end the process, when the thread that has forked this process ends; not for the main thread.

    Args:
        end: What has to happen before. Call this in the child, in the thread that has forked.
    """
    if type(threading.main_thread()).__name__ != "_MainThread":  # the child calls the thread that it has its main one
        _of_thread.last = _Last(end)


class _Last:
    """Lives as long as a thread does."""

    def __init__(self, end: Callable[[], object]) -> None:
        self._process = os.getpid()
        self._end = end

    def __del__(self) -> None:
        if os.getpid() == self._process:
            attempt("forks.thread", self._end_process)

    def _end_process(self) -> None:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.name.startswith(_OURS):
                thread.join()  # the process lives as long as its threads do, daemons included
        self._end()
        os._exit(0)
