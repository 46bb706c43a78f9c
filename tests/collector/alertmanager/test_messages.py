"""What Slack, the pager and the webhooks are sent, by a real Alertmanager."""

from __future__ import annotations

import json
import re

import pytest

from backend_programs import wait_until
from backend_programs.waiting import get_text

pytestmark = pytest.mark.backends

ANNOTATIONS = {
    "summary": "Agents of shop fail",
    "description": "12.5 % of the runs of agent <!channel> failed & that is > 5 %",
    "runbook_url": "http://127.0.0.1:9090/user/runbooks/HighErrorRate.html",
    "dashboard_url": "http://127.0.0.1:3000/d/agentotel-agents?var-job=shop&from=now-1h",
    "traces_url": "http://127.0.0.1:16686/search?service=shop&tags=%7B%22error%22%3A%22true%22%7D",
}


def alert(name: str = "HighErrorRate", severity: str = "warning", job: str = "shop", **others) -> dict:
    """An alert as the rules make them."""
    return {"alertname": name, "severity": severity, "job": job, "annotations": ANNOTATIONS} | others


def attachment(message: dict) -> dict:
    """The one coloured block of a Slack message."""
    (only,) = message["attachments"]
    return only


def test_slack_shows_what_is_wrong_since_when_and_where_to_look(alertmanager, outside):
    """A warning arrives with number, alert, service, texts on lines of their own, and links that can be clicked."""
    alertmanager.fire(alert(agent_name="clerk"))
    block = attachment(outside.wait_for("slack")[0])
    assert block["title"] == block["fallback"] == "[FIRING:1] HighErrorRate · shop (warning)"
    assert block["title_link"] == "http://127.0.0.1:9093/#/alerts?receiver=slack"
    assert block["color"] == "warning"
    summary, description, times_and_links, empty, silence = block["text"].split("\n")
    assert summary == ":red_circle: *Agents of shop fail*"
    assert description == "12.5 % of the runs of agent &lt;!channel&gt; failed &amp; that is &gt; 5 %"
    assert re.fullmatch(
        r"_warning, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC_"
        r" · <http://127\.0\.0\.1:9090/user/runbooks/HighErrorRate\.html\|Runbook>"
        r" · <http://127\.0\.0\.1:3000/d/agentotel-agents\?var-job=shop&amp;from=now-1h\|Dashboard>"
        r" · <http://127\.0\.0\.1:16686/search\?service=shop&amp;tags=%7B%22error%22%3A%22true%22%7D\|Traces>",
        times_and_links,
    )
    assert not empty
    assert silence == (
        "<http://127.0.0.1:9093/#/silences/new?filter=%7Balertname%3D%22HighErrorRate%22%2Cjob%3D%22shop%22%7D|Silence>"
    )


def test_slack_hears_that_it_is_over(alertmanager, outside):
    """When the alert ends a second message says so in green, with how long it took."""
    alertmanager.fire(alert())
    outside.wait_for("slack")
    alertmanager.fire(alert(), ended=True)
    block = attachment(outside.wait_for("slack", 2)[1])
    assert block["title"] == "[RESOLVED] HighErrorRate · shop (warning)"
    assert block["color"] == "good"
    assert block["text"].startswith(":large_green_circle: *Agents of shop fail*\n")
    assert re.search(r"_warning, resolved at \d\d:\d\d:\d\d UTC after 9m \S+_", block["text"])
    assert "Silence" not in block["text"]


def test_two_agents_of_one_service_are_one_message(alertmanager, outside):
    """Alerts that differ by nothing but the agent come together and are counted."""
    alertmanager.fire(alert(agent_name="clerk"), alert(agent_name="baker"))
    block = attachment(outside.wait_for("slack")[0])
    assert block["title"] == "[FIRING:2] HighErrorRate · shop (warning)"
    assert block["text"].count(":red_circle:") == 2
    assert "\n\n:red_circle:" in block["text"]


def test_two_services_are_two_messages(alertmanager, outside):
    """The same alert of another service comes alone."""
    alertmanager.fire(alert(), alert(job="bank"))
    titles = {attachment(message)["title"] for message in outside.wait_for("slack", 2)}
    assert titles == {"[FIRING:1] HighErrorRate · shop (warning)", "[FIRING:1] HighErrorRate · bank (warning)"}


def test_one_of_two_that_ends_is_shown_as_over(alertmanager, outside):
    """A message of a group shows first what still fires, then what is over."""
    alertmanager.fire(alert(agent_name="clerk"), alert(agent_name="baker"))
    outside.wait_for("slack")
    alertmanager.fire(alert(agent_name="clerk"), ended=True)
    block = attachment(outside.wait_for("slack", 2)[1])
    assert block["title"] == "[FIRING:1] HighErrorRate · shop (warning)"
    assert re.match(r":red_circle:(?s:.*)\n\n:large_green_circle:(?s:.*)\n\n<[^\n]*\|Silence>", block["text"])


def test_a_long_list_is_cut_and_counted(alertmanager, outside):
    """Of more than ten alerts ten are shown and the number of all."""
    alertmanager.fire(*(alert(agent_name=f"agent-{number}") for number in range(14)))
    block = attachment(outside.wait_for("slack")[0])
    assert block["text"].count(":red_circle:") == 10
    assert "\n\n… and more, 14 in all\n\n<" in block["text"]


def test_an_alert_with_a_name_alone_is_still_told(alertmanager, outside):
    """No annotation, service or severity: Slack gets what there is, without empty lines and links."""
    alertmanager.fire({"alertname": "Mine"})
    block = attachment(outside.wait_for("slack")[0])
    assert block["title"] == "[FIRING:1] Mine"
    assert "<no value>" not in json.dumps(block)
    assert block["text"].count("<http") == 1


def test_a_critical_alert_reaches_the_pager_and_slack(alertmanager, outside):
    """Both are told the same; Slack in red."""
    alertmanager.fire(alert(severity="critical"))
    assert attachment(outside.wait_for("slack")[0])["color"] == "danger"
    event = outside.wait_for("pagerduty")[0]
    assert event["routing_key"] == "pagerduty-secret"
    assert event["event_action"] == "trigger"
    assert event["client_url"] == "http://127.0.0.1:9093/#/alerts?receiver=pager"
    payload = event["payload"]
    assert payload["summary"] == "[FIRING:1] HighErrorRate · shop (critical): Agents of shop fail"
    assert payload["severity"] == "critical"
    assert (payload["class"], payload["component"], payload["group"]) == ("HighErrorRate", "shop", "shop")
    assert payload["source"] == "shop"
    details = payload["custom_details"]
    assert details["num_firing"] in {1, "1"}
    lines = details["firing"].splitlines()
    assert lines[:4] == ["1 in all", "---", ANNOTATIONS["summary"], ANNOTATIONS["description"]]
    assert lines[5:] == [
        "job: shop",
        f"Runbook: {ANNOTATIONS['runbook_url']}",
        f"Dashboard: {ANNOTATIONS['dashboard_url']}",
        f"Traces: {ANNOTATIONS['traces_url']}",
    ]
    assert event["links"] == [
        {"href": ANNOTATIONS["runbook_url"], "text": "Runbook"},
        {"href": ANNOTATIONS["dashboard_url"], "text": "Dashboard"},
        {"href": ANNOTATIONS["traces_url"], "text": "Traces"},
    ]


def test_the_pager_gets_text_that_looks_like_yaml_as_text(alertmanager, outside):
    """Alertmanager reads details as YAML and fills templates inside: what an alert says stays what it says."""
    annotations = {"summary": "tool: {{ .ExternalURL }}", "description": "reason: [1, 2]"}
    alertmanager.fire(alert(severity="critical", annotations=annotations))
    details = outside.wait_for("pagerduty")[0]["payload"]["custom_details"]
    assert details["firing"].startswith("1 in all\n---\ntool: {{ .ExternalURL }}\nreason: [1, 2]\ncritical, since ")
    assert details["resolved"] == "none"


def test_the_pager_closes_the_incident_that_it_opened(alertmanager, outside):
    """The end of an alert resolves the same incident, by the same key."""
    alertmanager.fire(alert(severity="critical"))
    opened = outside.wait_for("pagerduty")[0]
    alertmanager.fire(alert(severity="critical"), ended=True)
    closed = outside.wait_for("pagerduty", 2)[1]
    assert closed["event_action"] == "resolve"
    assert closed["dedup_key"] == opened["dedup_key"]


def test_the_pager_gets_no_empty_links(alertmanager, outside):
    """An alert without addresses makes an event that PagerDuty accepts."""
    alertmanager.fire({"alertname": "Mine", "severity": "critical"})
    event = outside.wait_for("pagerduty")[0]
    assert not event.get("links")
    assert event["payload"]["source"] == "agentotel"


def test_information_goes_to_the_webhook_alone(alertmanager, outside):
    """The webhook gets Alertmanager's JSON with every annotation; a warning that comes later reaches Slack first."""
    alertmanager.fire(alert(severity="info"))
    message = outside.wait_for("webhook")[0]
    assert message["status"] == "firing"
    assert message["groupLabels"] == {"alertname": "HighErrorRate", "job": "shop"}
    assert message["commonAnnotations"] == ANNOTATIONS
    alertmanager.fire(alert("SlowResponse"))
    assert "SlowResponse" in attachment(outside.wait_for("slack")[0])["title"]
    alertmanager.fire(alert(severity="info"), ended=True)
    assert outside.wait_for("webhook", 2)[1]["status"] == "resolved"


def test_the_watchdog_reports_again_and_again_and_never_that_it_is_over(folder, secrets, start, outside):
    """Only a sign of life keeps the other end quiet, so it repeats, and the end of the alert sends nothing."""
    file = folder / "alertmanager.yml"
    file.write_text(file.read_text().replace("repeat_interval: 50s", "repeat_interval: 1s"))
    running = start()
    running.fire({"alertname": "Watchdog", "severity": "none"})
    outside.wait_for("dead-man", 3)
    running.fire({"alertname": "Watchdog", "severity": "none"}, ended=True)
    wait_until(lambda: not running.alerts(), "the Watchdog is over")
    running.fire(alert(severity="info"))
    outside.wait_for("webhook")
    assert {message["status"] for message in outside.told("dead-man")} == {"firing"}
    assert {service for service, _ in outside.received} == {"dead-man", "webhook"}


def test_secrets_appear_neither_in_the_log_nor_in_the_status(alertmanager, outside):
    """After every receiver was used, none of its secrets stands in what Alertmanager says of itself."""
    alertmanager.fire(
        alert(severity="critical"), alert("CostUnknown", "info"), {"alertname": "Watchdog", "severity": "none"}
    )
    for service in ("slack", "pagerduty", "webhook", "dead-man"):
        outside.wait_for(service)
    said = "".join(get_text(f"{alertmanager.url}/{page}") for page in ("api/v2/status", "metrics"))
    said += alertmanager.log()
    assert "secrets/slack_api_url" in said
    assert "-secret" not in said
