"""The guard that keeps labels bounded."""

from __future__ import annotations

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agentotel.telemetry.cardinality import OTHER, CardinalityGuard


@given(st.lists(st.text(max_size=12), max_size=60), st.integers(1, 10))
def test_there_are_never_more_values_than_the_limit(values, limit):
    """Whatever comes, at most `limit` values and `other` are seen, and each fold is counted."""
    folded = Counter()
    guard = CardinalityGuard(limit, lambda name: folded.update([name]))
    labels = [guard.label("agent_id", value) for value in values]
    known = list(dict.fromkeys(values))[:limit]
    assert len(set(labels) - {OTHER}) <= limit
    assert folded["agent_id"] == sum(value not in known for value in values)


def test_a_known_value_stays_known():
    """The first values keep their label after the limit was reached."""
    guard = CardinalityGuard(1, lambda _: None)
    assert [guard.label("model", value) for value in ("a", "b", "a")] == ["a", OTHER, "a"]


def test_both_families_share_their_values():
    """A model that the agent family folds is folded in the gen_ai family as well."""
    guard = CardinalityGuard(1, lambda _: None)
    assert guard.label("model", "a") == "a"
    assert guard.label("gen_ai.request.model", "b") == OTHER
    assert guard.label("gen_ai.request.model", "a") == "a"


def test_huge_and_unprintable_values_become_short_labels():
    """A megabyte with newlines neither stays in memory nor reaches a label."""
    guard = CardinalityGuard(5, lambda _: None)
    label = guard.label("agent_id", "x\n" * 500_000)
    assert label.isprintable()
    assert len(label) < 500


def test_threads_never_exceed_the_limit():
    """Many threads with values of their own together get no more than the limit."""
    guard = CardinalityGuard(10, lambda _: None)
    seen = set()
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        seen.update(guard.label("tool_name", f"{number}-{index}") for index in range(20))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen - {OTHER}) == 10
