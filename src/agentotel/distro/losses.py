"""Says once that telemetry is being lost, and why; how much is counted in ``agentotel.self.dropped``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agentotel._base.errors import printable
from agentotel.distro import quiet

if TYPE_CHECKING:
    from agentotel.distro.own_counts import OwnCounts

_logger = logging.getLogger("agentotel")
_REASON_CHARACTERS = 300


class Losses:
    """Hears of every batch that could not be delivered.

    State: whether anything has been said.

    Args:
        counts: Where what is lost is counted.
    """

    def __init__(self, counts: OwnCounts) -> None:
        self._counts = counts
        self._said = False

    def dropped(self, signal: str, number: int) -> None:
        """Count `number` items of a signal that could not be delivered; say so if it is the first time.

        Args:
            signal: ``traces``, ``metrics`` or ``logs``.
            number: Spans, log records or metric points.
        """
        self._counts.dropped(signal, number)
        self._say(f"{signal} could not be delivered and are lost")

    def gave_up(self, deadline_s: float) -> None:
        """Say that the program has ended before everything was delivered."""
        self._say(f"not everything could be delivered within {deadline_s:g} s at the end; the rest is lost")

    def _say(self, what: str) -> None:
        if self._said:
            return
        self._said = True
        reason = printable(quiet.exporter_messages.reason or "no reason was given", _REASON_CHARACTERS)
        _logger.warning(
            "agentotel: %s (the program is not affected; said once, then counted as "
            "agentotel.self.dropped; `agentotel doctor` tells more): %s",
            what,
            reason,
        )
