"""The series of one instrument."""

from __future__ import annotations

from collections import Counter

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel.model import instruments
from agentotel.telemetry.cardinality import CardinalityGuard
from agentotel.telemetry.series import _BOUND_SETS, Series


class FakeBound:
    """Remembers what is recorded, and how."""

    def __init__(self, attributes, recorded):
        self.attributes = attributes
        self.recorded = recorded

    def record(self, amount, context):
        self.recorded.append((self.attributes, amount))

    def record_all(self, records):
        self.recorded.append((self.attributes, [amount for amount, _ in records]))


class FakeMeter:
    """Makes instruments that can be bound, and remembers what was asked of them."""

    def __init__(self):
        self.bound = []
        self.recorded = []

    def create_counter(self, name, unit, description):
        return self

    def bind(self, attributes):
        self.bound.append(attributes)
        return FakeBound(attributes, self.recorded)


@pytest.fixture
def folded():
    """Count what the guard folds."""
    return Counter()


@pytest.fixture
def guard(folded):
    """Bound labels to two values."""
    return CardinalityGuard(2, lambda name: folded.update([name]))


def test_labels_are_bound_once(guard):
    """The second record of a series costs one look-up."""
    meter = FakeMeter()
    series = Series(meter, instruments.TOOL_CALLS, guard)
    for amount in (1, 2):
        series.record(amount, ("search", "success"))
    assert meter.bound == [{"tool_name": "search", "status": "success"}]
    assert [amount for _, amount in meter.recorded] == [1, 2]


def test_unknown_values_are_left_out(guard):
    """None is no label."""
    meter = FakeMeter()
    Series(meter, instruments.AGENT_REQUESTS, guard).record(1, ("shop", None, "success"))
    assert meter.bound == [{"agent_name": "shop", "status": "success"}]


def test_a_wrong_number_of_values_is_an_error(guard):
    """Values are told apart by their position: none may be missing."""
    with pytest.raises(ValueError, match="zip"):
        Series(FakeMeter(), instruments.TOOL_CALLS, guard).record(1, ("search",))


def test_every_record_of_a_folded_value_is_counted(guard, folded):
    """The third tool of two is `other`, and each of its records is counted as folded."""
    meter = FakeMeter()
    series = Series(meter, instruments.TOOL_CALLS, guard)
    for tool in ("a", "b", "c", "c"):
        series.record(1, (tool, "success"))
    assert [attributes["tool_name"] for attributes, _ in meter.recorded] == ["a", "b", "other", "other"]
    assert folded == {"tool_name": 2}


def test_many_records_of_a_series_are_passed_on_together(guard):
    """As soon as its labels are bound."""
    meter = FakeMeter()
    series = Series(meter, instruments.TOOL_CALLS, guard)
    for amounts in ([1, 2], [3, 4]):
        series.record_all([(amount, None) for amount in amounts], ("search", "success"))
    assert [amount for _, amount in meter.recorded] == [1, 2, [3, 4]]
    assert len(meter.bound) == 1


def test_each_of_many_records_of_a_folded_value_is_counted(guard, folded):
    """They are recorded as `other`."""
    meter = FakeMeter()
    series = Series(meter, instruments.TOOL_CALLS, guard)
    for tool in ("a", "b", "c"):
        series.record_all([(1, None)] * 3, (tool, "success"))
    assert folded == {"tool_name": 3}
    assert [attributes["tool_name"] for attributes, _ in meter.recorded][-3:] == ["other"] * 3


def test_a_value_that_is_called_other_is_no_fold(guard, folded):
    """A tool may have that name."""
    series = Series(FakeMeter(), instruments.TOOL_CALLS, guard)
    series.record(1, ("other", "success"))
    assert folded == {}


def test_what_is_kept_is_bounded(folded):
    """Neither many label sets nor values of a megabyte stay in memory; they are recorded all the same."""
    meter = FakeMeter()
    series = Series(meter, instruments.TOOL_CALLS, CardinalityGuard(10_000, lambda _: None))
    for number in range(_BOUND_SETS + 5):
        series.record(1, (f"tool-{number}", "success"))
    assert len(series._bound) == _BOUND_SETS
    assert len(meter.recorded) == _BOUND_SETS + 5
    series = Series(meter, instruments.TOOL_CALLS, CardinalityGuard(10, lambda _: None))
    series.record(1, ("x" * 1_000_000, "success"))
    assert series._bound == {}


def test_many_records_of_the_sdks_own_instruments_are_recorded_one_by_one(guard):
    """Their interface knows no other way."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    series = Series(provider.get_meter("test"), instruments.TOOL_CALLS, guard)
    for _ in range(2):
        series.record_all([(1, None), (2, None)], ("search", "success"))
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    provider.shutdown()
    assert [point.value for point in metric.data.data_points] == [6]


@pytest.mark.parametrize("instrument", [instruments.CHAT_LATENCY, instruments.REQUEST_DURATION], ids=lambda i: i.kind)
def test_histograms_have_the_catalogues_buckets(instrument, guard):
    """A reader without a view of its own gets buckets that fit; the SDK's default ones are made for milliseconds."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    values = ("a",) * len(instrument.attributes)
    Series(provider.get_meter("test"), instrument, guard).record(3.0, values)
    (metric,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    provider.shutdown()
    (point,) = metric.data.data_points
    assert tuple(point.explicit_bounds) == instruments.LATENCY_BUCKETS
    assert (metric.unit, metric.description) == (instrument.unit, instrument.description)
