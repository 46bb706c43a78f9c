"""Calls and bytecodes per operation in the calling thread, of bare and of ours."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from benchmarks import children

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNTED: Final = ("calls", "bytecodes")
_OPERATIONS: Final = 5


def measure(workloads: Sequence[str]) -> dict[str, Any]:
    """Return by workload what bare and ours do, the ratio of both, and what ours adds by function."""
    with children.sink() as url:
        counts = {variant: _count(variant, workloads, url) for variant in ("bare", "ours")}
    return {workload: _compared(bare, counts["ours"][workload]) for workload, bare in counts["bare"].items()}


def _count(variant: str, workloads: Sequence[str], url: str) -> dict[str, Any]:
    with children.worker(variant, url) as worker:
        return {
            workload: worker.measured(f"count {workload} {_OPERATIONS}")
            for workload in workloads
            if workload in worker.first["workloads"]
        }


def _compared(bare: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    added = Counter(dict(ours["functions"]))
    added.subtract(dict(bare["functions"]))
    return {
        "bare": {key: bare[key] for key in COUNTED},
        "ours": {key: ours[key] for key in COUNTED},
        "times_bare": {key: ours[key] / bare[key] for key in COUNTED},
        "added_by_function": [(place, number) for place, number in added.most_common() if number],
    }


def table(counted: Mapping[str, Any]) -> list[str]:
    """Return the counts as the lines of a Markdown table."""
    lines = ["| workload | | bare | ours | x bare |", "|---|---|---|---|---|"]
    for workload, found in counted.items():
        lines += [
            f"| {workload} | {key} | {found['bare'][key]} | {found['ours'][key]} | {found['times_bare'][key]:.3f} |"
            for key in COUNTED
        ]
    return lines


def top(counted: Mapping[str, Any], number: int) -> list[str]:
    """Return, by workload, the functions in which ours executes most bytecodes more than bare."""
    lines = []
    for workload, found in counted.items():
        lines.append(f"{workload}: bytecodes added per operation")
        lines += [f"{bytecodes:8d}  {place}" for place, bytecodes in found["added_by_function"][:number]]
    return lines
