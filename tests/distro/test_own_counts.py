"""What agentotel counts about itself."""

from __future__ import annotations

import threading

import pytest

from agentotel.distro.own_counts import OwnCounts
from agentotel.model import instruments


class FakeMetrics:
    """Remembers what was added."""

    def __init__(self):
        self.added = []

    def add(self, instrument, amount, values):
        self.added.append((instrument.name, amount, values))


@pytest.fixture
def metrics():
    """Where counts go."""
    return FakeMetrics()


def test_what_was_counted_before_the_metrics_existed_is_not_lost(metrics):
    """It is added as soon as there is where to, once."""
    counts = OwnCounts()
    counts.dropped("traces", 3)
    counts.folded("model")
    counts.count_into(metrics)
    assert sorted(metrics.added) == [
        ("agentotel.self.dropped", 3, ("traces",)),
        ("agentotel.self.folded", 1, ("model",)),
    ]
    counts.count_into(metrics)
    assert len(metrics.added) == 2


def test_what_is_counted_later_goes_straight_on(metrics):
    """With its label and its number."""
    counts = OwnCounts()
    counts.count_into(metrics)
    counts.count(instruments.SELF_REDACTED, "email", 2)
    assert metrics.added == [("agentotel.self.redacted", 2, ("email",))]


def test_threads_that_count_while_the_metrics_come_lose_nothing(metrics):
    """Exporters may fail in their threads at the very moment in which the metrics are made."""
    counts = OwnCounts()
    barrier = threading.Barrier(5)

    def work():
        barrier.wait()
        for _ in range(200):
            counts.dropped("logs", 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait()
    counts.count_into(metrics)
    for thread in threads:
        thread.join()
    counts.count_into(metrics)
    assert len(metrics.added) == 800
