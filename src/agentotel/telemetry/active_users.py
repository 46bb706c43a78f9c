"""How many users are active, without a label per user: a HyperLogLog whose registers are exported as gauges.

`ActiveUsers` owns state: 256 registers and the users whose runs are open. Registers merge by maximum across
processes, hosts and time, in plain PromQL: ``max by (register) (max_over_time(agent_users_register[1d]))`` gives the
registers of a day. The method is that of Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality
estimation algorithm" (2007); with 256 registers its standard error is 1.04 / sqrt(256) = 6.5 %.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

REGISTERS: Final = 256
_RANK_BITS: Final = 56


class ActiveUsers:
    """Counts different users; see the module's docstring."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._registers = bytearray(REGISTERS)
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
        """Return (register, rank) of each register that has been touched."""
        with self._lock:
            return [(index, rank) for index, rank in enumerate(self._registers) if rank]


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
