"""Durations that no change of the wall clock can spoil."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentotel._base import clock
from agentotel._base.clock import Stopwatch


def test_time_passes_on_the_watchs_own_line():
    """The end is never before the start, and agrees with the elapsed seconds."""
    watch = Stopwatch()
    elapsed = watch.elapsed_s()
    assert elapsed >= 0
    assert watch.now_ns() >= watch.start_ns + int(elapsed * 1e9)


def test_a_stopped_watch_shows_the_time_at_which_it_was_stopped():
    """However much later it is looked at, no more time has passed."""
    watch = Stopwatch()
    watch.stop()
    elapsed, now = watch.elapsed_s(), watch.now_ns()
    assert (watch.elapsed_s(), watch.now_ns()) == (elapsed, now)


@given(st.integers(-(10**18), 10**18))
def test_a_wall_clock_that_jumps_changes_no_duration(jump):
    """Whether the clock is set back or forward during an operation, its duration is that of the monotonic clock."""
    real = clock.time_ns
    watch = Stopwatch()
    try:
        clock.time_ns = lambda: watch.start_ns + jump
        assert 0 <= watch.elapsed_s() < 3600
        assert 0 <= watch.now_ns() - watch.start_ns < 3600 * 10**9
    finally:
        clock.time_ns = real
