"""The command line of `scripts/bench`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import baseline, budget, children, count, cpu, exiting, memory, page, startup

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXAMPLES = """\
examples:
  scripts/bench                        CPU of bare, floor and ours
  scripts/bench --workload W1 --rounds 25 --json
  scripts/bench --count --top 15       calls and bytecodes, and the functions that cost most
  scripts/bench --count --compare scripts/bench-baseline.json
  scripts/bench --startup --page docs/performance.md
  scripts/bench --budget               every line of the budget, and whether it is reached
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments."""
    made = argparse.ArgumentParser(
        "scripts/bench",
        description="Measures what agentotel costs, against the bare program and the naive use of the SDK.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    modes = made.add_mutually_exclusive_group()
    modes.add_argument("--count", action="store_true", help="count calls and bytecodes instead of measuring CPU")
    modes.add_argument("--startup", action="store_true", help="measure the start of a program")
    modes.add_argument("--exit", action="store_true", help="measure the exit of a program with a dead Collector")
    modes.add_argument("--memory", action="store_true", help="measure the memory that a dead Collector costs")
    modes.add_argument("--budget", action="store_true", help="measure everything against the budget")
    modes.add_argument("--ingest", action="store_true", help="measure the embedded backend")
    baselines = made.add_mutually_exclusive_group()
    baselines.add_argument("--compare", type=Path, metavar="FILE", help="with --count: fail above +3 %% of FILE")
    baselines.add_argument("--record", type=Path, metavar="FILE", help="with --count: write the counts to FILE")
    made.add_argument("--top", type=int, default=0, metavar="N", help="with --count: list the N dearest functions")
    made.add_argument("--workload", action="append", choices=sorted(cpu.CHUNK), help="only this one; may be repeated")
    made.add_argument("--rounds", type=_positive, default=15, metavar="N", help="rounds of the CPU measurement")
    made.add_argument("--json", action="store_true", help="print JSON instead of tables")
    made.add_argument("--page", type=Path, metavar="FILE", help="put the table into this page as well")
    return made


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return the status: 1 above a limit, 2 for wrong use."""
    made = parser()
    asked = made.parse_args(arguments)
    if (asked.compare or asked.record or asked.top) and not asked.count:
        made.error("--compare, --record and --top need --count")
    asked.workload = asked.workload or sorted(cpu.CHUNK)
    try:
        return _measure(asked)
    except children.MeasurementError as error:
        return _fail([str(error)])


def _measure(asked: argparse.Namespace) -> int:
    modes = {
        "ingest": _ingest,
        "count": _count,
        "startup": _startup,
        "exit": _exit,
        "memory": _memory,
        "budget": _budget,
    }
    mode = next((modes[name] for name in modes if getattr(asked, name)), _cpu)
    return mode(asked)


def _cpu(asked: argparse.Namespace) -> int:
    measured = cpu.measure(asked.workload, asked.rounds)
    _show(asked, "cpu", measured, cpu.table(measured))
    return 0


def _exit(asked: argparse.Namespace) -> int:
    left = exiting.measure()
    _show(asked, "exit", left, exiting.table(left))
    return 0


def _memory(asked: argparse.Namespace) -> int:
    grown = memory.measure()
    _show(asked, "memory", grown, memory.table(grown))
    return 0


def _budget(asked: argparse.Namespace) -> int:
    """Measure all that the budget names; the status says whether all of it is reached."""
    lines = [
        *budget.of_cpu(cpu.measure(asked.workload, asked.rounds)),
        *budget.of_count(count.measure(asked.workload)),
        *budget.of_startup(startup.measure()),
        *budget.of_exit(exiting.measure(("ours",))),
        *budget.of_memory(memory.measure(("ours",))),
    ]
    _show(asked, "budget", {line.what: line._asdict() for line in lines}, budget.table(iter(lines)))
    return 0 if all(line.is_reached for line in lines) else 1


def _ingest(asked: argparse.Namespace) -> int:
    command = [sys.executable, str(children.SCRIPTS / "bench_ingest.py"), *(["--json"] if asked.json else [])]
    return subprocess.run(command, check=False).returncode


def _count(asked: argparse.Namespace) -> int:
    key = baseline.this_python()
    try:
        entry = baseline.read(asked.compare, key) if asked.compare else None
    except baseline.NoBaselineError as error:
        return _fail([str(error)], status=2)
    counted = count.measure(asked.workload)
    _show(asked, "count", counted, count.table(counted) + (count.top(counted, asked.top) if asked.top else []))
    if asked.record:
        baseline.record(asked.record, key, counted, page.versions())
    if entry is None:
        return 0
    missing = baseline.missing(entry, asked.workload, counted)
    return _fail(missing) if missing else _compare(entry, counted, asked.compare)


def _compare(entry: dict[str, Any], counted: dict[str, Any], file: Path) -> int:
    grown = baseline.grown(entry, counted)
    if grown:
        if entry["versions"] != page.versions():
            grown.append(f"the baseline was recorded with {entry['versions']}, this is {page.versions()}")
        return _fail(grown)
    if baseline.shrunk(entry, counted):
        print(f"cheaper than the baseline; record it: scripts/bench --count --record {file}", file=sys.stderr)
    return 0


def _startup(asked: argparse.Namespace) -> int:
    measured = startup.measure()
    _show(asked, "startup", measured, startup.table(measured))
    problems = startup.problems(measured)
    return _fail(problems) if problems else 0


def _show(asked: argparse.Namespace, block: str, figures: dict[str, Any], lines: list[str]) -> None:
    if asked.json:
        print(json.dumps({"versions": page.versions(), block: figures}, default=dataclasses.asdict, indent=1))
    else:
        print(page.circumstances(), "", *lines, sep="\n")
    if asked.page:
        page.insert(asked.page, block, lines)


def _fail(lines: list[str], status: int = 1) -> int:
    print(*(f"scripts/bench: {line}" for line in lines), sep="\n", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
