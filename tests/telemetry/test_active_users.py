"""Counting users without a label per user."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.telemetry.active_users import REGISTERS, WINDOW_S, ActiveUsers, estimate, position


@pytest.mark.parametrize("users", [1, 10, 100, 1_000, 20_000])
def test_the_estimate_is_near_the_truth(users):
    """Three standard errors (6.5 % each) hold for any fixed set of users."""
    counter = ActiveUsers()
    for number in range(users):
        counter.run_started(f"user-{number}")
    assert estimate(counter.registers()) == pytest.approx(users, rel=0.2)


@given(st.lists(st.text(max_size=8), max_size=50), st.lists(st.text(max_size=8), max_size=50))
def test_registers_merge_by_maximum(here, there):
    """Two processes merged by the maximum of each register give what one process would have seen."""
    one, other, both = ActiveUsers(), ActiveUsers(), ActiveUsers()
    for user in here:
        one.run_started(user)
        both.run_started(user)
    for user in there:
        other.run_started(user)
        both.run_started(user)
    merged = dict(one.registers())
    for register, rank in other.registers():
        merged[register] = max(rank, merged.get(register, 0))
    assert merged == dict(both.registers())


@given(st.text())
def test_positions_are_in_range(user):
    """Any id, lone surrogates included, has a register and a rank."""
    register, rank = position(user)
    assert 0 <= register < REGISTERS
    assert 1 <= rank <= 57


def test_concurrent_users_are_those_with_open_runs():
    """A user with two open runs counts once and leaves with the second."""
    users = ActiveUsers()
    users.run_started("a")
    users.run_started("a")
    users.run_started("b")
    assert users.concurrent() == 2
    users.run_ended("a")
    assert users.concurrent() == 2
    users.run_ended("a")
    assert users.concurrent() == 1


def test_a_user_who_is_gone_is_forgotten_after_two_windows():
    """Each reading has all who came since the one before; nobody is active for ever."""
    now = [0.0]
    users = ActiveUsers(clock=lambda: now[0])
    users.run_started("a")
    assert users.registers() == [position("a")]
    now[0] += WINDOW_S - 1
    users.run_started("b")
    now[0] += 1
    assert set(users.registers()) == {position("a"), position("b")}
    users.run_started("c")
    now[0] += WINDOW_S
    assert set(users.registers()) == {position("c")}
    now[0] += WINDOW_S
    assert users.registers() == []


def test_a_reading_that_comes_late_still_has_all():
    """A process that nobody asked for hours loses no user."""
    now = [0.0]
    users = ActiveUsers(clock=lambda: now[0])
    users.run_started("a")
    now[0] += 5 * WINDOW_S
    users.run_started("b")
    assert set(users.registers()) == {position("a"), position("b")}
