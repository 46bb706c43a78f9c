"""The catalogue of metrics: names that mean the same on every way to Prometheus."""

from __future__ import annotations

import re

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import generate_latest

from agentotel.model.instruments import INSTRUMENTS

_UNIT_WORDS = ("seconds", "bytes", "total", "ratio", "milliseconds")


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda instrument: instrument.name)
def test_names_are_stable_under_translation(instrument):
    """No unit word and no `total` inside a name, no unit 1 on a gauge: where translators differ."""
    assert not set(re.split(r"[._]", instrument.name)) & set(_UNIT_WORDS)
    assert instrument.unit != "1"
    assert instrument.description
    assert bool(instrument.buckets) == ("histogram" in instrument.kind)
    assert list(instrument.buckets) == sorted(set(instrument.buckets))


def test_the_stated_prometheus_names_are_what_the_sdks_exporter_writes():
    """Every instrument, recorded once, appears under the name that the catalogue, rules and dashboards use."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    for instrument in INSTRUMENTS:
        labels = dict.fromkeys(instrument.attributes, "x")
        name, unit = instrument.name, instrument.unit
        if instrument.kind in {"histogram", "exponential_histogram"}:
            meter.create_histogram(name, unit).record(1, labels)
        elif instrument.kind == "gauge":
            meter.create_gauge(name, unit).set(1, labels)
        elif instrument.kind == "up_down_counter":
            meter.create_up_down_counter(name, unit).add(1, labels)
        else:
            meter.create_counter(name, unit).add(1, labels)
    page = generate_latest(
        reader._collector_registry if hasattr(reader, "_collector_registry") else _registry()
    ).decode()
    provider.shutdown()
    for instrument in INSTRUMENTS:
        suffix = "_count" if "histogram" in instrument.kind else ""
        assert re.search(rf"^{instrument.prometheus}{suffix}(\{{| )", page, re.MULTILINE), instrument.prometheus


def _registry():
    from prometheus_client import REGISTRY

    return REGISTRY


def test_no_two_instruments_clash():
    """Names are unique, also after translation and with the suffixes that histograms and counters get."""
    names = [instrument.prometheus for instrument in INSTRUMENTS]
    written = set()
    for instrument in INSTRUMENTS:
        is_histogram = "histogram" in instrument.kind
        suffixes = ("_bucket", "_sum", "_count", "_created") if is_histogram else ("",)
        for suffix in suffixes:
            assert instrument.prometheus + suffix not in written
            written.add(instrument.prometheus + suffix)
    assert len(names) == len(set(names))
