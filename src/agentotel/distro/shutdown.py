"""Delivers what is left when the program ends: all signals at once, under one deadline."""

from __future__ import annotations

import atexit
import threading
from time import monotonic
from typing import TYPE_CHECKING

from agentotel._base.failopen import attempt
from agentotel.patching import settle_collected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def at_exit(
    steps: Sequence[tuple[str, Callable[[], object]]], deadline_s: float, on_late: Callable[[float], None]
) -> None:
    """Run `steps` in parallel when the interpreter exits, and wait for them no longer than `deadline_s` in all.

    The SDK's own way shuts one provider down after the other, each with its own timeout: half a minute with a Collector
    that is away (opentelemetry-python#4043).

    Args:
        steps: Pairs of a site for the fail-open guard and the function to call.
        deadline_s: Seconds.
        on_late: Called with the deadline when it has passed and something was still under way.
    """
    # Registered at start-up, so it runs after the program's own exit handlers, whose spans are still delivered.
    atexit.register(_end, steps, deadline_s, on_late)


def _end(
    steps: Sequence[tuple[str, Callable[[], object]]], deadline_s: float, on_late: Callable[[float], None]
) -> None:
    attempt("shutdown.collected", settle_collected)
    if not run_all(steps, deadline_s):
        attempt("shutdown.late", on_late, deadline_s)


def run_all(steps: Sequence[tuple[str, Callable[[], object]]], deadline_s: float) -> bool:
    """Run all `steps` in threads of their own; return whether all of them ended before the deadline."""
    end = monotonic() + deadline_s
    threads = [threading.Thread(target=attempt, args=step, name=step[0], daemon=True) for step in steps]
    for thread, step in zip(threads, steps, strict=True):
        try:
            thread.start()
        except RuntimeError:  # noqa: PERF203 - three threads. 3.12.0 and 3.12.1 start no thread in an exit handler (python/cpython#113964)
            attempt(*step)
    for thread in filter(threading.Thread.is_alive, threads):
        thread.join(max(0.0, end - monotonic()))
    return not any(thread.is_alive() for thread in threads)
