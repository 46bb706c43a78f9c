"""How much longer a program takes to exit after 100 operations when the Collector is dead."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks import children

if TYPE_CHECKING:
    from collections.abc import Iterator

OPERATIONS: Final = 100
_TIMES: Final = 3
_LONGEST_S: Final = 180.0


@contextmanager
def refusing() -> Iterator[str]:
    """Give an address at which nobody listens: its port is taken and refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """Give an address that accepts every connection and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


DEAD: Final = {"refuses connections": refusing, "accepts and never answers": silent}


def measure(variants: tuple[str, ...] = ("floor", "ours")) -> dict[str, Any]:
    """Return, by kind of dead Collector and variant, the seconds of exit on top of the bare program's."""
    found: dict[str, Any] = {}
    for kind, collector in DEAD.items():
        with collector() as endpoint:
            bare = _exit_s("bare", endpoint)
            found[kind] = {variant: _exit_s(variant, endpoint) - bare for variant in variants}
    return found


def _exit_s(variant: str, endpoint: str) -> float:
    return median(_one_exit_s(variant, endpoint) for _ in range(_TIMES))


def _one_exit_s(variant: str, endpoint: str) -> float:
    # Silent: that the exporters complain about the Collector is the point.
    started = children.Child(["-m", "benchmarks.worker", variant], endpoint, silent=True)
    try:
        started.ask(f"do W1 {OPERATIONS}")
        begin = perf_counter()
        started.end(_LONGEST_S)
        return perf_counter() - begin
    finally:
        started.stop()


def table(measured: dict[str, Any]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""
    variants = list(next(iter(measured.values())))
    lines = [f"| Collector | {' | '.join(variants)} |", "|---|" + "---|" * len(variants)]
    for kind, found in measured.items():
        lines.append(f"| {kind} | {' | '.join(f'{found[variant]:.2f} s' for variant in variants)} |")
    return lines
