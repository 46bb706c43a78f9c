"""The real programs with the command lines, variables and files of docker-compose.yml, and what they then can do."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from agentotel.model import names
from backend_programs import binary, get_json, wait_until
from backend_programs.jaeger import attributes
from backend_programs.waiting import get_text

pytestmark = pytest.mark.backends

SERVICE = "compose-load"
MONITORED = "compose-monitored"


@pytest.fixture(scope="module")
def loaded(chain, load):
    """The counts of one load."""
    return load(chain, SERVICE, "--rate=0", "--runs=40", "--errors=0.2", "--loops=0.1")


def spans(chain, count):
    """Return the spans of the load in Jaeger, once there are `count` agent runs among them."""

    def arrived():
        found = chain.jaeger.spans(SERVICE)
        runs = [span for span in found if attributes(span).get(names.OPERATION_NAME) == "invoke_agent"]
        return found if len(runs) >= count else None

    return wait_until(arrived, f"{count} agent runs are in Jaeger")


def runs_of(counted):
    """Return the number of agent runs of a summary."""
    return sum(count for by_status in counted["runs"].values() for count in by_status.values())


def health(command, **replacements):
    """Run the command line of a health check with the test's own program and address; return its status."""
    program, *arguments = command
    for old, new in replacements.items():
        arguments = [argument.replace(_HEALTH_ADDRESSES[old], new) for argument in arguments]
    return subprocess.run([binary(Path(program).name), *arguments], capture_output=True, timeout=30).returncode


_HEALTH_ADDRESSES = {"loki": "http://127.0.0.1:3100", "prometheus": "http://127.0.0.1:9090"}


def test_traces_arrive_in_jaeger(chain, loaded):
    """Each agent run and each of its model calls is found over Jaeger's API, with the ids of whom it was for."""
    found = spans(chain, runs_of(loaded))
    runs = [span for span in found if attributes(span).get(names.OPERATION_NAME) == "invoke_agent"]
    assert len(runs) == runs_of(loaded)
    assert all(attributes(span)[names.TENANT_ID].startswith("tenant-") for span in runs)
    model_calls = [span for span in found if span["kind"] in {3, "SPAN_KIND_CLIENT"} and "chat" in span["name"]]
    expected = sum(count for by_status in loaded["model_calls"].values() for count in by_status.values())
    embeddings = loaded["model_calls"].get("text-embedding-3-small", {}).get("success", 0)
    assert len(model_calls) == expected - embeddings


def test_traces_survive_a_restart_of_jaeger(chain, loaded):
    """What Jaeger has stored is there after it was killed and started again."""
    before = {span["spanId"] for span in spans(chain, runs_of(loaded))}
    chain.jaeger.kill()
    chain.jaeger.start()
    assert {span["spanId"] for span in chain.jaeger.spans(SERVICE)} == before


def metric(chain, kind, **parameters):
    """Return the series of one metric of Jaeger's performance view, as label values to numbers."""
    now = int(time.time() * 1000)
    answer = get_json(
        f"{chain.jaeger.url}/api/metrics/{kind}",
        service=MONITORED, endTs=now, lookback=600_000, step=5_000, ratePer=60_000, groupByOperation="true",
        spanKind=("internal", "client"), **parameters,
    )  # fmt: skip
    return {
        label["value"]: [
            point["gaugeValue"]["doubleValue"]
            for point in series["metricPoints"]
            if isinstance(point["gaugeValue"]["doubleValue"], (int, float))
        ]
        for series in answer.get("metrics", ())
        for label in series["labels"]
        if label["name"] == "operation"
    }


def test_the_performance_view_of_jaeger_has_data(chain, lasting_load):
    """Rate, errors and duration of each operation come from Prometheus, which has them from the Collector's spans."""
    # What a process does before its first point is no increase, so it has to go on.
    lasting_load(chain, MONITORED, "--rate=4", "--errors=0.5", "--users=3")

    def measured():
        views = [metric(chain, kind) for kind in ("calls", "errors")] + [metric(chain, "latencies", quantile="0.95")]
        return views if all(max(view.get("invoke_agent support") or [0]) > 0 for view in views) else None

    calls, _, durations = wait_until(measured, "Jaeger shows rate, errors and duration", 60)
    assert {"invoke_agent support", "chat gpt-4o-mini"} <= set(calls) & set(durations)


def test_jaeger_says_that_it_is_healthy(jaeger):
    """The address that the health check asks answers."""
    assert get_json(f"http://127.0.0.1:{jaeger.health_port}/status")["healthy"] is True
    path = jaeger.service.health_check[-1].rpartition(":13133")[2]
    assert path == "/status"
    assert jaeger.service.environment["JAEGER_HEALTH_PORT"] == "13133"


def lines(chain, query, count):
    """Return the lines of a LogQL query, once there are `count`."""
    return wait_until(lambda: (found := chain.loki.query(query)) and len(found) >= count and found, query)


def test_logs_are_found_by_trace_agent_and_user(chain, loaded):
    """A service's log lines are a stream; trace, agent and user are found in it without being labels."""
    begun = lines(chain, f'{{service_name="{SERVICE}"}} |= "request taken"', runs_of(loaded))
    line = begun[0]["labels"]
    for field in ("trace_id", "user_id", "gen_ai_agent_id"):
        found = chain.loki.query(f'{{service_name="{SERVICE}"}} | {field}="{line[field]}"')
        assert found
        assert all(it["labels"][field] == line[field] for it in found)


def test_only_bounded_names_are_labels_of_loki(chain, loaded):
    """Streams are told apart by service and environment, so that neither users nor instances multiply them."""
    lines(chain, f'{{service_name="{SERVICE}"}}', 1)
    labels = get_json(f"{chain.loki.url}/loki/api/v1/labels", since="1h")["data"]
    assert {"service_name", "deployment_environment_name"} <= set(labels)
    assert set(labels) <= {"service_name", "service_namespace", "deployment_environment_name", "__stream_shard__"}


def test_loki_keeps_logs_as_long_as_compose_says(loki):
    """The retention of Compose's variable is in force, and something enforces it."""
    text = wait_until(lambda: get_text(f"{loki.url}/config"), "Loki shows its configuration")
    assert "  retention_period: 1w" in text
    assert "  retention_enabled: true" in text
    assert "  reporting_enabled: false" in text


def test_the_health_check_of_loki_tells_the_truth(loki):
    """It succeeds while Loki is ready, and fails where nobody answers."""
    assert health(loki.service.health_check, loki=loki.url) == 0
    assert health(loki.service.health_check, loki="http://127.0.0.1:9") == 1


def test_the_health_check_of_prometheus_tells_the_truth(chain):
    """It succeeds while Prometheus is ready, and fails where nobody answers."""
    command = chain.prometheus.service.health_check
    assert health(command, prometheus=chain.prometheus.url) == 0
    assert health(command, prometheus="http://127.0.0.1:9") != 0


def test_prometheus_takes_the_flags_of_compose(chain):
    """Retention, address for links and the OTLP receiver are as Compose's command line says."""
    flags = get_json(f"{chain.prometheus.url}/api/v1/status/flags")["data"]
    assert flags["storage.tsdb.retention.time"] == "31d"
    assert flags["web.enable-otlp-receiver"] == "true"
    assert flags["web.external-url"] == "http://127.0.0.1:9090"


def test_prometheus_starts_with_the_shipped_configuration(shipped_prometheus):
    """The command line of Compose and the file that it names work together."""
    assert get_json(f"{shipped_prometheus.url}/api/v1/rules")["data"]["groups"]


def test_alertmanager_starts_without_any_secret(shipped_alertmanager):
    """The start script and the command line of Compose work where nobody has set up a receiver yet."""
    assert get_json(f"{shipped_alertmanager.url}/api/v2/status")["cluster"]["status"] == "disabled"
