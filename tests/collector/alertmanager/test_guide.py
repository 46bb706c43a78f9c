"""The Alertmanager file of the guide that this product implements: accepted by amtool, and how it fails in practice."""

from __future__ import annotations

import subprocess

import pytest

from backend_programs import binary, wait_until

pytestmark = pytest.mark.backends

GUIDE = r"""
global:
  resolve_timeout: 5m
  slack_api_url: "https://hooks.slack.com/services/YOUR/WEBHOOK/URL"

route:
  group_by: ["alertname", "severity"]
  group_wait: 10s
  group_interval: 10s
  repeat_interval: 12h
  receiver: "default"

  routes:
    - match:
        severity: critical
      receiver: "pagerduty"
      continue: true

    - match:
        severity: warning
      receiver: "slack"

    - match:
        severity: info
      receiver: "log"

receivers:
  - name: "default"
    slack_configs:
      - channel: "#alerts"
        title: "Agent Alert"
        text: '{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ end }}'

  - name: "pagerduty"
    pagerduty_configs:
      - service_key: "YOUR_PAGERDUTY_KEY"

  - name: "slack"
    slack_configs:
      - channel: "#agent-warnings"
        title: "Agent Warning"

  - name: "log"
    webhook_configs:
      - url: "http://logger:8080/alerts"
"""
PAGER = """    pagerduty_configs:
      - service_key: "YOUR_PAGERDUTY_KEY"
"""


def alert(severity: str, agent: str = "clerk") -> dict:
    """An alert as the guide's rules make them."""
    annotations = {"summary": "Agent error rate is high", "description": "Error rate is 0.2"}
    return {"alertname": "HighErrorRate", "severity": severity, "agent_id": agent, "annotations": annotations}


@pytest.fixture
def guide(start_file, outside):
    """The guide's file with shorter times, every address on the local server and a webhook for PagerDuty's first API.

    That API's address cannot be changed; only the receivers' addresses and times differ from the guide's.
    """
    changes = {
        "https://hooks.slack.com/services/YOUR/WEBHOOK/URL": f"{outside.address}/slack/",
        "http://logger:8080/alerts": f"{outside.address}/log/",
        PAGER: f"    webhook_configs:\n      - url: {outside.address}/pager/\n",
        "group_wait: 10s": "group_wait: 500ms",
        "group_interval: 10s": "group_interval: 1s",
    }
    text = GUIDE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return start_file(text)


def amtool(tmp_path, *arguments: str) -> str:
    """What amtool says of the guide's file, which it accepts."""
    file = tmp_path / "guide.yml"
    file.write_text(GUIDE)
    command = [str(binary("amtool")), *(argument.replace("FILE", str(file)) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_amtool_finds_nothing_wrong_with_it(tmp_path):
    """That a file is accepted says little."""
    assert "SUCCESS" in amtool(tmp_path, "check-config", "FILE")


def test_a_critical_alert_never_reaches_slack(tmp_path, guide, outside):
    """`continue` leads to routes that match other severities only, so only the pager is told."""
    arguments = ["config", "routes", "test", "--config.file=FILE", "severity=critical"]
    assert amtool(tmp_path, *arguments) == "pagerduty"
    guide.fire(alert("critical"), alert("info"))
    outside.wait_for("pager")
    outside.wait_for("log")
    assert not outside.told("slack")


def test_line_breaks_are_two_characters(guide, outside):
    r"""Single quotes of YAML keep `\n` as it is, and so does Slack."""
    guide.fire(alert("unknown"))
    text = outside.wait_for("slack")[0]["attachments"][0]["text"]
    assert text == r"Agent error rate is high\nError rate is 0.2\n"


def test_the_message_of_a_warning_says_nothing(guide, outside):
    """No text, no description, no link to a runbook: a title that is always the same."""
    guide.fire(alert("warning"))
    block = outside.wait_for("slack")[0]["attachments"][0]
    assert block["title"] == "Agent Warning"
    assert not block["text"]


def test_nobody_hears_that_it_is_over(guide, outside):
    """Slack is not told of the end: when the alert fires again, that is the second message."""
    guide.fire(alert("warning"))
    outside.wait_for("slack")
    guide.fire(alert("warning"), ended=True)
    wait_until(lambda: "[resolved]" in guide.log(), "the end was handled")
    guide.fire(alert("warning", "baker"))
    outside.wait_for("slack", 2)
    assert [message["attachments"][0]["color"] for message in outside.told("slack")] == ["danger", "danger"]


def test_the_same_trouble_is_told_twice(guide, outside):
    """Nothing is inhibited: the warning comes beside the critical alert of the same name."""
    guide.fire(alert("critical"), alert("warning"))
    outside.wait_for("pager")
    outside.wait_for("slack")


def test_no_sign_of_life_is_sent(tmp_path):
    """An alert that always fires lands where the unknown ones do, every twelve hours."""
    arguments = ["config", "routes", "test", "--config.file=FILE", "alertname=Watchdog", "severity=none"]
    assert amtool(tmp_path, *arguments) == "default"
