"""What it may cost: each line of the budget, what was measured for it, and whether it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks import cpu, startup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST: Final = {"floors": 1.0, "agent": 1.05, "bytecodes": 1.05, "stream": 1.02, "exit_s": 3.0, "memory_mb": 10.0}
"""The first column of the budget."""
_AGENT_RUNS: Final = ("W2", "W3", "W5")


class Line(NamedTuple):
    """One line of the budget.

    Attributes:
        what: What is measured.
        measured: In the unit of `most`; None where it was lost in the noise.
        most: What it may be.
        unit: Stands behind both figures.
    """

    what: str
    measured: float | None
    most: float
    unit: str

    @property
    def is_reached(self) -> bool:
        """Whether the figure is known and within the budget."""
        return self.measured is not None and self.measured <= self.most


def of_cpu(measured: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines that the CPU of the process decides."""
    for workload, variants in measured.items():
        ours, title = variants["ours"], cpu.TITLES[workload]
        if workload == "W1":
            floors = ours.get("added_floors")
            yield Line(title, None if floors is None else floors.median, MOST["floors"], "floors")
        else:
            most = MOST["stream"] if workload == "W4" else MOST["agent"]
            yield Line(title, ours["times_bare"].median, most, "x bare")


def of_count(counted: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines that the bytecodes of the calling thread decide."""
    for workload, found in counted.items():
        most = MOST["stream"] if workload == "W4" else MOST["bytecodes"]
        yield Line(f"{cpu.TITLES[workload]}, bytecodes", found["times_bare"]["bytecodes"], most, "x bare")


def of_startup(measured: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the line about the start."""
    yield Line("start of a program that does nothing", measured["added_s"], round(startup.limit_s(measured), 3), "s")


def of_exit(measured: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines about the end."""
    for kind, found in measured.items():
        yield Line(f"exit, the Collector {kind}", found["ours"], MOST["exit_s"], "s")


def of_memory(measured: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines about memory."""
    for kind, found in measured.items():
        yield Line(f"memory, the Collector {kind}", found["ours"], MOST["memory_mb"], "MB")


def table(lines: Iterator[Line]) -> list[str]:
    """Return the lines as those of a Markdown table."""
    shown = ["| budget | measured | at most | reached |", "|---|---|---|---|"]
    for line in lines:
        figure = "lost in the noise" if line.measured is None else f"{line.measured:.3g} {line.unit}"
        if line.unit == "x bare" and line.measured is not None:
            figure = f"{line.measured:.3f} {line.unit}"
        shown.append(f"| {line.what} | {figure} | {line.most:g} {line.unit} | {'yes' if line.is_reached else 'no'} |")
    return shown
