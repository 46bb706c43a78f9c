"""The processors in front of our exporters behave as the SDK's, and never hold up."""

from __future__ import annotations

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from agentotel._base import failopen
from agentotel.distro import batching, quiet
from agentotel.distro.batches import Batches, Limits
from agentotel.distro.batching import BatchingLogRecordProcessor, BatchingSpanProcessor


@pytest.fixture
def dropped():
    """What was counted as lost, with no reason that somebody else has left."""
    quiet.exporter_messages.__init__()
    yield []
    quiet.exporter_messages.__init__()


def spans_of(sampler, dropped, meters=None):
    """Return a provider with a batching processor, and where its spans go."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler, shutdown_on_exit=False)
    provider.add_span_processor(BatchingSpanProcessor(exporter, lambda *loss: dropped.append(loss), meters=meters))
    return provider, exporter


def test_ended_spans_reach_the_exporter(dropped):
    """After a flush, and at the end."""
    provider, exporter = spans_of(ALWAYS_ON, dropped)
    provider.get_tracer("x").start_span("a").end()
    assert provider.force_flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["a"]
    provider.get_tracer("x").start_span("b").end()
    provider.shutdown()
    assert [span.name for span in exporter.get_finished_spans()] == ["a", "b"]
    assert dropped == []


def test_spans_that_are_not_sampled_do_not(dropped):
    """They are no loss either."""
    provider, exporter = spans_of(ALWAYS_OFF, dropped)
    provider.get_tracer("x").start_span("a").end()
    provider.shutdown()
    BatchingSpanProcessor(exporter, print).on_end(ReadableSpan("without a context"))
    assert (exporter.get_finished_spans(), dropped) == ((), [])


def test_what_ends_after_the_end_is_counted(dropped):
    """With a reason, where no other is known."""
    provider, _ = spans_of(ALWAYS_ON, dropped)
    span = provider.get_tracer("x").start_span("a")
    provider.shutdown()
    span.end()
    assert dropped == [("traces", 1)]
    assert quiet.exporter_messages.reason == "recorded after the end"


def test_an_error_of_ours_does_not_reach_who_ends_a_span_or_logs(monkeypatch):
    """Spans and log records of others are handed over in the program's own code: what fails here is counted there."""

    def fail(*arguments):
        raise RuntimeError("injected")

    failopen.reset()
    monkeypatch.setattr(Batches, "put", fail)
    monkeypatch.setattr(Batches, "flush", fail)
    monkeypatch.setattr(failopen, "_strict", False)
    spans, logs = (
        BatchingSpanProcessor(InMemorySpanExporter(), print),
        BatchingLogRecordProcessor(InMemoryLogRecordExporter(), print),
    )
    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(spans)
    loggers.add_log_record_processor(logs)
    tracers.get_tracer("x").start_span("a").end()
    loggers.get_logger("x").emit(LogRecord(body="hello"))
    assert not spans.force_flush()
    assert not logs.force_flush()
    assert failopen.errors() == {"traces.put": 1, "logs.put": 1, "traces.flush": 1, "logs.flush": 1}
    failopen.reset()


def test_log_records_reach_the_exporter_without_the_programs_context(dropped):
    """The context may hold whatever the program has put there, and is not needed any more."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(Resource({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchingLogRecordProcessor(exporter, lambda *loss: dropped.append(loss)))
    emitted = LogRecord(body="hello", attributes={"k": "v"}, context=Context({"large": object()}))
    provider.get_logger("x").emit(emitted)
    assert provider.force_flush()
    provider.get_logger("x").emit(LogRecord(body="bye"))
    provider.shutdown()
    first, second = exporter.get_finished_logs()
    assert (first.log_record.body, second.log_record.body) == ("hello", "bye")
    assert (dict(first.log_record.attributes), first.resource.attributes["service.name"]) == ({"k": "v"}, "shop")
    assert first.log_record.context == Context()
    assert "large" in emitted.context
    assert dropped == []


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({}, Limits(2048, 512, 5.0)),
        ({"QUEUE_SIZE": "7", "EXPORT_BATCH_SIZE": "3", "DELAY": "250"}, Limits(7, 3, 0.25)),
        ({"QUEUE_SIZE": "7"}, Limits(7, 7, 5.0)),
    ],
)
def test_limits_are_those_of_the_sdks_own_processor(monkeypatch, settings, limits):
    """From the same variables; a batch is never larger than the queue."""
    names = {"QUEUE_SIZE": "MAX_QUEUE_SIZE", "EXPORT_BATCH_SIZE": "MAX_EXPORT_BATCH_SIZE", "DELAY": "SCHEDULE_DELAY"}
    for name, value in settings.items():
        monkeypatch.setenv(f"OTEL_BSP_{names[name]}", value)
    processor = BatchingSpanProcessor(InMemorySpanExporter(), print)
    assert processor._batches._limits == limits


def test_limits_that_are_not_found_are_the_standards(monkeypatch):
    """An SDK that keeps its limits elsewhere is no reason to lose spans."""
    monkeypatch.setattr(batching, "_limits", lambda of_sdk: 1 / 0)
    assert BatchingSpanProcessor(InMemorySpanExporter(), print)._batches._limits == Limits(2048, 512, 5.0)


@pytest.mark.newest
def test_the_sdks_metrics_about_its_processors_go_on(monkeypatch, dropped):
    """Spans that were handed over, those for which there was no room, and how many are waiting."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    provider, _ = spans_of(ALWAYS_ON, dropped, meters)
    for _ in range(3):
        provider.get_tracer("x").start_span("a").end()
    late = provider.get_tracer("x").start_span("b")
    provider.shutdown()
    late.end()
    scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
    found = {
        (metric.name, point.attributes.get("error.type")): point.value
        for scope in scopes
        for metric in scope.metrics
        for point in metric.data.data_points
    }
    assert found["otel.sdk.processor.span.processed", None] == 3
    assert found["otel.sdk.processor.span.processed", "queue_full"] == 1
    assert found["otel.sdk.processor.span.queue.capacity", None] == 2048
    assert found["otel.sdk.processor.span.queue.size", None] == 0
