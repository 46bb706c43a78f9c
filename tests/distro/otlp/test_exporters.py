"""Our exporters: everything arrives, and what does not is counted to the last item."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from agentotel._base import failopen
from agentotel.distro import quiet
from agentotel.distro.otlp.exporters import OtlpSpanExporter, ours_instead_of
from agentotel.distro.otlp.requests import REQUEST_BYTES

OFFICIAL = {"traces": OTLPSpanExporter, "logs": OTLPLogExporter, "metrics": OTLPMetricExporter}


@pytest.fixture
def lost():
    """What was counted as lost."""
    yield (counted := [])
    del counted
    quiet.exporter_messages.__init__()
    failopen.reset()


@pytest.fixture
def exporter(receiver, lost):
    """Make exporters to the receiver, and shut them down at the end."""
    made = []

    def make(signal="traces"):
        official = OFFICIAL[signal](f"{receiver.url}/v1/{signal}")
        made.append(ours_instead_of(official, signal, lambda *loss: lost.append(loss)))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()


def span(name="a", **more):
    """Return an ended span."""
    return ReadableSpan(name, SpanContext(1, 2, is_remote=False), resource=Resource({}), **more)


def names(receiver):
    """Return the names of the spans of each request."""
    received = map(ExportTraceServiceRequest.FromString, receiver.bodies)
    return [
        [found.name for group in request.resource_spans for scope in group.scope_spans for found in scope.spans]
        for request in received
    ]


def test_spans_arrive(exporter, receiver, lost):
    """All of a batch in one request."""
    assert exporter().export([span("a"), span("b")]) is SpanExportResult.SUCCESS
    assert names(receiver) == [["a", "b"]]
    assert lost == []


def test_log_records_arrive(exporter, receiver):
    """The same for them."""
    record = ReadableLogRecord(LogRecord(body="hello"), Resource({}))
    assert exporter("logs").export([record]) is LogRecordExportResult.SUCCESS
    (group,) = ExportLogsServiceRequest.FromString(receiver.bodies[0]).resource_logs
    assert group.scope_logs[0].log_records[0].body.string_value == "hello"


def test_metrics_arrive(exporter, receiver):
    """The same for what a reader collects, in the temporality that the official exporter was set to."""
    made = exporter("metrics")
    official = OTLPMetricExporter()
    assert made._preferred_temporality == official._preferred_temporality
    assert made._preferred_aggregation.keys() == official._preferred_aggregation.keys()
    official.shutdown()
    reader = InMemoryMetricReader()
    MeterProvider([reader], shutdown_on_exit=False).get_meter("m").create_counter("calls").add(3)
    assert made.export(reader.get_metrics_data()) is MetricExportResult.SUCCESS
    (group,) = ExportMetricsServiceRequest.FromString(receiver.bodies[0]).resource_metrics
    assert group.scope_metrics[0].metrics[0].sum.data_points[0].as_int == 3


def test_a_span_that_cannot_be_encoded_costs_itself_only(exporter, receiver, lost):
    """The official exporter loses the batch; here the others arrive, and it is counted and reported."""
    odd_scope = span("bad", instrumentation_scope=InstrumentationScope(name=7))
    batch = [span("a"), span("bad", start_time=-1), ReadableSpan("bad"), odd_scope, span("b")]
    assert exporter().export(batch) is SpanExportResult.FAILURE
    assert names(receiver) == [["a", "b"]]
    assert lost == [("traces", 3)]
    assert failopen.errors() == {"otlp.traces": 3}


def test_a_large_batch_is_sent_in_pieces(exporter, receiver, lost):
    """One request that is refused costs what it carries."""
    receiver.answers = [(200, {}, b""), (413, {}, b""), (200, {}, b"")]
    batch = [span(letter * (REQUEST_BYTES - 1_000)) for letter in "abc"]
    assert exporter().export(batch) is SpanExportResult.FAILURE
    assert [name[0] for request in names(receiver) for name in request] == ["a", "b", "c"]
    assert lost == [("traces", 1)]
    phrase = HTTPStatus(413).phrase  # another one since Python 3.13
    assert quiet.exporter_messages.reason == f"413 {phrase}"


def test_what_the_receiver_rejects_is_counted(exporter, receiver, lost):
    """With the reason that it gives."""
    partial = ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
    receiver.answers = [(200, {}, ExportTraceServiceResponse(partial_success=partial).SerializeToString())]
    assert exporter().export([span()] * 5) is SpanExportResult.FAILURE
    assert lost == [("traces", 2)]
    assert quiet.exporter_messages.reason == "rejected: too old"


@pytest.mark.parametrize("signal", OFFICIAL)
def test_a_failed_export_is_counted(exporter, receiver, lost, signal):
    """For every signal, by its items."""
    receiver.answers = [(400, {}, b"")]
    reader = InMemoryMetricReader()
    counter = MeterProvider([reader], shutdown_on_exit=False).get_meter("m").create_counter("calls")
    counter.add(1, {"a": 1})
    counter.add(1, {"a": 2})
    record = ReadableLogRecord(LogRecord(body="hello"), Resource({}))
    batch = {"traces": [span(), span()], "logs": [record, record], "metrics": reader.get_metrics_data()}[signal]
    assert exporter(signal).export(batch).name == "FAILURE"
    assert lost == [(signal, 2)]


def test_nothing_is_sent_after_the_end(exporter, receiver, lost):
    """What comes then is counted."""
    made = exporter()
    made.shutdown()
    assert made.export([span()]) is SpanExportResult.FAILURE
    assert (receiver.bodies, lost) == ([], [("traces", 1)])


def test_flushing_finds_nothing(exporter):
    """Nothing is kept in an exporter."""
    assert all(exporter(signal).force_flush() for signal in OFFICIAL)


def test_an_official_exporter_that_says_nothing_is_used_itself():
    """As it is."""
    official = object()
    assert ours_instead_of(official, "traces", print) is official


def test_the_sdks_own_counts_of_exports_go_on(exporter, receiver):
    """Where the official exporter has them, ours are counted there, failures as such."""
    made, seen = exporter(), []

    class Operation:
        error = None

        def __enter__(self):
            return self

        def __exit__(self, *_):
            seen.append((self.number, type(self.error).__name__))

    class Metrics:
        def export_operation(self, number):
            operation = Operation()
            operation.number = number
            return operation

    assert isinstance(made, OtlpSpanExporter)
    made._exporter._metrics = Metrics()
    made.export([span()])
    receiver.answers = [(400, {}, b"")]
    made.export([span(), span()])
    assert seen == [(1, "NoneType"), (2, "UndeliveredError")]
