"""Adds up what is spent against the budgets of the user, and tells when much or all of one is gone.

`Budgets` owns state: what this process has spent in the present period of each budget. Other processes add up their
own: their sum is Prometheus' to make.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timezone
from time import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentotel.config.budget import Budget, Period
    from agentotel.cost.prices import Cost

_logger = logging.getLogger("agentotel")

SHARES: Final = (0.8, 1.0)
"""Parts of a budget that are worth a word when they have been spent."""


class Used(NamedTuple):
    """That much of a budget has been spent.

    Attributes:
        scope: Of the budget.
        limit: What may be spent.
        spent: What has been.
    """

    scope: str
    limit: float
    spent: float


class _Account:
    """What has been spent of one budget in its present period."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.began: datetime | None = None
        self.spent = 0.0
        self.said = 0.0

    def turn_to(self, now: datetime) -> None:
        """Begin anew if a new period has begun. A clock that is set back does not make it an old one again."""
        began = _beginning(self.budget.period, now)
        if self.began is None or began > self.began:
            self.began, self.spent, self.said = began, 0.0, 0.0

    def spend(self, amount: float) -> Used | None:
        self.spent += amount
        reached = max((share for share in SHARES if self.spent >= share * self.budget.limit), default=0.0)
        if reached <= self.said:
            return None
        self.said = reached
        return Used(self.budget.scope, self.budget.limit, self.spent)


class Budgets:
    """The budgets of one process; safe to use from any thread.

    Args:
        budgets: What the user has set.
        clock: Gives the seconds since 1970.
    """

    def __init__(self, budgets: Iterable[Budget], clock: Callable[[], float] = time) -> None:
        self._accounts = [_Account(budget) for budget in budgets]
        self._clock = clock
        self._lock = threading.Lock()
        self._currency: str | None = None
        self._foreign: set[str] = set()

    def spend(self, cost: Cost, tenant_id: str | None) -> list[Used]:
        """Add what a call has cost.

        Args:
            cost: Of the call. All that counts is in one currency, the first that comes.
            tenant_id: Whose call it was.

        Returns:
            The budgets of which this call has used up 80 % or all: each is returned once for each.
        """
        with self._lock:
            if not self._is_ours(cost.currency):
                return []
            now, used = self._now(), []
            for account in self._accounts:
                account.turn_to(now)
                if account.budget.tenant_id in (None, tenant_id):
                    used.append(account.spend(cost.amount))
            return [found for found in used if found is not None]

    def limits(self) -> list[tuple[str, float]]:
        """Return (scope, what may be spent) of each budget."""
        return [(account.budget.scope, account.budget.limit) for account in self._accounts]

    def spent(self) -> list[tuple[str, float]]:
        """Return (scope, what has been spent in the present period) of each budget."""
        with self._lock:
            now = self._now()
            for account in self._accounts:
                account.turn_to(now)
            return [(account.budget.scope, account.spent) for account in self._accounts]

    def begin_anew(self) -> None:
        """Forget all, in a process that was just forked: what was spent before is the parent's."""
        self._lock = threading.Lock()
        self._accounts = [_Account(account.budget) for account in self._accounts]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), timezone.utc)

    def _is_ours(self, currency: str) -> bool:
        if self._currency is None:
            self._currency = currency
        if currency == self._currency:
            return True
        if currency not in self._foreign:
            self._foreign.add(currency)
            message = "agentotel: AGENTOTEL_BUDGET: costs in %s do not count, others are in %s (said once)"
            _logger.warning(message, currency, self._currency)
        return False


def _beginning(period: Period, now: datetime) -> datetime:
    hour = now.replace(minute=0, second=0, microsecond=0)
    if period == "hour":
        return hour
    return hour.replace(hour=0) if period == "day" else hour.replace(day=1, hour=0)
