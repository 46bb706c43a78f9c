"""From an agent that fails to a message, and to the one that says it is over, with the shipped rules and routes."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack

import pytest

from backend_programs import OPERATIONS, Prometheus, wait_until
from collector.alertmanager.conftest import Shipped, folder, outside, secrets
from e2e.backends.launching import Traffic, environment
from e2e.backends.test_faults import Chain

pytestmark = [pytest.mark.backends, pytest.mark.timeout(240)]

__all__ = ["folder", "outside", "secrets"]

ALERT = "HighErrorRate"
SERVICE = "failing-shop"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
A_MINUTE_BECOMES_S = 1


def shortened(rules: str) -> str:
    """Return rules in which a minute is a second: windows, offsets, ``for`` and intervals; nothing else is changed."""

    def faster(match: re.Match[str]) -> str:
        seconds = int(match[2]) * SECONDS[match[3]] * A_MINUTE_BECOMES_S // 60
        return f"{match[1]}{max(seconds, 1)}s"

    return re.sub(r"(\[|\boffset |\bfor: |\binterval: )(\d+)([smhd])\b", faster, rules)


@pytest.fixture
def prometheus(tmp_path):
    """A Prometheus with the shipped configuration and rules, faster; its Alertmanager's address is still to be set."""
    files = tmp_path / "prometheus-files"
    shutil.copytree(OPERATIONS / "prometheus", files)
    for rules in (files / "rules").glob("*.yml"):
        rules.write_text(shortened(rules.read_text(encoding="utf-8")), encoding="utf-8")
    return Prometheus(tmp_path / "prometheus", files / "prometheus.yml")


def point_to(prometheus, alertmanager, collector) -> None:
    """Set the addresses in a configuration, and let it look every second."""
    text = prometheus.configuration.read_text(encoding="utf-8")
    assert "alertmanager:9093" in text
    text = text.replace("alertmanager:9093", alertmanager.address)
    text = text.replace("collector:8888", f"127.0.0.1:{collector.metrics_port}")
    text = re.sub(r"\b(scrape_interval|scrape_timeout|evaluation_interval): *\S+", r"\1: 1s", text)
    prometheus.configuration.write_text(text, encoding="utf-8")


def test_an_agent_that_fails_is_told_and_that_it_is_over(tmp_path, folder, secrets, outside, prometheus):
    """Failing runs raise HighErrorRate; the pager, and Slack, hear of it and of its end."""
    with ExitStack() as running:
        alertmanager = running.enter_context(Shipped(tmp_path / "alertmanager-runs", folder / "alertmanager.yml"))
        collector = Chain(tmp_path, running).collector(prometheus=prometheus.otlp)
        point_to(prometheus, alertmanager, collector)
        running.enter_context(prometheus)
        traffic = running.enter_context(Traffic(tmp_path, environment(collector, "http/protobuf", SERVICE)))

        def is_told(status):
            traffic.run(1, "fail" if status == "firing" else "run")
            return [it for it in outside.told("pagerduty") if concerns(it, status)]

        (told, *_) = wait_until(lambda: is_told("firing"), "the pager is told", 90)
        assert told["event_action"] == "trigger"
        assert "traffic" in told["payload"]["summary"]
        assert any("/user/runbooks/HighErrorRate.html" in link["href"] for link in told["links"])
        (active,) = [
            it for it in alertmanager.alerts() if it["labels"]["alertname"] == ALERT and severity(it) == "critical"
        ]
        assert (active["labels"]["job"], active["labels"]["agent_name"]) == (SERVICE, "traffic")
        wait_until(lambda: any(ALERT in str(it) for it in outside.told("slack")), "Slack is told as well")
        wait_until(lambda: is_told("resolved"), "the pager is told that it is over", 90)


def concerns(message, status) -> bool:
    """Tell whether a message to the pager is about our alert."""
    action = {"firing": "trigger", "resolved": "resolve"}[status]
    return message["event_action"] == action and SERVICE in str(message.get("payload", message))


def severity(alert) -> str:
    """Return how bad an alert is."""
    return alert["labels"]["severity"]
