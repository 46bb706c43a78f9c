"""How much memory 20,000 operations cost whose telemetry cannot be delivered, on top of what the bare program needs."""

from __future__ import annotations

from typing import Any, Final

from benchmarks import children, exiting

OPERATIONS: Final = 20_000
_BEFORE: Final = 1_000
"""Operations after which everything has been imported and every cache is there."""
_MEGABYTE: Final = 2**20


def measure(variants: tuple[str, ...] = ("floor", "ours"), operations: int = OPERATIONS) -> dict[str, Any]:
    """Return, by kind of dead Collector and variant, the growth in MB on top of the bare program's."""
    found: dict[str, Any] = {}
    for kind, collector in exiting.DEAD.items():
        with collector() as endpoint:
            bare = _growth("bare", endpoint, operations)
            found[kind] = {variant: _growth(variant, endpoint, operations) - bare for variant in variants}
    return found


def _growth(variant: str, endpoint: str, operations: int) -> float:
    worker = children.Child(["-m", "benchmarks.worker", variant], endpoint, silent=True)
    try:
        before: int = worker.ask(f"do W1 {_BEFORE}")["resident"]
        after: int = worker.ask(f"do W1 {operations}")["resident"]
        return (after - before) / _MEGABYTE
    finally:
        worker.stop()


def table(measured: dict[str, Any]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""
    variants = list(next(iter(measured.values())))
    lines = [f"| Collector | {' | '.join(variants)} |", "|---|" + "---|" * len(variants)]
    for kind, found in measured.items():
        lines.append(f"| {kind} | {' | '.join(f'{found[variant]:.1f} MB' for variant in variants)} |")
    return lines
