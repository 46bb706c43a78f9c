"""What Prometheus refuses is made fit for it, so that one odd label does not cost the batch in which it comes."""

from __future__ import annotations

import pytest

from backend_programs import OPERATIONS, Prometheus, wait_until
from collector.otelcol.conftest import collecting
from collector.otelcol.otlp_traffic import SERVICE, counter, send

pytestmark = pytest.mark.backends


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """A Collector with a real Prometheus behind it, which is its attribute ``prometheus``."""
    folder = tmp_path_factory.mktemp("prometheus-limits")
    configuration = OPERATIONS / "prometheus" / "prometheus.yml"
    with (
        Prometheus(folder / "prometheus", configuration) as prometheus,
        collecting(folder / "collector", PROMETHEUS_OTLP_ENDPOINT=prometheus.otlp) as collector,
    ):
        collector.prometheus = prometheus
        yield collector


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("empty", {"": "v"}),
        ("underscores", {"__": "v"}),
        ("not_ascii", {"ü": "v"}),
        ("twice", {"a.b": "1", "a_b": "2"}),
        ("many", {f"a{number}": "x" for number in range(200)}),
    ],
)
def test_an_odd_point_and_the_one_beside_it_arrive(chain, name, attributes):
    """Both are in Prometheus, and the Collector counts no failure."""
    request = counter(f"{name}.odd", 1, attributes, SERVICE)
    request.resource_metrics.extend(counter(f"{name}.beside", 1, {}, SERVICE).resource_metrics)
    send(chain, request)
    for series in (f"{name}_odd_total", f"{name}_beside_total"):
        wait_until(lambda it=series: chain.prometheus.query(it), series)
    assert chain.own_metric("otelcol_exporter_send_failed_metric_points") == 0
