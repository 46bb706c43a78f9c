"""Adding up what is spent."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.config.budget import BUDGETS
from agentotel.cost import Budgets, Cost


class Clock:
    """A clock that stands until it is set."""

    def __init__(self, text):
        self.set(text)

    def set(self, text):
        self.now = datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """The last half hour of a month."""
    return Clock("2026-11-30T23:30:00")


def budgets(text, clock):
    """Return budgets as a program would have them."""
    return Budgets(BUDGETS.cast(text), clock)


def cost(amount, currency="USD"):
    """Return a cost."""
    return Cost(amount, currency, "test")


def test_each_budget_says_once_that_most_and_once_that_all_is_gone(clock):
    """80 % and 100 %, whatever comes after."""
    found = budgets("day=10", clock)
    used = [found.spend(cost(amount), None) for amount in (7.5, 0.5, 1.0, 1.0, 5.0)]
    assert [[(u.scope, u.limit, u.spent) for u in each] for each in used] == [
        [],
        [("day", 10.0, 8.0)],
        [],
        [("day", 10.0, 10.0)],
        [],
    ]


def test_a_call_that_spends_all_at_once_says_so_once(clock):
    """There is no warning of 80 % when it is 100 % already."""
    found = budgets("day=10", clock)
    assert len(found.spend(cost(20), None)) == 1
    assert found.spend(cost(20), None) == []


def test_a_tenants_budget_counts_its_own_calls_only(clock):
    """The budget of all counts them, too."""
    found = budgets("day=100; tenant:acme/day=10", clock)
    for tenant in ("acme", "other", None):
        found.spend(cost(4), tenant)
    assert found.spent() == [("day", 12.0), ("tenant:acme/day", 4.0)]
    assert found.limits() == [("day", 100.0), ("tenant:acme/day", 10.0)]


def test_a_new_period_begins_at_nothing(clock):
    """In UTC; the warnings come anew."""
    found = budgets("hour=10; day=10; month=10", clock)
    assert len(found.spend(cost(9), None)) == 3
    clock.set("2026-12-01T00:00:00")
    assert found.spent() == [("hour", 0.0), ("day", 0.0), ("month", 0.0)]
    assert len(found.spend(cost(9), None)) == 3
    clock.set("2026-12-01T01:00:00")
    assert found.spent() == [("hour", 0.0), ("day", 9.0), ("month", 9.0)]


def test_a_clock_that_is_set_back_changes_nothing(clock):
    """The period that has begun goes on."""
    found = budgets("hour=10", clock)
    found.spend(cost(3), None)
    clock.set("2026-11-30T22:00:00")
    found.spend(cost(3), None)
    assert found.spent() == [("hour", 6.0)]


def test_another_currency_does_not_count_and_is_named_once(clock, caplog):
    """Adding up dollars and euros would be wrong without anybody seeing it."""
    found = budgets("day=10", clock)
    found.spend(cost(1), None)
    for _ in range(2):
        assert found.spend(cost(100, "EUR"), None) == []
    assert found.spent() == [("day", 1.0)]
    assert [record.getMessage() for record in caplog.records] == [
        "agentotel: AGENTOTEL_BUDGET: costs in EUR do not count, others are in USD (said once)"
    ]


def test_a_forked_process_begins_at_nothing(clock):
    """What was spent before is the parent's to report."""
    found = budgets("day=10", clock)
    found.spend(cost(9), None)
    found._lock.acquire()  # another thread may hold it at the fork
    found.begin_anew()
    assert found.spent() == [("day", 0.0)]
    assert found.limits() == [("day", 10.0)]


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_never_more_than_two_words_about_a_period(amounts):
    """However it is spent, and what is reported is the sum."""
    found = budgets("day=100", Clock("2026-11-30T12:00:00"))
    said = [used for amount in amounts for used in found.spend(cost(amount), None)]
    assert len(said) <= 2
    assert found.spent() == [("day", pytest.approx(sum(amounts)))]
    assert bool(said) == (sum(amounts) >= 80)
