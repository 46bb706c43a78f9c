"""CPU per operation of the whole process, exporting included: bare, floor and ours in turn, in small chunks.

Several processes of each: two of the same program differ by several percent, as long as they live, by where their
memory happens to lie (Mytkowicz et al., "Producing wrong data without doing anything obviously wrong!", ASPLOS 2009).
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from benchmarks import children
from benchmarks.ratios import Spread, added, added_in_floors, spread, times_bare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.children import Child

VARIANTS: Final = ("bare", "floor", "ours")
CHUNK: Final = {"W1": 500, "W2": 120, "W3": 120, "W4": 80, "W5": 120}
"""Operations per chunk: at most two seconds, so that drifts hit all alike; fewer spans than wake up the exporting
thread (512), so that all of them are exported by the flush; and yet long against a flush. That one needs some ten
milliseconds however little there is to export, in code that has left the processor's caches in the meantime; a program
exports its spans every five seconds and its metrics every minute."""
PROCESSES: Final = 5
"""Processes of each variant, one after the other, over which the rounds are spread."""
SPANS: Final = {"W1": 1, "W2": 4, "W3": 4, "W4": 1, "W5": 4}
"""Spans per operation."""
TITLES: Final = {
    "W1": "model call",
    "W2": "agent run: 2 model calls, 1 tool",
    "W3": "agent run on LangChain",
    "W4": "stream of 200 chunks",
    "W5": "agent run on the OpenAI Agents SDK",
}
FRAMEWORKS: Final = frozenset({"W3", "W5"})
"""Workloads for which there is no floor: nobody instruments a framework by hand."""

_MICROSECONDS: Final = 1e6

Samples = dict[str, list[float]]
Pairs = dict[str, list[tuple[float, float]]]


def measure(workloads: Sequence[str], rounds: int, variants: Sequence[str] = VARIANTS) -> dict[str, Any]:
    """Measure each workload in `rounds` rounds; return the figures by workload and variant.

    Raises:
        MeasurementError: The sink did not receive the spans of every operation, so the figures would mean nothing.
    """
    sampled: dict[str, Pairs] = {}
    number = min(PROCESSES, rounds)
    for process in range(number):
        share = rounds * (process + 1) // number - rounds * process // number
        for workload, more in _measure_in_processes(workloads, share, variants).items():
            for variant, pairs in more.items():
                sampled.setdefault(workload, {}).setdefault(variant, []).extend(pairs)
    return {workload: _all_figures(pairs) for workload, pairs in sampled.items()}


def _all_figures(sampled: Pairs) -> dict[str, dict[str, Spread | None]]:
    cpu, caller = ({variant: [pair[at] for pair in pairs] for variant, pairs in sampled.items()} for at in (0, 1))
    return {variant: figures(cpu, caller, variant) for variant in sampled}


def _measure_in_processes(workloads: Sequence[str], rounds: int, variants: Sequence[str]) -> dict[str, Pairs]:
    """Return what new processes have needed, by workload and variant: in all, and in the calling thread."""
    with children.sink() as url, ExitStack() as stack:
        workers = {variant: stack.enter_context(children.worker(variant, url)) for variant in variants}
        known = set.intersection(*(set(worker.first["workloads"]) for worker in workers.values()))
        there = [workload for workload in workloads if workload in known]
        sampled = {workload: _measure_one(_taking_part(workers, workload), workload, rounds) for workload in there}
        for variant in variants:
            made = [workload for workload in there if variant in sampled[workload]]
            _check_received(children.received(url), variant, sum(_spans(workload, rounds) for workload in made))
    return sampled


def _taking_part(workers: Mapping[str, Child], workload: str) -> dict[str, Child]:
    return {variant: worker for variant, worker in workers.items() if variant != "floor" or workload not in FRAMEWORKS}


def _spans(workload: str, rounds: int) -> int:
    return (rounds + 1) * CHUNK[workload] * SPANS[workload]


def _measure_one(workers: Mapping[str, Child], workload: str, rounds: int) -> Pairs:
    for worker in workers.values():  # the first chunk warms up and is thrown away
        _chunk(worker, workload)
    sampled: Pairs = {variant: [] for variant in workers}
    for _ in range(rounds):
        for variant, worker in workers.items():
            sampled[variant].append(_chunk(worker, workload))
    return sampled


def _chunk(worker: Child, workload: str) -> tuple[float, float]:
    """Return microseconds of CPU per operation: of the process, and of the calling thread before the flush."""
    number = CHUNK[workload]
    answer = worker.measured(f"run {workload} {number}")
    return answer["cpu_s"] / number * _MICROSECONDS, answer["caller_s"] / number * _MICROSECONDS


def figures(cpu: Samples, caller: Samples, variant: str) -> dict[str, Spread | None]:
    """Return the figures of one variant; those that compare it with bare only where it is another one."""
    found: dict[str, Spread | None] = {"cpu_us": spread(cpu[variant]), "caller_us": spread(caller[variant])}
    if variant != "bare":
        found["times_bare"] = times_bare(cpu["bare"], cpu[variant])
        found["added_us"] = added(cpu["bare"], cpu[variant])
        found["added_caller_us"] = added(caller["bare"], caller[variant])
        if "floor" in cpu:
            found["added_floors"] = added_in_floors(cpu["bare"], cpu["floor"], cpu[variant])
    return found


def _check_received(received: Mapping[str, Mapping[str, int]], variant: str, made: int) -> None:
    spans = received.get(variant, {}).get("spans", 0)
    if variant != "bare" and spans != made:
        raise children.MeasurementError(f"{variant} made {made} spans and the sink has received {spans}")


def table(measured: Mapping[str, Any]) -> list[str]:
    """Return the figures as the lines of a Markdown table."""
    lines = [
        "| workload | variant | CPU per operation, us | x bare | added, us | of it in the caller, us | added, floors |",
        "|---|---|---|---|---|---|---|",
    ]
    for workload, variants in measured.items():
        for variant, found in variants.items():
            cells = [_cell(found.get(key), decimals) for key, decimals in _COLUMNS.items()]
            lines.append(f"| {workload} {TITLES[workload]} | {variant} | {' | '.join(cells)} |")
    return lines


_COLUMNS: Final = {"cpu_us": 0, "times_bare": 3, "added_us": 0, "added_caller_us": 0, "added_floors": 2}


def _cell(figure: Spread | None, decimals: int) -> str:
    return "" if figure is None else figure.text(decimals)
