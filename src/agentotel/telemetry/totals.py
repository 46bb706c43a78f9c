"""What the model calls inside an operation have used."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agentotel.model.operations import Usage, counts_of

if TYPE_CHECKING:
    from agentotel.telemetry.loops import RunCalls


class Totals:
    """What the model calls inside an operation have used, added up as they end. Has a lock: tools run in threads.

    Attributes:
        calls: Model calls that reported usage.
        usage: Their tokens.
        cost: Their cost by currency.
        run_calls: What a run has called, for `agentotel.telemetry.loops`; None where nobody has looked.
    """

    __slots__ = ("_lock", "calls", "cost", "run_calls", "usage")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.usage = Usage()
        self.cost: dict[str, float] = {}
        self.run_calls: RunCalls | None = None

    def add(self, usage: Usage, cost: tuple[str, float] | None) -> None:
        """Add the tokens and the cost (currency, amount) of one model call."""
        with self._lock:
            self.calls += 1
            pairs = zip(counts_of(self.usage), counts_of(usage), strict=True)
            self.usage = Usage(*[so_far if count is None else (so_far or 0) + count for so_far, count in pairs])
            if cost is not None:
                currency, amount = cost
                self.cost[currency] = self.cost.get(currency, 0.0) + amount
