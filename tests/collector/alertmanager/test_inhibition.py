"""What is not told while something worse is."""

from __future__ import annotations

import re

import pytest
import yaml

from backend_programs import OPERATIONS, wait_until

CONFIGURATION = yaml.safe_load((OPERATIONS / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8"))
RULES = "".join(file.read_text(encoding="utf-8") for file in (OPERATIONS / "prometheus" / "rules").glob("*.yml"))
COLLECTOR = (OPERATIONS / "otelcol" / "local.yaml").read_text(encoding="utf-8")


def alert(name: str, severity: str = "warning", job: str = "shop", **labels: str) -> dict:
    """An alert with the labels that inhibition looks at."""
    return {"alertname": name, "severity": severity, "job": job, **labels}


CRITICAL = alert("HighErrorRate", "critical", agent_name="clerk")
DEAD = alert("ServiceDown", "critical", instance="10.0.0.1:9464")
FULL = alert("HighMemoryUsage", "critical", instance="10.0.0.1:9464")
LOST = alert("TelemetryLost", signal="traces")
SILENT = alert("ServiceSilent", "critical")
NO_COLLECTOR = alert("CollectorDown", "critical", job="collector", instance="collector:8888")
NO_JAEGER = alert("JaegerDown", job="jaeger")
NO_LOKI = alert("LokiDown", job="loki")
TO_JAEGER = {"job": "collector", "exporter": "otlp_grpc/jaeger"}
TO_LOKI = {"job": "collector", "exporter": "otlp_http/loki"}

QUIET = [
    (CRITICAL, alert("HighErrorRate", agent_name="clerk")),
    (CRITICAL, alert("HighErrorRate", "info", agent_name="clerk")),
    (CRITICAL, alert("AgentAlwaysFails", agent_name="clerk", status="failed")),
    (FULL, alert("MemoryGrowing", instance="10.0.0.1:9464")),
    (LOST, alert("SdkExportFailing", signal="traces")),
    (DEAD, alert("AgentRunStuck", instance="10.0.0.1:9464", agent_name="clerk")),
    (SILENT, alert("SlowResponse", agent_name="clerk")),
    (SILENT, alert("HighTokenUsage", "info")),
    (NO_COLLECTOR, alert("SdkExportFailing", signal="traces")),
    (NO_COLLECTOR, alert("ServiceDown", "critical", job="agents", instance="collector:8889")),
    (NO_COLLECTOR, alert("CollectorQueueFilling", job="collector")),
    (NO_JAEGER, alert("CollectorNotDelivering", **TO_JAEGER)),
    (NO_LOKI, alert("CollectorNotDelivering", **TO_LOKI)),
]
TOLD = [
    (CRITICAL, alert("HighErrorRate", agent_name="baker")),
    (CRITICAL, alert("HighErrorRate", job="bank", agent_name="clerk")),
    (CRITICAL, alert("SlowResponse", agent_name="clerk")),
    (CRITICAL, alert("AgentAlwaysFails", agent_name="baker", status="failed")),
    (FULL, alert("MemoryGrowing", instance="10.0.0.2:9464")),
    (LOST, alert("SdkExportFailing", signal="logs")),
    (DEAD, alert("AgentRunStuck", instance="10.0.0.2:9464", agent_name="clerk")),
    (DEAD, alert("BudgetExceeded", "critical", instance="10.0.0.1:9464")),
    (SILENT, alert("SlowResponse", job="bank", agent_name="clerk")),
    (SILENT, alert("Watchdog", "none")),
    (NO_COLLECTOR, alert("ServiceDown", "critical")),
    (NO_COLLECTOR, alert("ServiceSilent", "critical")),
    (NO_COLLECTOR, alert("SlowResponse")),
    (NO_JAEGER, alert("CollectorNotDelivering", **TO_LOKI)),
    (NO_JAEGER, alert("CollectorQueueFilling", **TO_JAEGER)),
]


def matchers() -> list[str]:
    """Every matcher of the inhibition rules."""
    return [
        matcher
        for rule in CONFIGURATION["inhibit_rules"]
        for side in ("source_matchers", "target_matchers")
        for matcher in rule[side]
    ]


def test_every_alert_that_inhibition_names_exists():
    """A rule about an alert that was renamed would be silently without effect."""
    names = {name for each in matchers() if "alertname" in each for name in re.findall(r"[A-Z]\w+", each)}
    assert names >= {"ServiceDown", "ServiceSilent", "CollectorDown"}
    assert names <= set(re.findall(r"alert: (\w+)", RULES))


def test_every_exporter_that_inhibition_names_exists():
    """The queues are told apart by the names that the Collector's file gives to its exporters."""
    names = [each.split('"')[1].strip(".*") for each in matchers() if "exporter" in each]
    assert names == ["jaeger", "loki"]
    for name in names:
        assert re.search(rf"^  \w+/{name}:$", COLLECTOR, re.MULTILINE)


def states(running, target: dict) -> list[str]:
    """The state of each alert that has these labels: active or suppressed."""
    return [each["status"]["state"] for each in running.alerts() if each["labels"] == target]


@pytest.mark.backends
def test_symptoms_are_quiet_while_their_cause_fires_and_all_else_is_told(start):
    """Each pair alone, in one Alertmanager: the cause fires, the other alert is suppressed or not as it should be."""
    running = start()
    for pairs, expected in ((QUIET, "suppressed"), (TOLD, "active")):
        for cause, other in pairs:
            running.fire(cause, other)
            wait_until(lambda: states(running, other) and states(running, cause), "both alerts are there")  # noqa: B023
            # Alertmanager learns of a cause a moment after it has shown it.
            wait_until(lambda: states(running, other) == [expected], f"{other} is {expected} by {cause}")  # noqa: B023
            assert states(running, cause) == ["active"]
            running.fire(cause, other, ended=True)
            wait_until(lambda: not running.alerts(), "both alerts are over")


@pytest.mark.backends
def test_the_warning_comes_when_the_critical_alert_is_over(alertmanager, outside):
    """Slack hears of the critical alert only; when that ends, of the warning that was behind it."""
    warning = alert("HighErrorRate", agent_name="clerk")
    alertmanager.fire(CRITICAL, warning)
    outside.wait_for("slack")
    wait_until(lambda: alertmanager.log().count("[HighErrorRate[") >= 3, "the warning was looked at")
    alertmanager.fire(CRITICAL, ended=True)
    titles = [message["attachments"][0]["title"] for message in outside.wait_for("slack", 3)]
    assert titles[0] == "[FIRING:1] HighErrorRate · shop (critical)"
    assert sorted(titles[1:]) == [
        "[FIRING:1] HighErrorRate · shop (warning)",
        "[RESOLVED] HighErrorRate · shop (critical)",
    ]
