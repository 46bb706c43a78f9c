"""What agentotel counts about itself, from before the metrics exist on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel.model import instruments

if TYPE_CHECKING:
    from agentotel.model.instruments import Instrument
    from agentotel.telemetry.metrics import Metrics


class OwnCounts:
    """Passes counts on to the metrics, which are made later than those who count.

    State: what was counted before, until `count_into` is called.
    """

    def __init__(self) -> None:
        self._metrics: Metrics | None = None
        self._waiting: list[tuple[Instrument, str, int]] = []

    def count_into(self, metrics: Metrics) -> None:
        """Count into `metrics` from now on, with all that has been counted already."""
        self._metrics = metrics
        while self._waiting:
            self.count(*self._waiting.pop())

    def count(self, instrument: Instrument, label: str, number: int) -> None:
        """Count something in an instrument of the family ``self``."""
        if self._metrics is None:
            self._waiting.append((instrument, label, number))
        else:
            self._metrics.add(instrument, number, (label,))

    def folded(self, attribute: str) -> None:
        """Count a metric record whose attribute was folded into ``other``."""
        self.count(instruments.SELF_FOLDED, attribute, 1)

    def dropped(self, signal: str, number: int) -> None:
        """Count items that could not be delivered."""
        self.count(instruments.SELF_DROPPED, signal, number)
