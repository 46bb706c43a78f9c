"""The arithmetic of the comparison: paired differences and ratios, each with its median and quartiles."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Spread:
    """A figure that was measured several times.

    Attributes:
        median: Half of the values are below it.
        low: The lower quartile.
        high: The upper quartile.
    """

    median: float
    low: float
    high: float

    def text(self, decimals: int) -> str:
        """Return it as ``1.23 (1.20 to 1.27)``."""
        return f"{self.median:.{decimals}f} ({self.low:.{decimals}f} to {self.high:.{decimals}f})"


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of `values`, of which there is at least one."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def times_bare(bare: Sequence[float], measured: Sequence[float]) -> Spread:
    """Return by how much `measured` is dearer than `bare`; the values of one round stand at the same place in both."""
    return spread([other / plain for plain, other in zip(bare, measured, strict=True)])


def added(bare: Sequence[float], measured: Sequence[float]) -> Spread:
    """Return what `measured` adds to `bare`, round by round."""
    return spread([other - plain for plain, other in zip(bare, measured, strict=True)])


def added_in_floors(bare: Sequence[float], floor: Sequence[float], measured: Sequence[float]) -> Spread | None:
    """Return what `measured` adds to `bare`, in units of what the floor adds to it.

    None where the floor itself is lost in the noise: its lower quartile is not above zero.
    """
    one_floor = added(bare, floor)
    if one_floor.low <= 0:
        return None
    return spread([(other - plain) / one_floor.median for plain, other in zip(bare, measured, strict=True)])
