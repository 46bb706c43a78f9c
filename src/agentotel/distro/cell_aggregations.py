"""The short way to the SDK's aggregations of one label set, and their new beginning after a fork.

The one module that knows how the SDK keeps what it has aggregated. It uses names that are private to the SDK; where
one of them is not there or not as expected, `short_ways` returns None and the SDK is called as usual.
"""
# ruff: noqa: SLF001 - there is no public way, and the SDK's private names that cells need stand here and nowhere else

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from opentelemetry.metrics import Synchronous
from opentelemetry.sdk.metrics import AlignedHistogramBucketExemplarReservoir, SimpleFixedSizeExemplarReservoir

from agentotel.distro.cell_exemplars import LastPerBucket, OneOfAll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from agentotel.distro.cell_exemplars import Attributes, Choose, Offered
    from agentotel.telemetry.series import Recorded

Reservoir = TypeVar("Reservoir", LastPerBucket, OneOfAll)


class Way(Protocol):
    """Adds to one aggregation."""

    def add(self, amount: float, offered: Offered | None) -> None:
        """Add one amount; `offered` may become an exemplar."""

    def add_all(
        self, amounts: Sequence[float], records: Sequence[Recorded], choose: Choose | None, attributes: Attributes
    ) -> None:
        """Add many amounts at once.

        Args:
            amounts: At least one.
            records: The same, each with the context that it was measured in.
            choose: Decides which of them may become exemplars: by their contexts alone. None: none of them.
            attributes: The label set.
        """


def goes_straight(provider: MeterProvider) -> bool:
    """Tell whether records of this provider go straight to its readers, with nobody's consumer in between."""
    return type(getattr(provider, "_measurement_consumer", None)).__name__ == "SynchronousMeasurementConsumer"


def readers_of(instrument: Any) -> Mapping[Any, Any]:
    """Return the storage of each reader: another object whenever a reader comes or goes, and after a fork."""
    storages: Mapping[Any, Any] = instrument._measurement_consumer._reader_storages
    return storages


def short_ways(instrument: Any, attributes: Mapping[str, str], readers: Mapping[Any, Any]) -> tuple[Way, ...] | None:
    """Return what adds an amount to the aggregations of `attributes`, one per reader and view.

    Args:
        instrument: The SDK's; it has recorded these attributes before, so that the aggregations exist.
        attributes: The label set.
        readers: From `readers_of`.

    Returns:
        None if there is an aggregation that the SDK itself has to feed: of another kind, with a reservoir that somebody
        has chosen, or not laid out as expected.
    """
    try:
        return tuple(_ways(instrument, attributes, readers))
    except (AttributeError, LookupError):
        return None


def begin_anew_in_child(provider: MeterProvider, scope: InstrumentationScope) -> None:
    """Forget, in a process that was just forked, what the parent has counted: the parent reports it.

    Whoever held one of the SDK's locks at the fork is not there to release it, so those are new as well.

    Args:
        provider: Whose readers are meant.
        scope: Whose synchronous instruments begin anew, at zero and with a new start time.
    """
    consumer: Any = provider._measurement_consumer
    consumer._lock = threading.Lock()
    for storage in consumer._reader_storages.values():
        storage._lock = threading.RLock()
        matches = storage._instrument_view_instrument_matches
        for instrument in [each for each in matches if each.instrumentation_scope == scope]:
            if isinstance(instrument, Synchronous):
                del matches[instrument]
    consumer._reader_storages = dict(consumer._reader_storages)  # tells the cells, see `readers_of`


def _ways(instrument: Any, attributes: Mapping[str, str], readers: Mapping[Any, Any]) -> Iterator[Way]:
    for storage in readers.values():
        for match in storage._instrument_view_instrument_matches[instrument]:
            kind = type(match._aggregation).__name__
            if kind != "_DropAggregation":
                yield _WAYS[kind](_find(match, attributes))


def _find(match: Any, attributes: Mapping[str, str]) -> Any:
    """Return the aggregation of `attributes`, of which the view may drop some.

    Raises:
        LookupError: The SDK has put them elsewhere, or (for delta temporality, since 1.45.2) makes them anew for each
            collection.
    """
    if getattr(match, "_reset_on_collect", False):
        raise LookupError(match)
    kept = match._view._attribute_keys
    expected = {key: attributes[key] for key in attributes if kept is None or key in kept}
    with match._lock:
        for aggregation in match._attributes_aggregation.values():
            if aggregation._attributes == expected:
                return aggregation
    raise LookupError(expected)


class _SumWay:
    """Adds to one sum."""

    __slots__ = ("_aggregation", "_lock", "_reservoir")

    def __init__(self, aggregation: Any) -> None:
        _ = aggregation._value
        self._aggregation = aggregation
        self._lock = aggregation._lock
        self._reservoir = _keeping(aggregation, SimpleFixedSizeExemplarReservoir, OneOfAll())

    def add(self, amount: float, offered: Offered | None) -> None:
        aggregation = self._aggregation
        with self._lock:
            value = aggregation._value
            aggregation._value = (0 if value is None else value) + amount
            if offered is not None:
                self._reservoir.keep(offered)

    def add_all(
        self, amounts: Sequence[float], records: Sequence[Recorded], choose: Choose | None, attributes: Attributes
    ) -> None:
        aggregation = self._aggregation
        with self._lock:
            value = aggregation._value
            value = 0 if value is None else value
            for amount in amounts:  # one after the other, as the SDK would: sum() may round otherwise
                value += amount
            aggregation._value = value
            if choose is not None:
                offered = [choose(amount, attributes, context) for amount, context in records]
                self._reservoir.keep_all([each for each in offered if each is not None])


class _HistogramWay:
    """Adds to one histogram with explicit buckets."""

    __slots__ = ("_aggregation", "_boundaries", "_lock", "_places", "_reservoir")

    def __init__(self, aggregation: Any) -> None:
        _ = aggregation._value, aggregation._sum, aggregation._min, aggregation._max
        if not aggregation._record_min_max:
            raise LookupError("a view leaves out the extremes")
        self._aggregation = aggregation
        self._lock = aggregation._lock
        self._boundaries = aggregation._boundaries
        own = LastPerBucket(aggregation._boundaries)
        self._reservoir = _keeping(aggregation, AlignedHistogramBucketExemplarReservoir, own)
        self._places = self._reservoir.places

    def add(self, amount: float, offered: Offered | None) -> None:
        aggregation, index = self._aggregation, bisect_left(self._boundaries, amount)
        with self._lock:
            counts = aggregation._value
            if counts is None:  # nothing was recorded since the last collection
                counts = aggregation._value = [0] * len(self._places)
            counts[index] += 1
            aggregation._sum += amount
            if amount < aggregation._min:  # noqa: PLR1730 - min() costs as much as all the rest of it
                aggregation._min = amount
            if amount > aggregation._max:  # noqa: PLR1730 - the same
                aggregation._max = amount
            if offered is not None:
                self._places[index] = offered

    def add_all(
        self, amounts: Sequence[float], records: Sequence[Recorded], choose: Choose | None, attributes: Attributes
    ) -> None:
        aggregation, boundaries = self._aggregation, self._boundaries
        indexes = [bisect_left(boundaries, amount) for amount in amounts]
        with self._lock:
            counts = aggregation._value
            if counts is None:
                counts = aggregation._value = [0] * len(self._places)
            for index in indexes:
                counts[index] += 1
            total = aggregation._sum
            for amount in amounts:
                total += amount
            aggregation._sum = total
            aggregation._min = min(aggregation._min, *amounts)
            aggregation._max = max(aggregation._max, *amounts)
            if choose is not None:
                self._reservoir.keep_all(indexes, records, choose, attributes)


_WAYS: dict[str, Callable[[Any], _SumWay | _HistogramWay]] = {
    "_SumAggregation": _SumWay,
    "_ExplicitBucketHistogramAggregation": _HistogramWay,
}
"""By the name of the SDK's class: an import of a private name could fail, and the program with it."""


def _keeping(aggregation: Any, default: Any, own: Reservoir) -> Reservoir:
    """Return the quick reservoir of an aggregation, which gets `own` instead of the SDK's default if it has none yet.

    Raises:
        LookupError: Somebody has chosen another reservoir.
    """
    with aggregation._lock:
        reservoir: Any = aggregation._reservoir
        if isinstance(reservoir, type(own)):
            return reservoir
        if type(reservoir) is not default or reservoir._size != len(own.places):
            raise LookupError(reservoir)
        own.take_over(reservoir.collect(aggregation._attributes))
        aggregation._reservoir = own
        return own
