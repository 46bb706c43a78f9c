"""The net in front of every exporter."""

from __future__ import annotations

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, LogRecordExportResult, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agentotel.distro.net import (
    GuardedLogExporter,
    GuardedSpanExporter,
    ScrubbingLogRecordProcessor,
    ScrubbingSpanProcessor,
)
from agentotel.privacy import scrub_attributes


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
