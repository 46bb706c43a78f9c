"""What AGENTOTEL_BUDGET may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.config.budget import BUDGETS, Budget


def test_budgets_of_all_and_of_one_tenant():
    """A period, and a tenant before it; the scope is what the user wrote."""
    assert BUDGETS.cast("day=50; month = 1000; tenant:acme/day=5.5;") == (
        Budget("day", None, "day", 50.0),
        Budget("month", None, "month", 1000.0),
        Budget("tenant:acme/day", "acme", "day", 5.5),
    )


def test_a_table_of_a_file_says_the_same():
    """In TOML a table is the natural form, and a list will do."""
    expected = BUDGETS.cast("hour=2;tenant:acme/day=5.5")
    assert BUDGETS.cast({"hour": 2, "tenant:acme/day": 5.5}) == expected
    assert BUDGETS.cast(["hour=2", "tenant:acme/day=5.5"]) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        "50", "day", "day=", "day=0", "day=-1", "day=much", "year=1", "user:anna/day=1", "tenant:/day=1",
        "day=1;day=2", "day=1e3", "tenant:a\nb/day=1", {}, {"day": [1]}, {"day": True}, 5,
        ";".join(f"tenant:t{number}/day=1" for number in range(101)),
    ],
)  # fmt: skip
def test_what_is_no_budget_is_refused(wrong):
    """Nothing is guessed, and two limits of one scope are a mistake."""
    with pytest.raises(ValueError):
        BUDGETS.cast(wrong)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    """Nothing but ValueError comes out of it."""
    try:
        budgets = BUDGETS.cast(text)
    except ValueError:
        return
    assert all(budget.limit > 0 for budget in budgets)
