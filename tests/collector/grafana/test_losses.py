"""What dashboards and rules ask for and healthy backends never show: provoked on the real Collector and program."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from backend_programs import OPERATIONS, Collector, free_port, wait_until
from backend_programs.waiting import get_text
from collector.grafana.refusing import SMALL_QUEUES, absent_backends, refusing_backends
from collector.grafana.traffic import LAUNCHER, LOAD

pytestmark = pytest.mark.backends

ITEMS = ("spans", "metric_points", "log_records")


@contextmanager
def load(folder, **settings):
    """Keep the load generator at work."""
    environment = {**os.environ, "NO_PROXY": "127.0.0.1", "OTEL_METRIC_EXPORT_INTERVAL": "500", **settings}
    with (folder / "said.txt").open("wb") as said:
        program = subprocess.Popen(
            [str(LAUNCHER), sys.executable, str(LOAD), "--rate=10", "--latency=0", "--no-mcp"],
            cwd=folder, env=environment, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        yield
    finally:
        program.terminate()
        program.wait(30)


@pytest.mark.parametrize("item", ITEMS)
def test_what_a_backend_refuses_is_counted(tmp_path, item):
    """otelcol_exporter_send_failed_* has a series as soon as a backend says that the data is wrong."""
    with refusing_backends() as addresses, Collector(tmp_path / "collector", environment=addresses) as collector:
        with load(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.otlp_http):
            wait_until(lambda: collector.own_metric(f"otelcol_exporter_send_failed_{item}") > 0, item)


@pytest.mark.parametrize("item", ITEMS)
def test_what_finds_no_room_in_a_queue_is_counted(tmp_path, item):
    """otelcol_exporter_enqueue_failed_* has a series as soon as the queue on disk is full."""
    configurations = (OPERATIONS / "otelcol" / "local.yaml", SMALL_QUEUES)
    with Collector(tmp_path / "collector", configurations, absent_backends()) as collector:
        with load(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.otlp_http):
            wait_until(lambda: collector.own_metric(f"otelcol_exporter_enqueue_failed_{item}") > 0, item)


def test_points_that_are_not_delivered_are_counted(tmp_path):
    """A program tells a Prometheus that scrapes it how many points it could not send."""
    port = free_port()
    settings = {
        "OTEL_METRICS_EXPORTER": "otlp,prometheus",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }
    with load(tmp_path, **settings):
        wait_until(lambda: any(map(is_failure, get_text(f"http://127.0.0.1:{port}/metrics").splitlines())), "a failure")


def is_failure(line):
    """Whether a line counts points whose export failed."""
    return line.startswith("otel_sdk_exporter_metric_data_point_exported_total{") and 'error_type="' in line
