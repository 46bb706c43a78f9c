"""The committed counts that `scripts/bench --count --compare` holds new ones against.

One file holds an entry per minor version of Python, because the number of bytecodes depends on it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from benchmarks.count import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MOST_GROWTH: Final = 0.03
"""By how much ours/bare may grow: 3 %."""


class NoBaselineError(Exception):
    """There is nothing to compare with."""


def this_python() -> str:
    """Return the key of this interpreter, such as ``3.11``."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def read(file: Path, key: str) -> dict[str, Any]:
    """Return the entry of `file` for the Python version `key`.

    Raises:
        NoBaselineError: There is none; the message says how to record it.
    """
    entries = _entries(file)
    if key not in entries:
        command = f"scripts/bench --count --record {file}"
        raise NoBaselineError(f"{file} has no counts for Python {key}; record them with: {command}")
    entry: dict[str, Any] = entries[key]
    return entry


def record(file: Path, key: str, counted: Mapping[str, Any], versions: Mapping[str, str]) -> None:
    """Write the counts of the Python version `key` into `file`; those of other versions stay."""
    kept = ("bare", "ours", "times_bare")
    workloads = {workload: {part: found[part] for part in kept} for workload, found in counted.items()}
    entries = {**_entries(file), key: {"versions": dict(versions), "workloads": workloads}}
    file.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _entries(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    entries: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return entries


def grown(entry: Mapping[str, Any], counted: Mapping[str, Any]) -> list[str]:
    """Return one line for each ratio that has grown by more than 3 %; none if all is well."""
    return [
        f"{workload}: {key} of ours are {now:.3f} x bare, {now / before - 1:+.1%} against the baseline's {before:.3f}"
        for workload, key, before, now in _ratios(entry, counted)
        if now > before * (1 + MOST_GROWTH)
    ]


def missing(entry: Mapping[str, Any], asked: Iterable[str], counted: Mapping[str, Any]) -> list[str]:
    """Return one line for each workload that was asked for and is in the baseline, and was not counted."""
    return [
        f"{workload}: not counted, although the baseline has it: what it runs on is not installed"
        for workload in asked
        if workload in entry["workloads"] and workload not in counted
    ]


def shrunk(entry: Mapping[str, Any], counted: Mapping[str, Any]) -> bool:
    """Tell whether a ratio has shrunk by more than 3 %, so that the baseline should be recorded anew."""
    return any(now < before * (1 - MOST_GROWTH) for _, _, before, now in _ratios(entry, counted))


def _ratios(entry: Mapping[str, Any], counted: Mapping[str, Any]) -> Iterator[tuple[str, str, float, float]]:
    for workload, found in counted.items():
        recorded = entry["workloads"].get(workload)
        for key in COUNTED if recorded else ():
            yield workload, key, recorded["times_bare"][key], found["times_bare"][key]
