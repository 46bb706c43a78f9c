"""Lost telemetry is said once and counted always."""

from __future__ import annotations

from agentotel.distro.losses import Losses
from agentotel.distro.own_counts import OwnCounts


class Counted(OwnCounts):
    """Remembers what was counted."""

    def __init__(self):
        super().__init__()
        self.lost = []

    def dropped(self, signal, number):
        self.lost.append((signal, number))


def test_every_loss_is_counted_and_the_first_is_said(caplog):
    """Three lost batches give three counts and one line."""
    counts = Counted()
    losses = Losses(counts)
    for signal in ("traces", "logs", "traces"):
        losses.dropped(signal, 5)
    losses.gave_up(3)
    assert counts.lost == [("traces", 5), ("logs", 5), ("traces", 5)]
    assert len(caplog.records) == 1
    assert "traces could not be delivered" in caplog.text


def test_the_end_of_the_program_is_mentioned_with_its_deadline(caplog):
    """A program that ends with telemetry under way says how long it has waited."""
    Losses(Counted()).gave_up(1.5)
    assert "within 1.5 s" in caplog.text
