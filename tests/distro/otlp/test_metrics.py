"""Metrics are encoded to what the official encoder makes of them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from agentotel.distro.otlp.metrics import each, encode
from agentotel.distro.otlp.requests import requests
from otlp_generated import metrics_data


def decoded(collected):
    """Return what a receiver reads of what a reader collected."""
    message = ExportMetricsServiceRequest()
    for request in requests(map(encode, each(collected))):
        message.MergeFromString(request.body)
    return message


def without_empty_groups(message):
    """Leave out resources and scopes without any metric with points, which say nothing."""
    for of_resource in message.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            kept = [metric for metric in of_scope.metrics if metric.WhichOneof("data")]
            del of_scope.metrics[:]
            of_scope.metrics.extend(kept)
        scopes = [scope for scope in of_resource.scope_metrics if scope.metrics]
        del of_resource.scope_metrics[:]
        of_resource.scope_metrics.extend(scopes)
    resources = [resource for resource in message.resource_metrics if resource.scope_metrics]
    return ExportMetricsServiceRequest(resource_metrics=resources)


@given(metrics_data())
def test_generated_metrics_are_encoded_as_the_official_encoder_does(collected):
    """Every kind of metric, both temporalities, exemplars and extremes: a receiver reads the same message."""
    assert without_empty_groups(decoded(collected)) == without_empty_groups(encode_metrics(collected))


def test_metrics_of_the_sdk_are_encoded_as_the_official_encoder_does():
    """What a real reader collects of every kind of instrument."""
    reader = InMemoryMetricReader()
    view = View(instrument_name="exponential", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], Resource({"service.name": "shop"}), views=[view], shutdown_on_exit=False)
    meter = provider.get_meter("agentotel", "1.0")
    meter.create_counter("counter", "s", "counts").add(2, {"model": "m"})
    meter.create_up_down_counter("up_down").add(-2.5)
    meter.create_gauge("gauge").set(0)
    meter.create_histogram("histogram").record(7, {"model": "m"})
    for amount in (0, 0.001, 12, 10**9):
        meter.create_histogram("exponential").record(amount)
    collected = reader.get_metrics_data()
    assert len(encode_metrics(collected).resource_metrics[0].scope_metrics[0].metrics) == 5
    assert decoded(collected) == encode_metrics(collected)


def test_a_kind_of_metric_that_otlp_does_not_know_is_an_error():
    """The exporter leaves it out and keeps the others."""
    with pytest.raises(TypeError, match="OTLP has no form for SimpleNamespace"):
        encode((Resource({}), None, Metric("m", "", "", SimpleNamespace(data_points=[1]))))
