"""The net in front of every exporter."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, LogRecordExportResult, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode

from agentotel._base import failopen
from agentotel.distro import quiet
from agentotel.distro.net import (
    GuardedLogExporter,
    GuardedMetricExporter,
    GuardedSpanExporter,
    ScrubbingLogRecordProcessor,
    ScrubbingSpanProcessor,
)
from agentotel.distro.otlp.exporters import ours_instead_of
from agentotel.privacy import ByteBudget, Redactor, Scrubber, scrub_attributes


def record_span(processors):
    """End one span with content in its attributes and in an event; return the live span."""
    provider = TracerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_span_processor(processor)
    span = provider.get_tracer("somebody.else").start_span("chat", attributes={"gen_ai.prompt": "canary", "kept": 1})
    span.add_event("exception", {"exception.message": "canary", "exception.type": "ValueError"})
    span.end()
    provider.shutdown()
    return span


def test_content_of_others_does_not_reach_the_exporter():
    """Attributes and events of a span that another instrumentation recorded are scrubbed, the rest stays."""
    exporter = InMemorySpanExporter()
    guarded = GuardedSpanExporter(exporter, scrub_attributes, lambda *_: None)
    live = record_span([SimpleSpanProcessor(guarded)])
    (span,) = exporter.get_finished_spans()
    assert "canary" not in span.to_json()
    assert span.attributes == {"kept": 1}
    assert span.events[0].attributes == {"exception.type": "ValueError"}
    assert live.attributes["gen_ai.prompt"] == "canary"


def test_a_clean_span_is_passed_on_as_it_is():
    """Nothing is copied where nothing has to change."""
    seen = []

    class Exporter(InMemorySpanExporter):
        def export(self, spans):
            seen.extend(spans)
            return super().export(spans)

    record_span([SimpleSpanProcessor(GuardedSpanExporter(Exporter(), lambda attributes: None, lambda *_: None))])
    assert seen[0].attributes["gen_ai.prompt"] == "canary"


def test_what_could_not_be_delivered_is_counted():
    """A failing exporter costs a count per span and per log record."""
    dropped = []

    class Failing(InMemorySpanExporter):
        def export(self, spans):
            return SpanExportResult.FAILURE

    class FailingLogs(InMemoryLogRecordExporter):
        def export(self, batch):
            return LogRecordExportResult.FAILURE

    count = lambda signal, number: dropped.append((signal, number))  # noqa: E731
    record_span([SimpleSpanProcessor(GuardedSpanExporter(Failing(), scrub_attributes, count))])
    record_log([SimpleLogRecordProcessor(GuardedLogExporter(FailingLogs(), scrub_attributes, count))])
    assert dropped == [("traces", 1), ("logs", 1)]


def test_an_exporter_of_ours_counts_what_it_loses_itself():
    """It knows how much of a batch was lost: counting the batch as well would count twice."""
    official = OTLPSpanExporter("nowhere")
    dropped = []
    exporter = ours_instead_of(official, "traces", lambda *loss: dropped.append(loss))
    guarded = GuardedSpanExporter(exporter, scrub_attributes, lambda *loss: dropped.append(loss))
    record_span([SimpleSpanProcessor(guarded)])
    assert dropped == [("traces", 1)]
    quiet.exporter_messages.__init__()


def record_log(processors):
    """Emit one record that carries an exception's words."""
    provider = LoggerProvider(shutdown_on_exit=False)
    for processor in processors:
        provider.add_log_record_processor(processor)
    attributes = {"exception.message": "canary", "kept": 1}
    provider.get_logger("shop").emit(LogRecord(body="failed", attributes=attributes))
    provider.shutdown()


def test_log_records_are_scrubbed_too():
    """The words of an exception that a program logs stay in the process; its own message is its own."""
    exporter = InMemoryLogRecordExporter()
    record_log([SimpleLogRecordProcessor(GuardedLogExporter(exporter, scrub_attributes, lambda *_: None))])
    (entry,) = exporter.get_finished_logs()
    assert dict(entry.log_record.attributes) == {"kept": 1}
    assert entry.log_record.body == "failed"


def test_providers_of_others_get_the_net_before_their_processors():
    """As a first processor the net reaches exporters that cannot be wrapped."""
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    record_span([ScrubbingSpanProcessor(scrub_attributes), SimpleSpanProcessor(spans)])
    record_log([ScrubbingLogRecordProcessor(scrub_attributes), SimpleLogRecordProcessor(logs)])
    assert "canary" not in spans.get_finished_spans()[0].to_json()
    assert "canary" not in str(logs.get_finished_logs()[0].log_record.attributes)


def test_providers_of_others_get_nothing_that_cannot_be_looked_through():
    """Spans and records that cannot be scrubbed lose all that might be content; the program notices nothing."""

    def fail(attributes):
        raise RuntimeError("injected")

    failopen.reset()
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    record_span([ScrubbingSpanProcessor(fail), SimpleSpanProcessor(spans)])
    record_log([ScrubbingLogRecordProcessor(fail), SimpleLogRecordProcessor(logs)])
    (span,), (entry,) = spans.get_finished_spans(), logs.get_finished_logs()
    assert span.name == "chat"
    assert "canary" not in span.to_json()
    assert (entry.log_record.body, dict(entry.log_record.attributes)) == (None, {})
    assert failopen.errors() == {"net.traces": 1, "net.logs": 1}
    failopen.reset()


@pytest.mark.parametrize("kind", ["traces", "metrics", "logs"])
def test_what_an_exporter_raises_on_is_lost_and_counted(kind):
    """An exporter of somebody else that raises is an error of theirs; what it had is counted all the same."""

    class Broken:
        _preferred_temporality = _preferred_aggregation = None

        def export(self, *arguments, **keywords):
            raise ConnectionError("away")

    dropped = []
    count = lambda signal, number: dropped.append((signal, number))  # noqa: E731
    record = SimpleNamespace(log_record=LogRecord(), instrumentation_scope=None)
    metric = SimpleNamespace(data=SimpleNamespace(data_points=["a point", "another"]))
    scope = SimpleNamespace(scope_metrics=[SimpleNamespace(metrics=[metric])])
    guarded, batch, number = {
        "traces": (GuardedSpanExporter(Broken(), scrub_attributes, count), [ReadableSpan("a"), ReadableSpan("b")], 2),
        "metrics": (GuardedMetricExporter(Broken(), count), MetricsData([scope]), 2),
        "logs": (GuardedLogExporter(Broken(), scrub_attributes, count), [record], 1),
    }[kind]
    with pytest.raises(ConnectionError):
        guarded.export(batch)
    assert dropped == [(kind, number)]


def test_what_cannot_be_looked_through_does_not_leave():
    """It might hold content: it is counted and reported, and the others of its batch are exported."""
    failopen.reset()
    seen, dropped = InMemorySpanExporter(), []

    def scrub(attributes):
        if "odd" in attributes:
            raise RecursionError

    guarded = GuardedSpanExporter(seen, scrub, lambda *loss: dropped.append(loss))
    batch = [ReadableSpan("a"), ReadableSpan("b", attributes={"odd": 1}), ReadableSpan("c")]
    assert guarded.export(batch) is SpanExportResult.SUCCESS
    assert [span.name for span in seen.get_finished_spans()] == ["a", "c"]
    assert (dropped, failopen.errors()) == ([("traces", 1)], {"net.traces": 1})
    failopen.reset()


def test_metrics_under_way_at_the_end_are_counted():
    """An export that has got no answer when the exporter is shut down will not get one."""
    dropped = []
    metric = SimpleNamespace(data=SimpleNamespace(data_points=["a point", "another"]))
    collected = MetricsData([SimpleNamespace(scope_metrics=[SimpleNamespace(metrics=[metric])])])

    class Hanging(RememberingMetricExporter):
        def export(self, metrics_data, timeout_millis=10_000, **kwargs):
            guarded.shutdown()
            return MetricExportResult.SUCCESS

    guarded = GuardedMetricExporter(Hanging(), lambda *loss: dropped.append(loss))
    guarded.export(collected)
    guarded.shutdown()
    assert dropped == [("metrics", 2)]


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("ValueError: canary is wrong", "ValueError"),
        ("openai.RateLimitError: canary", "openai.RateLimitError"),
        ("canary is wrong", None),
        ("TimeoutError", "TimeoutError"),
        ("shop.<locals>.Refused", "shop.<locals>.Refused"),
        (None, None),
    ],
)
def test_the_words_of_an_exception_do_not_leave_in_a_status(description, shown):
    """The SDK describes a span that an exception ends by the exception's words: its type is left of them."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(GuardedSpanExporter(exporter, scrub_attributes, lambda *_: None)))
    span = provider.get_tracer("somebody.else").start_span("GET")
    span.set_status(Status(StatusCode.ERROR, description))
    span.end()
    provider.shutdown()
    (exported,) = exporter.get_finished_spans()
    assert (exported.status.status_code, exported.status.description) == (StatusCode.ERROR, shown)
    assert span.status.description == description


def test_a_status_may_say_what_content_that_is_on_may_say():
    """With content on its words stay, redacted as they are everywhere."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    scrub = Scrubber(Redactor(), ByteBudget()).attributes
    provider.add_span_processor(SimpleSpanProcessor(GuardedSpanExporter(exporter, scrub, lambda *_: None)))
    for words in ("ValueError: unknown user ann@example.org", "ValueError: too long"):
        with provider.get_tracer("somebody.else").start_as_current_span("GET") as span:
            span.set_status(Status(StatusCode.ERROR, words))
    provider.shutdown()
    redacted, untouched = [span.status.description for span in exporter.get_finished_spans()]
    assert redacted.startswith("ValueError: unknown user ")
    assert "ann@example.org" not in redacted
    assert untouched == "ValueError: too long"


class RememberingMetricExporter(MetricExporter):
    """Remembers the names of the metrics that it was given."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def export(self, metrics_data, timeout_millis=10_000, **kwargs):
        scopes = [scope for resource in metrics_data.resource_metrics for scope in resource.scope_metrics]
        self.batches.append({metric.name for scope in scopes for metric in scope.metrics})
        return MetricExportResult.SUCCESS

    def shutdown(self, timeout_millis=30_000, **kwargs):
        pass

    def force_flush(self, timeout_millis=10_000):
        return True


@pytest.mark.parametrize(
    ("recorded", "exported_before", "batches"),
    [
        ([], False, []),
        (["otel.sdk.span.started"], False, []),
        (["agent.requests"], False, [{"agent.memory.usage", "agent.requests"}]),
        (["http.server.request.duration"], False, [{"agent.memory.usage", "http.server.request.duration"}]),
        ([], True, [{"agent.memory.usage"}, {"agent.memory.usage"}]),
    ],
    ids=["nothing", "the SDK's own", "ours", "somebody else's", "a service that is idle"],
)
def test_a_process_that_recorded_nothing_exports_no_metrics_at_its_end(recorded, exported_before, batches):
    """Only what every process has, and only at the end of one that has exported nothing before, is kept back."""
    real = RememberingMetricExporter()
    guarded = GuardedMetricExporter(real, lambda *_: None)
    reader = PeriodicExportingMetricReader(guarded, export_interval_millis=3_600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    meter.create_observable_gauge("agent.memory.usage", [lambda options: [Observation(1)]])
    for name in recorded:
        meter.create_counter(name).add(1)
    if exported_before:
        provider.force_flush()
    guarded.ending()
    provider.shutdown()
    assert real.batches == batches
