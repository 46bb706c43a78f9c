"""Values that are read when metrics are collected: active users, pools, memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import CallbackOptions, Observation

from agentotel._base import failopen
from agentotel._base.failopen import attempt
from agentotel.model import instruments as defined
from agentotel.telemetry import open_recordings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from opentelemetry.metrics import Meter

    from agentotel.cost import Budgets
    from agentotel.model.instruments import Instrument
    from agentotel.telemetry.active_users import ActiveUsers
    from agentotel.telemetry.cardinality import CardinalityGuard

    Read = Callable[[], Iterable[Observation]]
    Pools = Callable[[], Iterable[tuple[str, int, int]]]

_STATM: Final = Path("/proc/self/statm")
_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_MEMINFO: Final = Path("/proc/meminfo")
_UNLIMITED: Final = 1 << 60
"""A cgroup without a limit shows a number near the largest that fits."""


def register(
    meter: Meter,
    families: Collection[str],
    guard: CardinalityGuard,
    users: ActiveUsers,
    pools: Pools,
    budgets: Budgets | None = None,
) -> None:
    """Create the gauges of the family ``agent``, and the counter of our own errors.

    Args:
        meter: Where they are created.
        families: The families that are on.
        guard: Bounds the names of pools and agents.
        users: The users that are active.
        pools: Reads (name, size, maximum size) of each pool of the program.
        budgets: Add up what is spent; None where there is no budget.
    """
    errors = defined.SELF_ERRORS
    meter.create_observable_counter(errors.name, [_observer(errors, _own_errors)], errors.unit, errors.description)
    if "agent" not in families:
        return

    def pool(index: int) -> Read:
        return lambda: [Observation(sizes[index], {"pool": guard.label("pool", name)}) for name, *sizes in pools()]

    readings: tuple[tuple[Instrument, Read], ...] = (
        (defined.CONCURRENT_USERS, lambda: [Observation(users.concurrent())]),
        (defined.USERS_REGISTER, lambda: [Observation(rank, {"register": str(at)}) for at, rank in users.registers()]),
        (defined.POOL_SIZE, pool(0)),
        (defined.POOL_MAX_SIZE, pool(1)),
        (defined.MEMORY_USAGE, lambda: [Observation(size, {"state": state}) for state, size in memory()]),
    )
    for instrument, read in (*readings, (defined.RUN_AGE, lambda: _run_ages(guard)), *_of_budgets(budgets)):
        meter.create_observable_gauge(
            instrument.name, [_observer(instrument, read)], instrument.unit, instrument.description
        )


def _of_budgets(budgets: Budgets | None) -> list[tuple[Instrument, Read]]:
    if budgets is None:
        return []

    def reading(amounts: Callable[[], list[tuple[str, float]]]) -> Read:
        return lambda: [Observation(amount, {"scope": scope}) for scope, amount in amounts()]

    return [(defined.BUDGET_LIMIT, reading(budgets.limits)), (defined.BUDGET_SPENT, reading(budgets.spent))]


def _run_ages(guard: CardinalityGuard) -> list[Observation]:
    """Read the age of the oldest open run of each agent."""
    ages: dict[str | None, float] = {}
    for name, age in open_recordings.run_ages():
        label = None if name is None else guard.label("agent_name", name)
        ages[label] = max(age, ages.get(label, 0.0))
    return [Observation(age, {} if label is None else {"agent_name": label}) for label, age in ages.items()]


def _own_errors() -> list[Observation]:
    return [Observation(count, {"site": site}) for site, count in failopen.errors().items()]


def _observer(instrument: Instrument, read: Read) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(options: CallbackOptions) -> Iterable[Observation]:
        del options
        return attempt("gauge." + instrument.name, read) or ()

    return observe


def memory() -> list[tuple[str, int]]:
    """Return (state, bytes): what the process has resident, and what it may use (its cgroup, else the machine)."""
    found = [("resident", _resident()), ("limit", _limit())]
    return [(state, size) for state, size in found if size is not None]


def _resident() -> int | None:
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return None
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limit() -> int | None:
    for path in _LIMITS:
        if path.exists():
            text = path.read_text().strip()
            if text.isdigit() and int(text) < _UNLIMITED:
                return int(text)
    if _MEMINFO.exists():
        return int(_MEMINFO.read_text().split()[1]) * 1024
    return None
