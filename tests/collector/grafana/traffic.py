"""Programs that leave something in every series: a busy company, a careless one that loses and cuts, a broken one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from backend_programs import OPERATIONS, Prometheus, free_port, wait_until
from collector.grafana.old_records import send_old_log_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend_programs import Stack

LAUNCHER = Path(sysconfig.get_path("scripts"), "opentelemetry-instrument")
LOAD = OPERATIONS / "load" / "load.py"
DEMO = OPERATIONS / "load" / "demo.py"
PROGRAMS = Path(__file__).parent / "programs"

NAMESPACE = "grafana"
COMPANY_SERVICE = "grafana-company"
"""What Jaeger and Loki call it: they know no namespace."""

COMPANY = f"{NAMESPACE}/{COMPANY_SERVICE}"
CARELESS = "grafana-careless"
BROKEN_AGENT = "grafana-broken"
FULFILMENT = "grafana-fulfilment"
SHOP = "grafana-shop"

BUSY = (
    "--rate=4", "--latency=0.3", "--errors=0.2", "--slow=0.1", "--slow-seconds=1", "--rate-limits=0.2",
    "--tool-errors=0.2", "--loops=0.2", "--cancelled=0.1",
)  # fmt: skip
_STOP_S = 30
_SEEN_S = 90


@contextmanager
def scraping_prometheus(stack: Stack, folder: Path) -> Iterator[Prometheus]:
    """Run the older Prometheus, which fetches from the Collector of `stack` what the newer one is sent.

    Args:
        stack: The backends.
        folder: Its files and its data.
    """
    files = folder / "files"
    shutil.copytree(stack.prometheus.configuration.parent, files)  # its rules have short intervals already
    configuration = files / "prometheus-scrape.yml"
    prometheus = Prometheus(folder / "data", configuration, program="prometheus2")
    addresses = {
        "collector:8888": f"127.0.0.1:{stack.collector.metrics_port}",
        "collector:8889": f"127.0.0.1:{stack.collector.scrape_port}",
        "prometheus:9090": f"127.0.0.1:{prometheus.port}",
        "alertmanager:9093": stack.alertmanager.address,
        "loki:3100": f"127.0.0.1:{stack.loki.port}",
    }
    text = configuration.read_text(encoding="utf-8")
    for old, new in {**addresses, "_interval: 15s": "_interval: 1s", "_interval: 30s": "_interval: 1s"}.items():
        assert old in text, f"prometheus-scrape.yml does not hold {old!r}"
        text = text.replace(old, new)
    configuration.write_text(text.replace("scrape_timeout: 10s", "scrape_timeout: 1s"), encoding="utf-8")
    with prometheus:
        yield prometheus


@contextmanager
def traffic(stack: Stack, folder: Path) -> Iterator[None]:
    """Keep programs at work that do everything that a panel or a rule asks about.

    Args:
        stack: Where they send their telemetry.
        folder: Where they run.
    """
    dead = f"http://127.0.0.1:{free_port()}"
    programs = [
        _start(stack, folder, COMPANY_SERVICE, str(LOAD), *BUSY, AGENTOTEL_BUDGET="day=0.001; month=1000",
               AGENTOTEL_LOOP_LIMIT="4", OTEL_RESOURCE_ATTRIBUTES=f"service.namespace={NAMESPACE}"),
        _start(stack, folder, CARELESS, str(LOAD), *BUSY, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{dead}/v1/traces",
               OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"{dead}/v1/logs",
               OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true", AGENTOTEL_REDACT="[aeiou]{2}",
               AGENTOTEL_ATTRIBUTE_BYTES="64", AGENTOTEL_CARDINALITY_LIMIT="2"),
        _start(stack, folder, BROKEN_AGENT, str(PROGRAMS / "broken_agent.py")),
        _start(
            stack, folder, FULFILMENT, "-c", "import fulfilment; fulfilment.main()",
            PYTHONPATH=str(PROGRAMS), AGENTOTEL_TARGETS="workflow=fulfilment:Fulfilment.run",
        ),
    ]  # fmt: skip
    try:
        subprocess.run(
            [sys.executable, str(DEMO)], env=_environment(stack, SHOP), check=True, capture_output=True, timeout=60
        )
        send_old_log_record(stack.collector)
        yield
    finally:
        for program in programs:
            program.send_signal(signal.SIGTERM)
        for program in programs:
            program.wait(_STOP_S)


def wait_for_rules(prometheus: Prometheus) -> None:
    """Wait until the traffic has gone on for some intervals of export, and the slowest rules have seen it."""
    for condition in (
        f'increase(agent_requests_total{{job="{COMPANY}"}}[1m]) > 2',
        f'agentotel_self_dropped_total{{job="{CARELESS}", signal="logs"}}',
        f'agentotel_self_errors_total{{job="{BROKEN_AGENT}"}}',
        'job_exporter_signal:otelcol_exporter_lost:increase10m{signal="logs"} > 0',
        f'gen_ai_invoke_workflow_duration_seconds_count{{job="{FULFILMENT}"}} > 3',
        f'job:agent_users:monthly{{job="{COMPANY}"}}',
    ):
        wait_until(lambda it=condition: prometheus.query(it), condition, timeout_s=_SEEN_S)


def _start(stack: Stack, folder: Path, service: str, *command: str, **settings: str) -> subprocess.Popen[bytes]:
    with (folder / f"{service}.txt").open("wb") as said:
        return subprocess.Popen(
            [str(LAUNCHER), sys.executable, *command],
            cwd=folder, env=_environment(stack, service, **settings), stdout=said, stderr=said,
        )  # fmt: skip


def _environment(stack: Stack, service: str, **settings: str) -> dict[str, str]:
    return {
        **os.environ,
        "NO_PROXY": "127.0.0.1",
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.collector.otlp_http,
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OTEL_BLRP_SCHEDULE_DELAY": "500",
        **settings,
    }
