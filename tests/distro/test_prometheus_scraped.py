"""A real Prometheus fetches /metrics of a real program, and has what another one is sent by OTLP."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from agentotel.model import instruments
from backend_programs import Prometheus, binary, free_port, wait_until

pytestmark = pytest.mark.backends

PROGRAM = """
    import sys

    class SearchTool:
        name = "search"
        def execute(self, query):
            if query == "bad":
                raise ValueError(query)
            return query

    class ShopAgent:
        name, template_id, id = "shop", "t1", "a1"
        def chat(self, message):
            for _ in range(12):
                SearchTool().execute("same")
            try:
                SearchTool().execute(message)
            except ValueError:
                pass
            return message

    agent = ShopAgent()
    for message in ("good", "good", "bad"):
        agent.chat(message)
    print("ready", flush=True)
    sys.stdin.read()
"""

NAMES = (
    "agent_requests_total", "agent_tool_calls_total", "agent_errors_total", "agent_loop_detected_total",
    "agent_created_total", "agent_active_count", "agent_chat_latency_seconds_count", "agent_chat_latency_seconds_sum",
    "agent_tool_latency_seconds_count", "gen_ai_invoke_agent_duration_seconds_count",
    "gen_ai_execute_tool_duration_seconds_sum", "otel_sdk_span_started_total",
)  # fmt: skip
LABELS = (
    "agent_name", "template_id", "status", "tool_name", "error_type", "kind", "agent_id", "gen_ai_agent_name",
    "gen_ai_tool_name", "otel_span_parent_origin",
)  # fmt: skip


@pytest.fixture
def pushed(tmp_path):
    """A Prometheus that is sent OTLP."""
    folder = tmp_path / "pushed"
    folder.mkdir()
    (folder / "prometheus.yml").write_text("global: {scrape_interval: 1s}\n")
    with Prometheus(folder, folder / "prometheus.yml") as prometheus:
        yield prometheus


@pytest.fixture(params=["prometheus2", "prometheus"])
def scraping(request, tmp_path):
    """A Prometheus that fetches, of the oldest and of the newest kind, and the port from which it does."""
    binary(request.param)
    port = free_port()
    folder = tmp_path / "scraping"
    folder.mkdir()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    with Prometheus(folder, folder / "prometheus.yml", request.param) as prometheus:
        yield prometheus, port


@pytest.fixture
def program(tmp_path, scraping, pushed):
    """A program under the launcher that has done its work and waits."""
    path = tmp_path / "shop.py"
    path.write_text(textwrap.dedent(PROGRAM))
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AGENTOTEL_", "_AGE"))}
    settings = {
        "OTEL_METRICS_EXPORTER": "otlp,prometheus",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SERVICE_NAME": "shop",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{pushed.otlp}/v1/metrics",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(scraping[1]),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    launcher = Path(sys.executable).parent / "opentelemetry-instrument"
    with subprocess.Popen(
        [launcher, sys.executable, path],
        env=clean | settings,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        began = time.monotonic()
        _, messages = process.communicate("", timeout=30)
        assert (process.returncode, messages) == (0, ""), "a scrape has left a warning, or the end has failed"
        assert time.monotonic() - began < 20  # far more than it takes: it must not wait for the server


def test_both_ways_have_the_same_series_and_values(program, scraping, pushed):
    """Names, labels and numbers; only the duration in exponential form has another one when it is fetched."""
    fetched, _ = scraping
    wait_until(lambda: fetched.value('agent_requests_total{status="success"}') == 3, "it is fetched")
    wait_until(lambda: pushed.value('agent_requests_total{status="success"}') == 3, "it is sent")
    for name in NAMES:
        expression = f'{name}{{job="shop"}}'
        wait_until(lambda e=expression: fetched.values(e, *LABELS), name)
        assert fetched.values(expression, *LABELS) == pytest.approx(pushed.values(expression, *LABELS)), name
    assert fetched.value("agent_request_duration_seconds_count") == 3
    assert fetched.value("up") == 1
    known = {one.prometheus for one in instruments.INSTRUMENTS}
    ours = {name for name in fetched.series_names() if name.startswith(("agent_", "gen_ai_", "mcp_", "agentotel_"))}
    assert {next((k for k in known if name.startswith(k)), name) for name in ours} <= known


def test_an_exemplar_leads_to_a_trace(program, scraping):
    """Prometheus fetches them, too."""
    fetched, _ = scraping
    start = time.time() - 300
    found = wait_until(
        lambda: fetched.exemplars("agent_chat_latency_seconds_bucket", start, time.time() + 10), "an exemplar"
    )
    assert {len(exemplar["labels"]["trace_id"]) for exemplar in found} == {32}
