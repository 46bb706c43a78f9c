"""Without any Collector: Debian's Prometheus fetches /metrics of a program, and rules and dashboards work as ever."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from backend_programs import OPERATIONS, Prometheus, free_port, wait_until
from collector.grafana.dashboard_files import panel_queries, rules
from collector.grafana.test_queries import OPTIONAL_LABELS, by_place, has_value
from collector.grafana.traffic import BUSY, LAUNCHER, LOAD

pytestmark = [pytest.mark.backends, pytest.mark.timeout(300)]

JOB = "company"
NOT_DONE = {"agents.json: Duration of workflows: A"}  # the load generator has no workflows
# The dashboard of the pipeline is about Collector, Prometheus and exporters; all others are about programs alone.
QUERIES = [
    query
    for query in panel_queries()
    if query.source == "prometheus" and not query.place.startswith("pipeline.json") and query.place not in NOT_DONE
]
ABOUT_THE_COLLECTOR = "job_exporter_signal:", "job_signal:"
TAKES_AN_HOUR = {"job:agent_processes:min1h", "agentotel:batch_program:info"}
RECORDED = {
    rule["record"]
    for _, rule in rules()
    if "record" in rule and not rule["record"].startswith(ABOUT_THE_COLLECTOR) and rule["record"] not in TAKES_AN_HOUR
}


def shipped_files(folder, port):
    """Copy the files of Prometheus, with short intervals and with the one program to fetch from."""
    shutil.copytree(OPERATIONS / "prometheus", folder)
    configuration = folder / "prometheus-scrape.yml"
    text = re.sub(r"(scrape_interval|scrape_timeout|evaluation_interval): \S+", r"\1: 1s", configuration.read_text())
    configuration.write_text(text)
    for file in (folder / "rules").glob("*.yml"):
        file.write_text(re.sub(r"^( +interval:) \S+", r"\1 2s", file.read_text(), flags=re.MULTILINE))
    (folder / "programs" / "company.yml").write_text(
        f'- targets: ["127.0.0.1:{port}"]\n  labels: {{job: {JOB}}}\n', encoding="utf-8"
    )
    return configuration


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """Prometheus 2.42 when the slowest rules have seen what the program does."""
    folder, port = tmp_path_factory.mktemp("page"), free_port()
    settings = {
        "OTEL_METRICS_EXPORTER": "prometheus",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
        "AGENTOTEL_BUDGET": "day=0.001; month=1000",
        "AGENTOTEL_LOOP_LIMIT": "4",
    }
    command = [str(LAUNCHER), sys.executable, str(LOAD), *BUSY]
    with (folder / "said.txt").open("wb") as said:
        program = subprocess.Popen(command, cwd=folder, env={**os.environ, **settings}, stdout=said, stderr=said)
    try:
        with Prometheus(folder / "data", shipped_files(folder / "files", port), program="prometheus2") as running:
            for condition in (
                f'increase(agent_requests_total{{job="{JOB}"}}[1m]) > 2',
                f'job:agent_users:monthly{{job="{JOB}"}}',
            ):
                wait_until(lambda it=condition: running.query(it), condition, timeout_s=90)
            yield running
    finally:
        program.terminate()
        program.wait(30)


@by_place(QUERIES)
def test_a_query_of_a_dashboard_has_an_answer(prometheus, query):
    """Each returns numbers about the program, with the labels that its legend and its links name."""

    def found():
        return [it for it in prometheus.query(query.filled()) if has_value(it)]

    labels = {label for one in wait_until(found, query.filled(), timeout_s=60) for label in one["metric"]}
    assert query.named_labels - OPTIONAL_LABELS <= labels


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_rule_about_programs_records(prometheus, name):
    """Each recording rule that is not about the Collector has data."""
    wait_until(lambda: prometheus.query(f"last_over_time({name}[15m])"), name, timeout_s=60)


def test_alerts_about_the_program_fire(prometheus):
    """No rule has an error, and what the program does is alerted on."""
    wanted = {"AgentLoopDetected", "BudgetExceeded", "CostUnknown", "Watchdog"}

    def firing():
        return {it["labels"]["alertname"] for it in prometheus.alerts() if it["state"] == "firing"}

    wait_until(lambda: wanted <= firing(), f"{sorted(wanted)} fire", timeout_s=60)
    assert [rule["name"] for rule in prometheus.rules() if rule["health"] == "err"] == []
