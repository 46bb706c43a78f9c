"""The cells of one instrument: each the short way of one label set into the SDK's aggregations.

Cells own state: the aggregations they have found. `Cells` owns one cell per label set that was ever bound, as the SDK
keeps one aggregation for each; bound the label values before.
"""

from __future__ import annotations

import math
import sys
from logging import getLogger
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentotel.distro import cell_aggregations
from agentotel.distro.cell_exemplars import SampledSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context

    from agentotel.distro.cell_exemplars import Choose
    from agentotel.telemetry.series import Recorded

    RecordBySdk = Callable[[float, Mapping[str, Any], Context | None], None]

_logger = getLogger("agentotel")

_LARGEST: Final = sys.float_info.max
"""Beyond it even an integer has no place in a data point."""


class Target(NamedTuple):
    """What all cells of one instrument share.

    Attributes:
        instrument: The SDK's instrument.
        record: Its ``add`` or ``record``.
        kind: As the SDK's warnings name it, such as ``Counter``.
        only_increases: Amounts below zero are refused.
        choose: Decides which records are offered as exemplars; None offers none.
    """

    instrument: Any
    record: RecordBySdk
    kind: str
    only_increases: bool
    choose: Choose | None


class Cells:
    """The cells of one instrument.

    Args:
        target: The instrument.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cells: dict[frozenset[tuple[str, str]], Cell] = {}
        self._refused: set[str] = set()

    def bind(self, attributes: Mapping[str, Any]) -> Cell:
        """Return what records amounts for one label set.

        Look a label set up once and keep what is returned: it is quick, `bind` is not. It stays valid when readers
        come and go and after a fork. Values other than strings are recorded too, but by the SDK.

        Args:
            attributes: The label set.
        """
        if not all(type(value) is str for value in attributes.values()):
            return Cell(self._target, attributes, self._refuse, is_short=False)
        key = frozenset(attributes.items())
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells.setdefault(key, Cell(self._target, attributes, self._refuse))
        return cell

    def _refuse(self, amount: float) -> None:
        """Drop an amount that means nothing, with the SDK's warning, once for each reason."""
        kind, name = self._target.kind, self._target.instrument.name
        verb, shown = "Record" if kind == "Histogram" else "Add", _as_float(amount)
        message = f"{verb} amount must be non-negative on {kind} {name}."
        if not math.isfinite(shown):
            message = f"{verb} amount {shown} is not finite on {kind} {name}, ignoring measurement."
        if message not in self._refused:
            self._refused.add(message)
            _logger.warning("agentotel: %s", message)


class Cell:
    """Records into one label set of one instrument.

    Args:
        target: The instrument.
        attributes: The label set.
        refuse: Called with an amount that cannot be recorded.
        is_short: Whether the SDK's aggregations may be looked for.
    """

    __slots__ = (
        "_attributes", "_choose", "_consumer", "_is_short", "_lowest", "_offered_attributes", "_readers", "_refuse",
        "_searched", "_switch", "_target", "_ways",
    )  # fmt: skip

    def __init__(
        self, target: Target, attributes: Mapping[str, Any], refuse: Callable[[float], None], *, is_short: bool = True
    ) -> None:
        self._target = target
        self._attributes = dict(attributes)
        self._offered_attributes = self._attributes or None
        self._refuse = refuse
        self._is_short = is_short
        self._lowest = 0.0 if target.only_increases else -_LARGEST
        self._choose = target.choose
        self._consumer = target.instrument._measurement_consumer  # noqa: SLF001 - see cell_aggregations
        self._switch = getattr(target.instrument, "_meter_config", None)
        self._searched: Mapping[Any, Any] | None = None
        self._readers: Mapping[Any, Any] | None = None
        self._ways: tuple[cell_aggregations.Way, ...] = ()

    def record(self, amount: float, context: Context | None = None) -> None:
        """Record an amount.

        Args:
            amount: In the instrument's unit. What is not finite, or below zero where that means nothing, is dropped.
            context: In which it was measured, for exemplars; None takes the current one.
        """
        if not self._lowest <= amount <= _LARGEST:
            self._refuse(amount)
        elif self._readers is not self._consumer._reader_storages:  # noqa: SLF001 - a call would cost a tenth of all
            self._long_way(amount, context)
        elif self._switch is None or self._switch.is_enabled:
            choose = self._choose
            offered = None if choose is None else choose(amount, self._offered_attributes, context)
            for way in self._ways:
                way.add(amount, offered)

    def record_all(self, records: Sequence[Recorded]) -> None:
        """Record many amounts, each with the context in which it was measured; as `record` does for each of them."""
        amounts = [amount for amount, _ in records]
        if self._can_all(amounts):
            for way in self._ways:
                way.add_all(amounts, records, self._choose, self._offered_attributes)
        else:
            for amount, context in records:
                self.record(amount, context)

    def _can_all(self, amounts: Sequence[float]) -> bool:
        """Tell whether all can take the short way together: nobody but the SDK's default filter looks at each."""
        if not amounts or self._readers is not cell_aggregations.readers_of(self._target.instrument):
            return False
        if self._choose is not None and type(self._choose) is not SampledSpan:
            return False
        total = sum(amounts)  # of which there is none if there is none of one of them
        is_good = total == total and self._lowest <= min(amounts) and max(amounts) <= _LARGEST  # noqa: PLR0124 - NaN
        return is_good and (self._switch is None or self._switch.is_enabled)

    def _long_way(self, amount: float, context: Context | None) -> None:
        """Let the SDK record, which makes the aggregations of its readers; then look for them."""
        readers = cell_aggregations.readers_of(self._target.instrument)
        self._target.record(amount, self._attributes, context)
        if self._is_short and readers is not self._searched:
            self._searched = readers
            ways = cell_aggregations.short_ways(self._target.instrument, self._attributes, readers)
            if ways is not None:
                self._ways = ways
                self._readers = readers  # after the ways: from now on other threads use them


def _as_float(amount: float) -> float:
    try:
        return float(amount)
    except OverflowError:  # an integer beyond all floats
        return math.inf if amount > 0 else -math.inf
