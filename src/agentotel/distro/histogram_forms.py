"""The form of each histogram, by exporter: exponential where one can show it, with explicit buckets elsewhere.

A view of the SDK decides for all readers at once, and Prometheus can be given only explicit buckets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import Histogram
from opentelemetry.sdk.metrics.view import Aggregation, DefaultAggregation, ExponentialBucketHistogramAggregation

from agentotel.model import instruments

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXPONENTIAL: Final = frozenset(one.name for one in instruments.INSTRUMENTS if one.kind == "exponential_histogram")


def preferred(by_exporter: Mapping[type, Aggregation] | None) -> dict[type, Aggregation]:
    """Return what a reader should prefer whose exporter can show exponential histograms.

    Args:
        by_exporter: What the exporter itself prefers.
    """
    found = dict(by_exporter or {})
    found[Histogram] = _ByInstrument(found.get(Histogram) or DefaultAggregation())
    return found


class _ByInstrument(Aggregation):
    """Exponential for the instruments that are so defined, as before for all others."""

    def __init__(self, otherwise: Aggregation) -> None:
        self._otherwise = otherwise
        self._exponential = ExponentialBucketHistogramAggregation()

    def _create_aggregation(self, instrument: Any, *args: Any, **kwargs: Any) -> Any:
        # Instruments of that name are ours: a program's own would be a conflict for any reader.
        chosen = self._exponential if instrument.name in _EXPONENTIAL else self._otherwise
        return chosen._create_aggregation(instrument, *args, **kwargs)  # noqa: SLF001 - how aggregations are combined
