"""OpenTelemetry's own exporters over gRPC send what our encoder makes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from agentotel._base import failopen
from agentotel.distro import quiet
from agentotel.distro.otlp.grpc_encoding import encode_for

OFFICIAL = {"traces": OTLPSpanExporter, "logs": OTLPLogExporter, "metrics": OTLPMetricExporter}
ENCODE = {"traces": encode_spans, "logs": encode_logs, "metrics": encode_metrics}
RESOURCE = Resource({"service.name": "shop"})


def span(name, **more):
    """Return an ended span."""
    return ReadableSpan(name, SpanContext(1, 2, is_remote=False), resource=RESOURCE, **more)


def collected():
    """Return what a reader collects of a counter."""
    reader = InMemoryMetricReader()
    MeterProvider([reader], RESOURCE, shutdown_on_exit=False).get_meter("m").create_counter("calls").add(3)
    return reader.get_metrics_data()


BATCHES = {
    "traces": lambda: [span("a"), span("b")],
    "logs": lambda: [ReadableLogRecord(LogRecord(body="hello"), RESOURCE)],
    "metrics": collected,
}


class Stub:
    """Takes the place of the receiver; refuses as often as it is told."""

    def __init__(self):
        self.requests = []

    def Export(self, request, metadata, timeout):  # noqa: N802 - its name in the protocol
        self.requests.append(request)


@pytest.mark.parametrize("signal", OFFICIAL)
def test_each_signal_is_encoded_as_before(signal):
    """The exporter hands the same request to its stub."""
    exporter = encode_for(OFFICIAL[signal](insecure=True), signal, print)
    exporter._client = stub = Stub()
    batch = BATCHES[signal]()
    assert exporter.export(batch).name == "SUCCESS"
    exporter.shutdown()
    assert stub.requests == [ENCODE[signal](batch)]


def test_a_batch_is_encoded_once_however_often_it_is_sent():
    """And one that cannot be encoded is counted once."""
    lost = []
    exporter = encode_for(OTLPSpanExporter(insecure=True), "traces", lambda *loss: lost.append(loss))
    exporter.shutdown()
    batch = [span("a"), span("bad", start_time=-1)]
    first = exporter._translate_data(batch)
    assert exporter._translate_data(batch) is first
    assert [found.name for found in first.resource_spans[0].scope_spans[0].spans] == ["a"]
    assert lost == [("traces", 1)]
    assert exporter._translate_data([]) == encode_spans([])
    failopen.reset()
    quiet.exporter_messages.__init__()


def test_an_exporter_of_another_version_stays_as_it_is():
    """Nothing is known about it."""
    other = SimpleNamespace()
    assert encode_for(other, "traces", print) is other
    assert vars(other) == {}
