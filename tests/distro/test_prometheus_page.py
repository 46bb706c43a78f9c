"""The page for Prometheus: names, values, labels and exemplars."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_open_metrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from agentotel._base import failopen
from agentotel.distro.prometheus_page import families
from agentotel.model.instruments import INSTRUMENTS


class Page:
    """A provider and what a page shows of it."""

    def __init__(self, *views, resource=None):
        self._reader = InMemoryMetricReader()
        resource = resource or Resource({"service.name": "shop"})
        self.provider = MeterProvider([self._reader], resource, views=views, shutdown_on_exit=False)
        self.meter = self.provider.get_meter("test", "1")

    def registry(self):
        data = self._reader.get_metrics_data()
        registry = CollectorRegistry()
        registry.register(type("Found", (), {"describe": list, "collect": lambda _: families(data)})())
        return registry

    def samples(self):
        """Return all samples, as a parser of OpenMetrics reads them."""
        text = generate_open_metrics(self.registry()).decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def text(self):
        return generate_latest(self.registry()).decode()


@pytest.fixture
def page():
    """Make pages; their providers are shut down at the end."""
    made = []

    def make(*args, **kwargs):
        made.append(Page(*args, **kwargs))
        return made[-1]

    yield make
    for each in made:
        each.provider.shutdown()


def create(meter, instrument):
    """Return what records into an instrument of the catalogue."""
    name, unit = instrument.name, instrument.unit
    if "histogram" in instrument.kind:
        bounds = list(instrument.buckets)
        return meter.create_histogram(name, unit, explicit_bucket_boundaries_advisory=bounds).record
    if instrument.kind == "gauge":
        return meter.create_gauge(name, unit).set
    return getattr(meter, f"create_{instrument.kind.removeprefix('observable_')}")(name, unit).add


def test_every_instrument_has_the_name_of_the_catalogue(page):
    """With all suffixes and labels, and nothing else: what rules and dashboards name."""
    shown = page()
    for instrument in INSTRUMENTS:
        create(shown.meter, instrument)(1, dict.fromkeys(instrument.attributes, "x"))
    found = {}
    for sample in shown.samples():
        found.setdefault(sample.name, set()).update(sample.labels)
    expected = {"target_info": {"service_name"}}
    for instrument in INSTRUMENTS:
        labels = {name.replace(".", "_") for name in instrument.attributes} | {"otel_scope_name", "otel_scope_version"}
        suffixes = ("_bucket", "_count", "_sum") if "histogram" in instrument.kind else ("",)
        for suffix in suffixes:
            expected[instrument.prometheus + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    assert found == expected


def test_numbers_are_those_of_the_sdk(page):
    """Counters, counters that also go down, gauges, and histograms whose buckets add up."""
    shown = page()
    shown.meter.create_counter("c").add(3)
    shown.meter.create_up_down_counter("u").add(-2)
    shown.meter.create_gauge("g", "By").set(0.5)
    histogram = shown.meter.create_histogram("h", "s", explicit_bucket_boundaries_advisory=[1, 10])
    for value in (0.5, 1, 5, 100):
        histogram.record(value)
    values = {(s.name, s.labels.get("le")): s.value for s in shown.samples() if s.name != "target_info"}
    assert values == {
        ("c_total", None): 3, ("u", None): -2, ("g_bytes", None): 0.5,
        ("h_seconds_bucket", "1.0"): 2, ("h_seconds_bucket", "10.0"): 3, ("h_seconds_bucket", "+Inf"): 4,
        ("h_seconds_count", None): 4, ("h_seconds_sum", None): 106.5,
    }  # fmt: skip


def test_exemplars_lead_to_the_trace(page):
    """In OpenMetrics, on the bucket that the value is in and on counters; the older format has none."""
    shown = page()
    tracers = TracerProvider(shutdown_on_exit=False)
    counter = shown.meter.create_counter("c")
    histogram = shown.meter.create_histogram("h", explicit_bucket_boundaries_advisory=[1, 10])
    with tracers.get_tracer("test").start_as_current_span("run") as span:
        counter.add(2)
        histogram.record(10)
    trace_id = format(span.get_span_context().trace_id, "032x")
    found = {(s.name, s.labels.get("le")): s.exemplar for s in shown.samples() if s.exemplar}
    assert set(found) == {("c_total", None), ("h_bucket", "10.0")}
    for exemplar in found.values():
        assert exemplar.labels == {"trace_id": trace_id, "span_id": format(span.get_span_context().span_id, "016x")}
        assert float(exemplar.timestamp) > 0
    assert [exemplar.value for exemplar in found.values()] == [2, 10]
    assert trace_id not in shown.text()


def test_two_scopes_with_a_metric_in_common_are_one_family(page):
    """Each sample has its own labels, also where the scopes use different ones."""
    shown = page()
    shown.meter.create_counter("c", description="mine").add(1, {"a.b": "x"})
    shown.provider.get_meter("other").create_counter("c", description="theirs").add(2, {"c": 1})
    found = [(s.labels, s.value) for s in shown.samples() if s.name == "c_total"]
    assert found == [
        ({"otel_scope_name": "test", "otel_scope_version": "1", "a_b": "x"}, 1),
        ({"otel_scope_name": "other", "c": "1"}, 2),
    ]
    assert shown.text().count("# TYPE c_total counter") == 1


def test_what_no_page_can_show_is_reported_and_costs_only_itself(page):
    """An exponential histogram, and a metric that is something else in another scope."""
    failopen.reset()
    shown = page(View(instrument_name="e", aggregation=ExponentialBucketHistogramAggregation()))
    shown.meter.create_histogram("e").record(1)
    shown.meter.create_gauge("x").set(1)
    shown.provider.get_meter("other").create_histogram("x").record(2)
    assert [sample.name for sample in shown.samples()] == ["target_info", "x"]
    assert failopen.errors() == {"prometheus.form": 2}
    failopen.reset()


def test_a_counter_that_is_called_total_already_is_not_called_so_twice(page):
    """Others name theirs so."""
    shown = page()
    shown.meter.create_counter("requests_total").add(1)
    assert [sample.name for sample in shown.samples()] == ["target_info", "requests_total"]
