"""Cells of one instrument: what they refuse, when they call the SDK, and when they do not."""

from __future__ import annotations

import logging
import math

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel.distro import cell_aggregations
from agentotel.distro.metric_cells import CellMeter


class Calls:
    """A meter with cells, which counts how often the SDK's own instruments are called."""

    def __init__(self, monkeypatch):
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.meter = CellMeter(self.provider, "scope")
        self.by_sdk = 0
        consumer = type(self.provider._measurement_consumer)
        original = consumer.consume_measurement

        def counting(consumer, measurement):
            self.by_sdk += 1
            original(consumer, measurement)

        monkeypatch.setattr(consumer, "consume_measurement", counting)

    def points(self):
        """Return all data points."""
        data = self.reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data is not None else ()
        return [point for scope in scopes for metric in scope.metrics for point in metric.data.data_points]


@pytest.fixture
def calls(monkeypatch):
    """Return a meter that counts the calls of the SDK."""
    return Calls(monkeypatch)


def test_only_the_first_record_of_a_series_goes_through_the_sdk(calls):
    """The SDK makes the series, cells add to it, also after a collection."""
    record = (
        calls.meter.create_histogram("seconds", explicit_bucket_boundaries_advisory=[1]).bind({"model": "a"}).record
    )
    for _ in range(3):
        for _ in range(5):
            record(0.5)
        (point,) = calls.points()
    assert point.count == 15
    assert calls.by_sdk == 1


def test_a_label_set_has_one_cell(calls):
    """Binding the same labels again, in any order, gives the same cell, so that nothing is looked up twice."""
    counter = calls.meter.create_counter("counter")
    assert counter.bind({"a": "1", "b": "2"}) is counter.bind({"b": "2", "a": "1"})
    assert counter.bind({"a": "1"}) is not counter.bind({"a": "2"})


def test_the_labels_are_those_at_the_time_of_binding(calls):
    """What happens to the mapping afterwards changes nothing."""
    labels = {"model": "a"}
    record = calls.meter.create_counter("counter").bind(labels).record
    labels["model"] = "b"
    record(1)
    assert [point.attributes for point in calls.points()] == [{"model": "a"}]


@pytest.mark.parametrize("value", [1, True, 1.0, ["x"], ("x", "y")])
def test_values_other_than_strings_are_left_to_the_sdk(calls, value):
    """Which of 1, 1.0 and True are one series is the SDK's decision."""
    record = (
        calls.meter.create_counter("counter").bind({"label": tuple(value) if isinstance(value, list) else value}).record
    )
    record(1)
    record(2)
    assert [point.value for point in calls.points()] == [3]
    assert calls.by_sdk == 2


def test_what_has_no_short_way_is_searched_for_once(monkeypatch, calls):
    """A cell that the SDK has to serve does not pay for a search at each record."""
    searches = []
    monkeypatch.setattr(cell_aggregations, "short_ways", lambda *given: searches.append(given))
    record = calls.meter.create_histogram("seconds").bind({}).record
    for _ in range(5):
        record(1)
    assert len(searches) == 1
    assert calls.by_sdk == calls.points()[0].count == 5


def test_without_a_reader_nothing_is_kept(monkeypatch):
    """A provider without readers costs next to nothing, as with the SDK."""
    calls = Calls(monkeypatch)
    provider = MeterProvider(shutdown_on_exit=False)
    record = CellMeter(provider, "scope").create_counter("counter").bind({}).record
    for _ in range(5):
        record(1)
    assert calls.by_sdk == 1


REFUSED = [
    ("counter", -1, "Add amount must be non-negative on Counter counter."),
    ("counter", math.nan, "Add amount nan is not finite on Counter counter, ignoring measurement."),
    ("up_down", math.inf, "Add amount inf is not finite on UpDownCounter up_down, ignoring measurement."),
    ("up_down", -math.inf, "Add amount -inf is not finite on UpDownCounter up_down, ignoring measurement."),
    ("histogram", -0.5, "Record amount must be non-negative on Histogram histogram."),
    ("histogram", math.nan, "Record amount nan is not finite on Histogram histogram, ignoring measurement."),
    ("counter", 10**5000, "Add amount inf is not finite on Counter counter, ignoring measurement."),
]


@pytest.mark.parametrize(("name", "amount", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_recorded_is_dropped_with_one_warning(calls, caplog, name, amount, message):
    """The first such amount is reported in the SDK's words, none is recorded, and the others are."""
    meter = calls.meter
    instruments = {
        "counter": meter.create_counter("counter"),
        "up_down": meter.create_up_down_counter("up_down"),
        "histogram": meter.create_histogram("histogram"),
    }
    record, other = instruments[name].bind({}).record, instruments[name].bind({"label": "other"}).record
    with caplog.at_level(logging.WARNING):
        for each in (record, other, record):
            each(amount)
            each(amount)
        record(2)
    assert [entry.getMessage() for entry in caplog.records] == [f"agentotel: {message}"]
    (point,) = calls.points()
    assert (point.value if hasattr(point, "value") else point.sum) == 2


def test_an_up_down_counter_goes_down(calls):
    """Amounts below zero are refused only where they mean nothing."""
    record = calls.meter.create_up_down_counter("up_down").bind({}).record
    for amount in (1, -2, -3):
        record(amount)
    assert [point.value for point in calls.points()] == [-4]


def test_a_meter_that_is_switched_off_records_nothing(calls):
    """A meter configurator that disables the scope later on is obeyed, and so is one that enables it again."""
    if not hasattr(calls.provider, "_set_meter_configurator"):
        pytest.skip("this SDK has no meter configurator")
    from opentelemetry.sdk.metrics._internal import _MeterConfig

    record = calls.meter.create_counter("counter").bind({}).record
    for is_enabled in (True, False, True):
        calls.provider._set_meter_configurator(meter_configurator=lambda _, on=is_enabled: _MeterConfig(is_enabled=on))
        record(1)
        record(1)
    assert [point.value for point in calls.points()] == [4]
