"""Which meter an SDK's provider gives: one with cells wherever they record exactly what the SDK would have."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics import Meter as SdkMeter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource

from agentotel.distro.cell_aggregations import goes_straight
from agentotel.distro.metric_cells import CellMeter

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.metrics import MeterProvider as ApiMeterProvider

_logger = logging.getLogger("agentotel")

_ROUNDS: Final = ((3, 0.5), (), (7,))
"""What the trial records between collections. The SDK records the first of a series, cells the others."""


def cell_meter(provider: ApiMeterProvider, scope_name: str, scope_version: str | None = None) -> Meter:
    """Return a meter with cells, or the provider's own meter where cells cannot be had.

    That is the case for a provider that is not the SDK's, that is disabled or shut down, or whose records somebody
    else handles, and for an SDK that keeps its aggregations in a way that cells do not know.

    Args:
        provider: Where the meter comes from.
        scope_name: Under which its instruments are exported.
        scope_version: Its version.
    """
    meter = provider.get_meter(scope_name, scope_version)
    if not (isinstance(provider, MeterProvider) and isinstance(meter, SdkMeter) and goes_straight(provider)):
        return meter
    return CellMeter(provider, scope_name, scope_version) if cells_agree_with_the_sdk() else meter


@functools.cache
def cells_agree_with_the_sdk() -> bool:
    """Tell, after a trial of a few milliseconds, whether cells record what this version of the SDK would record.

    Cells use names that are private to the SDK. A later version that drops one would be noticed without this; one that
    gives it another meaning would make every number wrong.
    """
    try:
        by_sdk, by_cells = _trial()
    except Exception as error:  # noqa: BLE001 - whatever goes wrong, the SDK's own meter does not need any of it
        _logger.debug("agentotel: the SDK records all metrics itself: %r", error)
        return False
    return by_sdk == by_cells


def _trial() -> tuple[list[Any], list[Any]]:
    """Record the same through the SDK and through cells; return what the readers saw of each.

    A provider per temporality: since 1.45.2 the SDK has no cells for instruments that a delta reader collects, and they
    would not be tried for the others.
    """
    kinds: tuple[type, ...] = (Counter, UpDownCounter, Histogram)
    seen: dict[str, list[Any]] = {"sdk": [], "cells": []}
    for reader in (InMemoryMetricReader(dict.fromkeys(kinds, AggregationTemporality.DELTA)), InMemoryMetricReader()):
        chosen = AlwaysOnExemplarFilter()  # given, so that the SDK does not read the environment again
        provider = MeterProvider([reader], Resource.get_empty(), chosen, shutdown_on_exit=False)
        records = [*_recorders(provider.get_meter("sdk")), *_recorders(CellMeter(provider, "cells"))]
        for amounts in _ROUNDS:
            for amount in amounts:
                for record in records:
                    record(amount, {"label": "value"})
            _read(reader, seen)
    return seen["sdk"], seen["cells"]


def _recorders(meter: Meter) -> list[Any]:
    histogram = meter.create_histogram("histogram", explicit_bucket_boundaries_advisory=[0, 1, 5])
    return [meter.create_counter("counter").add, meter.create_up_down_counter("up_down").add, histogram.record]


def _read(reader: InMemoryMetricReader, seen: dict[str, list[Any]]) -> None:
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            figures = [
                (metric.name, [_figures(point) for point in metric.data.data_points]) for metric in scope.metrics
            ]
            seen.setdefault(scope.scope.name, []).append(figures)


def _figures(point: Any) -> tuple[Any, ...]:
    """Return what has to be equal of a data point: all but the times and what chance decides."""
    if hasattr(point, "value"):
        return dict(point.attributes), point.value, len(point.exemplars)
    values = [exemplar.value for exemplar in point.exemplars]
    return dict(point.attributes), point.count, point.sum, point.min, point.max, point.bucket_counts, values
