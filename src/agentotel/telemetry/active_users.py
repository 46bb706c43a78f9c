"""How many users are active, without a label per user: a HyperLogLog whose registers are exported as gauges.

`ActiveUsers` owns state: 256 registers of this hour and of the one before, and the users whose runs are open. Registers
merge by maximum across processes, hosts and time, in plain PromQL: ``max by (register)
(max_over_time(agent_users_register[1d]))`` gives the registers of a day. So a register must not remember for longer
than an hour or two: in a process that lives for a month, every day would have the users of the whole month.

The method is that of Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm"
(2007); with 256 registers its standard error is 1.04 / sqrt(256) = 6.5 %.
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REGISTERS: Final = 256
WINDOW_S: Final = 3600.0
"""Seconds after which registers begin anew; what they held is reported for as long again, lest no reader saw it."""

_RANK_BITS: Final = 56


class ActiveUsers:
    """Counts different users; see the module's docstring.

    Args:
        clock: Seconds that only move forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._began = clock()
        self._registers = bytearray(REGISTERS)
        self._before = bytearray(REGISTERS)
        self._open: Counter[str] = Counter()

    def run_started(self, user_id: str) -> None:
        """Note that a run for this user has begun."""
        register, rank = position(user_id)
        with self._lock:
            self._open[user_id] += 1
            self._registers[register] = max(self._registers[register], rank)

    def run_ended(self, user_id: str) -> None:
        """Note that it has ended."""
        with self._lock:
            self._open[user_id] -= 1
            if self._open[user_id] <= 0:
                del self._open[user_id]

    def begin_anew(self) -> None:
        """Forget the open runs, in a process that was just forked: they are its parent's."""
        self._lock = threading.Lock()
        self._open.clear()

    def concurrent(self) -> int:
        """Return the number of different users with an open run."""
        with self._lock:
            return len(self._open)

    def registers(self) -> list[tuple[int, int]]:
        """Return (register, rank) of each register that was touched in this window or the one before."""
        with self._lock:
            self._begin_window()
            ranks = map(max, self._registers, self._before)
            return [(index, rank) for index, rank in enumerate(ranks) if rank]

    def _begin_window(self) -> None:
        # Only here, where somebody reads: what has come since the last reading is always in what this one returns.
        now = self._clock()
        if now - self._began >= WINDOW_S:
            self._began = now
            self._before, self._registers = self._registers, bytearray(REGISTERS)


def position(user_id: str) -> tuple[int, int]:
    """Return the register of a user and the rank to put there: the position of the first set bit of the hash."""
    digest = int.from_bytes(hashlib.blake2b(user_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    rest = digest & ((1 << _RANK_BITS) - 1)
    return digest >> _RANK_BITS, _RANK_BITS - rest.bit_length() + 1


def estimate(registers: Iterable[tuple[int, int]]) -> float:
    """Return the number of different users that the registers stand for, as the recording rules compute it."""
    ranks = dict(registers)
    empty = REGISTERS - len(ranks)
    alpha = 0.7213 / (1 + 1.079 / REGISTERS)
    raw = alpha * REGISTERS**2 / (empty + sum(2.0**-rank for rank in ranks.values()))
    if raw <= 2.5 * REGISTERS and empty:  # small range correction: linear counting
        return REGISTERS * math.log(REGISTERS / empty)
    return raw
