"""Metric cells: the same data points as the SDK's own instruments, for every reader, under threads and after a fork."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import textwrap
import threading
from contextlib import nullcontext

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    AlwaysOnExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    TraceBasedExemplarFilter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from prometheus_client import CollectorRegistry, generate_latest

from agentotel.distro.metric_cells import CellMeter

RESOURCE = Resource({"service.name": "test"})
ALL_DELTA = dict.fromkeys((Counter, UpDownCounter, Histogram), AggregationTemporality.DELTA)
SAMPLED = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("sampled")
UNSAMPLED = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False).get_tracer("test").start_span("unsampled")
CONTEXTS = {
    "none": None,
    "sampled": trace.set_span_in_context(SAMPLED),
    "unsampled": trace.set_span_in_context(UNSAMPLED),
    "current": None,
}
ATTRIBUTES = ({}, {"model": "a"}, {"model": "b"}, {"model": "a", "type": "input"}, {"number": 1}, {"flag": True})
INSTRUMENTS = ("counter", "up_down", "histogram", "seconds", "exponential")


def instruments_of(meter):
    """Return what records into each of the instruments, with attributes."""
    return {
        "counter": meter.create_counter("counter", "{call}", "Calls"),
        "up_down": meter.create_up_down_counter("up_down", "{agent}"),
        "histogram": meter.create_histogram("histogram", explicit_bucket_boundaries_advisory=[0, 1, 10, 1e6]),
        "seconds": meter.create_histogram("seconds", "s"),
        "exponential": meter.create_histogram("exponential", "s"),
    }


class Recorded:
    """Two readers of one provider, and what they have read."""

    def __init__(self, make_meter, exemplar_filter=None, views=()):
        self.readers = [InMemoryMetricReader(ALL_DELTA), InMemoryMetricReader()]
        exponential = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
        self.provider = MeterProvider(
            self.readers,
            RESOURCE,
            exemplar_filter or TraceBasedExemplarFilter(),
            shutdown_on_exit=False,
            views=[exponential, *views],
        )
        self.meter = make_meter(self.provider)
        self.instruments = instruments_of(self.meter)
        self.collected = []

    def record(self, name, amount, attributes, where):
        instrument = self.instruments[name]
        call = instrument.add if hasattr(instrument, "add") else instrument.record
        if isinstance(self.meter, CellMeter):
            bound = instrument.bind(attributes).record
            call = lambda amount, _, context: bound(amount, context)  # noqa: E731 - the same shape as the SDK's
        with trace.use_span(SAMPLED) if where == "current" else nullcontext():
            call(amount, attributes, CONTEXTS[where])

    def collect(self, number):
        self.collected.append((number, self.readers[number].get_metrics_data()))


class Gathered(Recorded):
    """The same, where what is recorded for one series is added to it all at once, before it is read."""

    def __init__(self, *args):
        super().__init__(*args)
        self.waiting = {}
        self.order = {}  # of the series, which begin with the first amount that means something

    def record(self, name, amount, attributes, where):
        if CONTEXTS[where] is None:  # which context that is, is known only now
            self.add_up()
            super().record(name, amount, attributes, where)
        else:
            key = name, repr(attributes)
            _, records = self.waiting.setdefault(key, (self.instruments[name].bind(attributes), []))
            records.append((amount, CONTEXTS[where]))
            if math.isfinite(amount) and (amount >= 0 or name == "up_down"):
                self.order[key] = None

    def collect(self, number):
        self.add_up()
        super().collect(number)

    def add_up(self):
        for key in [*self.order, *(self.waiting.keys() - self.order)]:
            cell, records = self.waiting[key]
            cell.record_all(records)
        self.waiting, self.order = {}, {}


def by_sdk(provider):
    """Return the SDK's own meter."""
    return provider.get_meter("scope", "1")


def by_cells(provider):
    """Return a meter of the same scope with cells."""
    return CellMeter(provider, "scope", "1")


def without_times(data):
    """Return the representation of what was collected, which tells 1 from 1.0 and shows exemplars, without times."""
    return re.sub(r"time_unix_nano=\d+", "time_unix_nano=0", repr(data))


def encoded(data):
    """Return the bytes that would be sent, with all times set to zero."""
    request = encode_metrics(data)
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in getattr(metric, metric.WhichOneof("data")).data_points:
                    point.time_unix_nano = point.start_time_unix_nano = 0
                    for exemplar in point.exemplars:
                        exemplar.time_unix_nano = 0
    assert isinstance(request, ExportMetricsServiceRequest)
    return request.SerializeToString(deterministic=True)


def points_of(data):
    """Yield the names and data points of a collection."""
    for resource in data.resource_metrics if data is not None else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield metric.name, point


def assert_the_same(sdk, cells):
    """Assert that the readers of both have read the same."""
    assert len(sdk.collected) == len(cells.collected)
    for (_, expected), (_, found) in zip(sdk.collected, cells.collected, strict=True):
        assert without_times(found) == without_times(expected)
        if expected is not None:
            assert encoded(found) == encoded(expected)


def assert_times_are_consistent(collected):
    """Cumulative series keep their start; a delta series starts where the collection before it ended, or later."""
    starts, ends = {}, {}
    for number, data in collected:
        for name, point in points_of(data):
            series = number, name, repr(point.attributes)
            assert point.start_time_unix_nano <= point.time_unix_nano
            if number == 0:
                assert point.start_time_unix_nano >= ends.get(series, 0)
                ends[series] = point.time_unix_nano
            else:
                assert starts.setdefault(series, point.start_time_unix_nano) == point.start_time_unix_nano


@pytest.fixture
def _last_exemplar(monkeypatch):
    """Let chance keep the last record of a counter as its exemplar, in the SDK and in cells."""
    keep_last = "opentelemetry.sdk.metrics._internal.exemplar.exemplar_reservoir.randrange"
    monkeypatch.setattr(keep_last, lambda low, _high: low)
    monkeypatch.setattr("agentotel.distro.cell_exemplars.random", lambda: 0.0)


extreme = st.one_of(
    st.integers(-(2**50), 2**50),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 0.0, -0.0, 1, 10, 1e6, 0.1, 1e308, math.nan, math.inf, -math.inf]),
)
moderate = st.one_of(st.integers(-(2**30), 2**30), st.floats(1e-6, 1e6), st.sampled_from([0, 0.0, math.nan]))
"""The SDK's exponential histograms cannot be collected any more after a zero and a value beyond 2 to the power 160."""


def histories(explicit_amounts):
    """Return a strategy for records in all instruments, and collections by two readers in between."""

    def records(names, amounts):
        return st.tuples(
            st.just("record"),
            st.sampled_from(names),
            amounts,
            st.sampled_from([1, 1, 1, *range(len(ATTRIBUTES))]),
            st.sampled_from(sorted(CONTEXTS)),
        )

    some = records(INSTRUMENTS[:-1], explicit_amounts)
    collections = st.tuples(st.just("collect"), st.integers(0, 1))
    return st.lists(st.one_of(some, some, some, records(INSTRUMENTS[-1:], moderate), collections), max_size=60)


def play(sdk, cells, history):
    """Do the same to both."""
    for step in [*history, ("collect", 0), ("collect", 1)]:
        for side in (sdk, cells):
            if step[0] == "collect":
                side.collect(step[1])
            elif side is cells or math.isfinite(step[2]):  # old SDKs add what is not finite to the sum
                _, name, amount, attributes, where = step
                side.record(name, amount, ATTRIBUTES[attributes], where)


def with_a_span_everywhere(history):
    """Return a history in which nothing is recorded outside of a span.

    With always_on the SDK gives an exemplar without a span the ids of the one before it.
    """
    return [step if step[-1] != "none" else (*step[:-1], "unsampled") for step in history]


SPECIAL = [0.0, 1, 1, 10, 1.0, 1e6, 0, -0.0, 0.1, 0.2, 5e-324, 1e308, 1e308, -1, -1e308, -0.0]
EACH_SPECIAL_AMOUNT = [
    step
    for amount in SPECIAL
    for step in (*(("record", name, amount, 1, "sampled") for name in INSTRUMENTS[:-1]), ("collect", 0))
]


@pytest.mark.usefixtures("_last_exemplar")
@given(histories(extreme))
@example(EACH_SPECIAL_AMOUNT)
@example([step for step in EACH_SPECIAL_AMOUNT if step[0] == "record"])
@example([step for step in EACH_SPECIAL_AMOUNT if step[0] == "record" and step[2] in {0.0, 1}][:8])
@settings(deadline=None, max_examples=150)
def test_readers_get_the_same_as_from_the_sdk(history):
    """Whatever is recorded and whenever two readers collect, the data points and their bytes are the SDK's."""
    sdk, cells = Recorded(by_sdk), Recorded(by_cells)
    play(sdk, cells, history)
    assert_the_same(sdk, cells)
    assert_times_are_consistent(cells.collected)


@pytest.mark.usefixtures("_last_exemplar")
@pytest.mark.parametrize("exemplar_filter", [None, AlwaysOnExemplarFilter(), AlwaysOffExemplarFilter()])
@given(history=histories(extreme))
@example(history=EACH_SPECIAL_AMOUNT)
@example(history=[step for step in EACH_SPECIAL_AMOUNT if step[0] == "record"])
@example(history=[("record", *step, 1, "sampled") for step in (("seconds", math.nan), ("counter", 1), ("seconds", 1))])
@settings(deadline=None, max_examples=60)
def test_many_records_at_once_come_to_the_same(exemplar_filter, history):
    """Sums that round, the last exemplars, amounts that mean nothing: all as if each had been recorded by itself."""
    sdk, cells = Recorded(by_sdk, exemplar_filter), Gathered(by_cells, exemplar_filter)
    play(sdk, cells, with_a_span_everywhere(history))
    assert_the_same(sdk, cells)


VIEWS = {
    "fewer attributes": [View(instrument_name="*", attribute_keys={"model"})],
    "renamed": [View(instrument_name="counter", name="renamed"), View(instrument_name="counter", name="twice")],
    "dropped": [View(instrument_name="*", aggregation=DropAggregation())],
    "buckets": [View(instrument_name="seconds", aggregation=ExplicitBucketHistogramAggregation([1, 2, 3]))],
    "no extremes": [View(instrument_name="*s*", aggregation=ExplicitBucketHistogramAggregation([1], False))],
    "exponential": [View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation())],
}


@pytest.mark.usefixtures("_last_exemplar")
@pytest.mark.parametrize("views", VIEWS.values(), ids=VIEWS)
@given(history=histories(moderate))
@settings(deadline=None, max_examples=15)
def test_views_of_the_user_apply(views, history):
    """A user's view changes names, attributes, buckets and aggregations as it does with the SDK's instruments."""
    sdk, cells = Recorded(by_sdk, views=views), Recorded(by_cells, views=views)
    play(sdk, cells, history)
    assert_the_same(sdk, cells)


@pytest.mark.usefixtures("_last_exemplar")
@pytest.mark.parametrize("exemplar_filter", [AlwaysOnExemplarFilter(), AlwaysOffExemplarFilter()])
@given(history=histories(moderate))
@settings(deadline=None, max_examples=15)
def test_other_exemplar_filters_apply(exemplar_filter, history):
    """Exemplars are chosen by the filter of the provider."""
    sdk, cells = Recorded(by_sdk, exemplar_filter), Recorded(by_cells, exemplar_filter)
    play(sdk, cells, with_a_span_everywhere(history))
    assert_the_same(sdk, cells)


def test_the_scope_is_shared_with_the_rest_of_the_meter():
    """Instruments of the SDK, observable ones included, stand with those that have cells in one scope."""
    sides = [Recorded(by_sdk), Recorded(by_cells)]
    for side in sides:
        side.meter.create_observable_gauge("observed", [lambda _: []])
        side.meter.create_observable_counter("observed.total", [lambda _: []])
        side.meter.create_observable_up_down_counter("observed.now", [lambda _: []])
        gauge = side.meter.create_gauge("gauge")
        side.record("counter", 1, {}, "none")
        gauge.set(2)
        side.record("up_down", 1, {}, "none")
        side.collect(1)
    assert_the_same(*sides)
    (resource,) = sides[1].collected[0][1].resource_metrics
    (scope,) = resource.scope_metrics
    assert [metric.name for metric in scope.metrics] == ["counter", "gauge", "up_down"]


def test_records_without_bind_join_the_same_series():
    """The interface of OpenTelemetry works as ever, into the same series as bound records and the SDK's own."""
    cells = Recorded(by_cells)
    counter = cells.instruments["counter"]
    counter.add(1, {"model": "a"})
    counter.bind({"model": "a"}).record(2)
    cells.provider.get_meter("scope", "1").create_counter("counter", "{call}", "Calls").add(4, {"model": "a"})
    counter.add(8)
    counter.add(attributes={"model": "a"}, amount=16)
    cells.collect(1)
    values = {tuple(point.attributes): point.value for _, point in points_of(cells.collected[0][1])}
    assert values == {("model",): 23, (): 8}


def test_no_amount_is_lost_under_threads():
    """Eight threads add while another one collects: deltas add up to the cumulative sum, which is exact."""
    cells = Recorded(by_cells)
    counter, histogram = (cells.instruments[name].bind({"model": "a"}).record for name in ("counter", "histogram"))
    deltas, done = [], threading.Event()

    def add():
        for _ in range(5000):
            counter(1, CONTEXTS["sampled"])
            histogram(2, CONTEXTS["sampled"])

    def collect():
        while not done.is_set():
            deltas.append(cells.readers[0].get_metrics_data())
            cells.readers[1].get_metrics_data()

    threads = [threading.Thread(target=add) for _ in range(8)]
    collector = threading.Thread(target=collect)
    for thread in (collector, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    collector.join()
    deltas.append(cells.readers[0].get_metrics_data())
    points = [point for data in deltas for point in points_of(data)]
    assert sum(point.value for name, point in points if name == "counter") == 40_000
    assert sum(point.sum for name, point in points if name == "histogram") == 80_000
    assert sum(point.bucket_counts[2] for name, point in points if name == "histogram") == 40_000
    cumulative = dict(points_of(cells.readers[1].get_metrics_data()))
    assert cumulative["counter"].value == cumulative["histogram"].count == 40_000


def test_the_prometheus_page_is_the_same():
    """A scrape shows what it would show with the SDK's own instruments."""
    pages = []
    for make_meter in (by_sdk, by_cells):
        registry = CollectorRegistry()
        # Old exporters take no registry of their own: the collector is put into this one besides the global one.
        reader = PrometheusMetricReader(disable_target_info=True)
        registry.register(reader._collector)
        provider = MeterProvider([reader], Resource({"service.name": "test"}), shutdown_on_exit=False)
        for name, instrument in instruments_of(make_meter(provider)).items():
            call = instrument.add if hasattr(instrument, "add") else instrument.record
            if name != "exponential":
                for amount in (1, 0.5, 7, 12):
                    call(amount, {"model": "a", "type": "in put"})
                    call(amount, {"model": "b"})
        pages.append(generate_latest(registry).decode())
        provider.shutdown()
    assert pages[0] == pages[1]
    assert "histogram_bucket{" in pages[1]
    assert "counter_total{" in pages[1] or "counter_call_total{" in pages[1]


def test_shutdown_exports_what_was_recorded_last():
    """The last collection, at shutdown, has the amounts since the one before."""
    exported = []

    class Exporter(MetricExporter):
        def export(self, metrics_data, timeout_millis=10_000, **_):
            exported.append(metrics_data)
            return MetricExportResult.SUCCESS

        def shutdown(self, timeout_millis=30_000, **_):
            pass

        def force_flush(self, timeout_millis=10_000):
            return True

    reader = PeriodicExportingMetricReader(Exporter(), export_interval_millis=3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    counter = CellMeter(provider, "scope").create_counter("counter").bind({}).record
    counter(1)
    provider.force_flush()
    counter(2)
    provider.shutdown()
    assert [point.value for data in exported for _, point in points_of(data)] == [1, 3]


@pytest.mark.skipif(not hasattr(MeterProvider, "add_metric_reader"), reason="this SDK cannot add readers")
def test_a_reader_that_comes_later_is_served_too():
    """A reader that is added gets what is recorded from then on, and one that is removed nothing more."""
    sides = [Recorded(by_sdk), Recorded(by_cells)]
    for side in sides:
        side.record("counter", 1, {}, "none")
        side.record("counter", 2, {}, "none")
        side.readers.append(InMemoryMetricReader())
        side.provider.add_metric_reader(side.readers[2])
        side.record("counter", 4, {}, "none")
        side.record("counter", 8, {}, "none")
        side.collect(1)
        side.collect(2)
        side.provider.remove_metric_reader(side.readers[2])
        side.record("counter", 16, {}, "none")
        side.collect(1)
    assert_the_same(*sides)
    assert [point.value for _, data in sides[1].collected for _, point in points_of(data)] == [15, 12, 31]


FORKING = """
    import os, signal, threading
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from agentotel.distro.metric_cells import CellMeter

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = CellMeter(provider, "scope", "1")
    counter = meter.create_counter("counter").bind({"model": "a"}).record
    histogram = meter.create_histogram("histogram", explicit_bucket_boundaries_advisory=[1]).bind({}).record
    theirs = provider.get_meter("theirs").create_counter("theirs")
    del meter

    def read():
        data = reader.get_metrics_data()
        scopes = data.resource_metrics[0].scope_metrics if data else ()
        return {metric.name: metric.data.data_points[0] for scope in scopes for metric in scope.metrics}

    for _ in range(3):
        counter(1); histogram(0.5); theirs.add(1)
    before = read()
    storage = next(iter(provider._measurement_consumer._reader_storages.values()))
    aggregation = histogram.__self__._ways[0]._aggregation
    locks = [provider._measurement_consumer._lock, storage._lock, aggregation._lock]
    held, release = threading.Event(), threading.Event()

    def hold():
        for lock in locks:
            lock.acquire()
        held.set()
        release.wait()
        for lock in reversed(locks):
            lock.release()

    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        assert "counter" not in read(), "the child reports what its parent has counted"
        counter(10); counter(10); histogram(0.5)
        after = read()
        assert after["counter"].value == 20, after
        assert after["histogram"].count == 1, after
        assert after["theirs"].value == 3, after
        assert after["counter"].start_time_unix_nano > before["counter"].time_unix_nano
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    release.set()
    holder.join()
    counter(1); histogram(0.5)
    assert read()["counter"].value == 4 and read()["histogram"].count == 4
    print("passed")
"""


@pytest.mark.skipif(not hasattr(sys.modules["os"], "fork"), reason="no fork here")
def test_a_forked_child_counts_from_zero():
    """After a fork, even while locks are held, the child's series start anew; the parent's go on."""
    program = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(FORKING)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "passed\n", done.stderr
