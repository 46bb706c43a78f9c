"""What ``AGENTOTEL_BUDGET`` holds: how much may be spent, by whom, in which period."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, cast

from agentotel.config.casting import Kind, items_of, require, text_of

Period = Literal["hour", "day", "month"]

_BUDGET: Final = r"(?:tenant:([^/=;]{1,200})/)?(hour|day|month) ?= ?([0-9]{1,12}(?:\.[0-9]{1,9})?)"
_MOST: Final = 100
"""Each is a series of its own."""


class Budget(NamedTuple):
    """How much may be spent in a period.

    Attributes:
        scope: As the user writes it, such as ``day`` or ``tenant:acme/day``.
        tenant_id: Whose spending counts; None for all.
        period: What it begins anew with, in UTC.
        limit: In the currency of the prices.
    """

    scope: str
    tenant_id: str | None
    period: Period
    limit: float


def _budgets(raw: object) -> tuple[Budget, ...]:
    """Read a text, or a table of a file."""
    items = [f"{scope}={text_of(limit)}" for scope, limit in raw.items()] if isinstance(raw, dict) else None
    budgets = [_budget(item) for item in items or items_of(raw, ";")]
    require(len(budgets) <= _MOST)
    require(len({budget.scope for budget in budgets}) == len(budgets))
    return tuple(budgets)


def _budget(item: str) -> Budget:
    match = re.fullmatch(_BUDGET, item)
    if match is None or not item.isprintable():
        raise ValueError(item)
    tenant_id, period, limit = match.groups()
    require(float(limit) > 0)
    scope = f"tenant:{tenant_id}/{period}" if tenant_id else period
    return Budget(scope, tenant_id, cast("Period", period), float(limit))


BUDGETS: Final = Kind(
    "at most 100 different budgets such as day=50; tenant:acme/month=20 (hour, day or month), separated by semicolons",
    _budgets,
    empty=(),
)
