"""Where each alert goes, as amtool reads the shipped file."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from backend_programs import OPERATIONS, binary

pytestmark = pytest.mark.backends

FOLDER = OPERATIONS / "alertmanager"
PROMISED = {"critical": "pager,slack", "warning": "slack", "info": "webhook"}


RULES = sorted((OPERATIONS / "prometheus" / "rules").glob("*.yml"))
GROUPS = [group for file in RULES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
SEVERITIES = sorted({(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS})
TEMPLATE = re.compile(r"\{\{.*?\}\}")


def route(file, **labels: str) -> str:
    """The receivers of an alert, in order."""
    command = [str(binary("amtool")), "config", "routes", "test", f"--config.file={file}"]
    command += [f"{name}={value}" for name, value in labels.items()]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_amtool_accepts_the_file_and_finds_its_templates():
    """Nothing but praise, and not one warning."""
    command = [str(binary("amtool")), "check-config", str(FOLDER / "alertmanager.yml")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert " - 1 templates" in answer.stdout
    assert answer.stdout.count("SUCCESS") == 2
    assert not answer.stderr


@pytest.mark.parametrize(("severity", "receivers"), PROMISED.items())
def test_a_severity_goes_where_it_is_promised(severity, receivers):
    """Critical wakes somebody and tells everybody; information disturbs nobody."""
    assert route(FOLDER / "alertmanager.yml", alertname="Any", job="shop", severity=severity) == receivers


def test_there_are_alerts_to_route():
    """The cases below are those of the shipped rules."""
    assert {severity for _, severity in SEVERITIES} == {*PROMISED, "none"}


@pytest.mark.parametrize(("alert", "severity"), SEVERITIES)
def test_each_alert_of_the_rules_goes_where_its_severity_promises(alert, severity):
    """No shipped alert is lost or told to the wrong people."""
    promised = "dead-man" if alert == "Watchdog" else PROMISED[severity]
    assert route(FOLDER / "alertmanager.yml", alertname=alert, job="shop", severity=severity) == promised


@pytest.mark.parametrize("labels", [{}, {"severity": "page"}])
def test_an_alert_of_unknown_severity_is_seen_by_people(labels):
    """A rule of the user's own without a severity that is known here goes to Slack."""
    assert route(FOLDER / "alertmanager.yml", alertname="Mine", **labels) == "slack"


def test_each_alert_of_the_rules_arrives_with_its_texts_and_links(folder, secrets, start, outside):
    """With the real annotations (values in place of what Prometheus fills in) every alert is told in full."""
    file = folder / "alertmanager.yml"
    configuration = yaml.safe_load(file.read_text())
    del configuration["inhibit_rules"]  # all of them fire at once here
    file.write_text(yaml.safe_dump(configuration, sort_keys=False))
    running = start()
    told = [rule for rule in ALERTS if rule["labels"]["severity"] in {"critical", "warning"}]
    fired = [
        {
            "alertname": rule["alert"],
            "severity": rule["labels"]["severity"],
            "job": "shop",
            "annotations": {name: TEMPLATE.sub("5 %", text) for name, text in rule["annotations"].items()},
        }
        for rule in told
    ]
    running.fire(*fired)
    messages = [message["attachments"][0] for message in outside.wait_for("slack", len(told))]
    texts = {message["title"]: message["text"] for message in messages}
    for alert in fired:
        text = texts[f"[FIRING:1] {alert['alertname']} · shop ({alert['severity']})"]
        annotations = alert["annotations"]
        assert text.startswith(f":red_circle: *{annotations['summary']}*\n{annotations['description']}\n")
        for link, title in (("runbook_url", "Runbook"), ("dashboard_url", "Dashboard"), ("traces_url", "Traces")):
            assert (f"|{title}>" in text) == (link in annotations)
