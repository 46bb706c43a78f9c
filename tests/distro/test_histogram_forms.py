"""Each exporter gets the form of histogram that it can show."""

from __future__ import annotations

from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import ExponentialHistogramDataPoint, HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation

from agentotel.distro import histogram_forms
from agentotel.model import instruments


def points(reader):
    """Return the one point of each metric that a reader sees."""
    (resource,) = reader.get_metrics_data().resource_metrics
    return {metric.name: metric.data.data_points[0] for scope in resource.scope_metrics for metric in scope.metrics}


def test_two_readers_of_one_provider_see_two_forms():
    """Only what is defined as exponential is, and only for the reader that was asked to."""
    exponential = InMemoryMetricReader(preferred_aggregation=histogram_forms.preferred(None))
    plain = InMemoryMetricReader()
    provider = MeterProvider([exponential, plain], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    for one in (instruments.REQUEST_DURATION, instruments.CHAT_LATENCY):
        meter.create_histogram(one.name, "s", explicit_bucket_boundaries_advisory=one.buckets).record(0.3)
    found, other = points(exponential), points(plain)
    provider.shutdown()
    assert isinstance(found["agent.request.duration"], ExponentialHistogramDataPoint)
    for point in (found["agent.chat.latency"], other["agent.request.duration"], other["agent.chat.latency"]):
        assert isinstance(point, HistogramDataPoint)
        assert point.explicit_bounds == instruments.LATENCY_BUCKETS


def test_what_the_exporter_prefers_for_other_histograms_stands():
    """The user's setting for all histograms is honoured."""
    theirs = {Histogram: ExplicitBucketHistogramAggregation((1, 2))}
    reader = InMemoryMetricReader(preferred_aggregation=histogram_forms.preferred(theirs))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("test").create_histogram("theirs").record(1)
    (point,) = points(reader).values()
    provider.shutdown()
    assert point.explicit_bounds == (1, 2)
    assert list(theirs) == [Histogram]
