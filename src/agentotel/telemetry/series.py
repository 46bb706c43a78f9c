"""The series of one instrument: label values looked up once, then recorded into what they are bound to.

`Series` owns state: the bound label sets of one instrument, at most `_BOUND_SETS` of them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from agentotel.telemetry.cardinality import BOUNDED, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from agentotel.model.instruments import Instrument
    from agentotel.telemetry.cardinality import CardinalityGuard

    Values = tuple[str | None, ...]
    Recorded = tuple[float, Context | None]
    """An amount and the context that it was measured in."""

_BOUND_SETS: Final = 2000
"""More label sets than the guard can let through in practice; beyond it they are bound anew for each record."""

_KEY_CHARACTERS: Final = 1024
"""Longest value that is kept as a key: one of a megabyte must not stay in memory."""


class Bound(Protocol):
    """One series: an instrument and a label set."""

    def record(self, amount: float, context: Context | None = None) -> None:
        """Record one amount, measured in `context`."""

    def record_all(self, records: Sequence[Recorded]) -> None:
        """Record many amounts, each with the context that it was measured in."""


class Series:
    """Records into one instrument.

    Args:
        meter: Where the instrument is created. One whose instruments have a method ``bind(attributes)`` is recorded
            through what that returns, a `Bound`; the SDK's own instruments are called with the attributes.
        instrument: What is created.
        guard: Bounds the values of the attributes.
    """

    def __init__(self, meter: Meter, instrument: Instrument, guard: CardinalityGuard) -> None:
        created = _create(meter, instrument)
        self._names = instrument.attributes
        self._label = guard.label
        self._bind: Callable[[dict[str, str]], Bound] = getattr(created, "bind", None) or partial(_Called, created)
        self._bound: dict[Values, Bound] = {}

    def record(self, amount: float, values: Values, context: Context | None = None) -> None:
        """Record `amount` for the series with these values.

        Args:
            amount: In the instrument's unit.
            values: In the order of `Instrument.attributes`; None leaves an attribute out.
            context: The operation's context, for exemplars.
        """
        bound = self._bound.get(values)
        if bound is None:
            bound = self._bind_values(values)
        bound.record(amount, context)

    def record_all(self, records: Sequence[Recorded], values: Values) -> None:
        """Record many amounts for the series with these values.

        Args:
            records: Each amount with the context of its operation.
            values: As for `record`.
        """
        bound = self._bound.get(values)
        if bound is not None:
            bound.record_all(records)
            return
        for amount, context in records:  # binds it for the next time, or counts each record that is folded
            self.record(amount, values, context)

    def _bind_values(self, values: Values) -> Bound:
        attributes: dict[str, str] = {}
        is_folded = False
        for name, value in zip(self._names, values, strict=True):
            if value is not None:
                label = self._label(name, value) if name in BOUNDED else value
                is_folded |= label == OTHER and value != OTHER
                attributes[name] = label
        bound = self._bind(attributes)
        if not is_folded and len(self._bound) < _BOUND_SETS and max(map(_length, values), default=0) <= _KEY_CHARACTERS:
            self._bound[values] = bound  # a folded value is counted each time it comes, and bound each time
        return bound


def _length(value: str | None) -> int:
    return 0 if value is None else len(value)


def _create(meter: Meter, instrument: Instrument) -> Any:
    name, unit, description = instrument.name, instrument.unit, instrument.description
    if instrument.kind == "counter":
        return meter.create_counter(name, unit, description)
    if instrument.kind == "up_down_counter":
        return meter.create_up_down_counter(name, unit, description)
    buckets = list(instrument.buckets)  # where a view asks for an exponential histogram, they are not looked at
    return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=buckets)


class _Called:
    """One series of an instrument that is called with its attributes each time."""

    def __init__(self, created: Any, attributes: dict[str, str]) -> None:
        self._record = created.add if hasattr(created, "add") else created.record
        self._attributes = attributes

    def record(self, amount: float, context: Context | None = None) -> None:
        self._record(amount, self._attributes, context)

    def record_all(self, records: Sequence[Recorded]) -> None:
        for amount, context in records:
            self._record(amount, self._attributes, context)
