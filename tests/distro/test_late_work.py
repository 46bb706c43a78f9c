"""Work that is left for later is done before metrics are read, and leaves no trace of its own."""

from __future__ import annotations

import threading

import pytest
from opentelemetry._logs import LogRecord, NoOpLoggerProvider
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel.distro.batching import BatchingLogRecordProcessor
from agentotel.distro.late_work import late_work, settle_before_export
from agentotel.telemetry.late import Later


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


@pytest.mark.parametrize("end", ["force_flush", "shutdown"])
def test_what_is_worked_out_late_is_still_logged(end):
    """Log records that come of it reach the exporter in the very flush, or end, that was asked for."""
    exporter = InMemoryLogRecordExporter()
    loggers, meters = LoggerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=60_000))
    later = late_work(meters)
    settle_before_export(loggers, later)
    logger = loggers.get_logger("test")
    later.add("site", lambda: logger.emit(LogRecord(body="late")))
    getattr(loggers, end)()
    assert [entry.log_record.body for entry in exporter.get_finished_logs()] == ["late"]
    loggers.shutdown()
    meters.shutdown()


def test_without_the_sdk_nothing_is_left_for_later():
    """Nobody would ask for it to be done."""
    assert late_work(NoOpMeterProvider()) is None
    settle_before_export(NoOpLoggerProvider(), Later())
    loggers = LoggerProvider(shutdown_on_exit=False)
    settle_before_export(loggers, None)
    loggers.shutdown()


def test_what_should_not_wait_long_is_logged_without_a_flush(monkeypatch):
    """The thread that exports log records asks for it, also where nothing else was logged."""
    exported = threading.Event()

    class Exporter(InMemoryLogRecordExporter):
        def export(self, batch):
            exported.set()
            return super().export(batch)

    monkeypatch.setenv("OTEL_BLRP_SCHEDULE_DELAY", "10")
    exporter = Exporter()
    loggers, meters = LoggerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchingLogRecordProcessor(exporter, print))
    later = late_work(meters)
    settle_before_export(loggers, later)
    later.add_soon("site", lambda: loggers.get_logger("test").emit(LogRecord(body="soon")))
    assert exported.wait(10)
    loggers.shutdown()
    meters.shutdown()
    assert [entry.log_record.body for entry in exporter.get_finished_logs()] == ["soon"]
