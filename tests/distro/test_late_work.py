"""Work that is left for later is done before metrics are read, and leaves no trace of its own."""

from __future__ import annotations

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel.distro.late_work import late_work


def test_a_collection_sees_what_was_left_for_later():
    """What counts only when it is done is part of the very collection that asks for it; there is no metric besides."""
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    later = late_work(meters)
    counter = meters.get_meter("test").create_counter("calls")
    later.add("site", counter.add, 3)
    (resource,) = reader.get_metrics_data().resource_metrics
    metrics = [metric for scope in resource.scope_metrics for metric in scope.metrics]
    assert [(metric.name, metric.data.data_points[0].value) for metric in metrics] == [("calls", 3)]


def test_without_the_sdk_nothing_is_left_for_later():
    """Nobody would ask for it to be done."""
    assert late_work(NoOpMeterProvider()) is None
