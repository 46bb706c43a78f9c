"""What every alert says and where it leads; see test_rule_tests.py for what it does."""

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"
SEVERITIES = {"critical", "warning", "info"}
SECTIONS = ["What it means", "Why it matters", "Look at first", "Mend"]


def test_every_alert_has_a_severity_that_alertmanager_routes(alerts) -> None:
    """Only the Watchdog has the severity `none`."""
    severities = {
        rule["alert"]: {it["labels"]["severity"] for it in alerts if it["alert"] == rule["alert"]} for rule in alerts
    }
    assert severities.pop("Watchdog") == {"none"}
    assert all(found <= SEVERITIES for found in severities.values())


def test_the_six_alerts_of_the_guide_keep_their_names(alerts) -> None:
    """Who knows the guide finds its alerts."""
    guide = yaml.safe_load((ROOT / "collector/prometheus/tests/guide/rules.yml").read_text())
    assert {rule["alert"] for rule in guide["groups"][0]["rules"]} <= {rule["alert"] for rule in alerts}


def test_every_alert_says_what_is_wrong_and_shows_its_value_with_a_unit(alerts) -> None:
    """Summary and description are there; a value never stands without a format that fits it."""
    for rule in alerts:
        for key in ("summary", "description"):
            text = rule["annotations"][key]
            assert text
            assert "{{ $value }}" not in text, f"{rule['alert']}: a bare number of fifteen digits in {key}"


def test_every_limit_in_an_alert_is_a_threshold_that_exists(alerts, rules) -> None:
    """An alert whose limit is misspelt would never fire, and say nothing about it."""
    defined = {rule.get("record") for rule in rules}
    for rule in alerts:
        used = re.findall(r"agentotel:threshold:\w+", rule["expr"] + str(rule["annotations"]))
        assert set(used) <= defined, rule["alert"]


def test_every_threshold_is_used(alerts, rules) -> None:
    """A limit that nobody reads would be changed in vain."""
    used = {name for rule in alerts for name in re.findall(r"agentotel:threshold:\w+", rule["expr"])}
    assert {it["record"] for it in rules if it.get("record", "").startswith("agentotel:threshold:")} == used


def test_every_alert_has_a_runbook_and_every_runbook_an_alert(alerts) -> None:
    """No link leads nowhere, and no page is an orphan."""
    names = {rule["alert"] for rule in alerts}
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == names
    for rule in alerts:
        assert rule["annotations"]["runbook_url"] == f"{{{{ $externalURL }}}}/user/runbooks/{rule['alert']}.html"


def test_every_runbook_has_the_same_sections(alerts) -> None:
    """At night nobody wants to search."""
    for rule in alerts:
        text = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {rule['alert']}\n")
        headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert headings[: len(SECTIONS)] == SECTIONS, rule["alert"]
        assert "Silence" in headings or rule["alert"] == "Watchdog"


def test_every_dashboard_that_an_alert_links_to_exists(alerts) -> None:
    """The link is the address of Grafana, the uid of a shipped dashboard, and the service."""
    uids = {json.loads(path.read_text())["uid"] for path in (ROOT / "collector/grafana/dashboards").glob("*.json")}
    for rule in alerts:
        url = rule["annotations"]["dashboard_url"]
        found = re.fullmatch(r"http://127\.0\.0\.1:3000/d/([\w-]+)(\?var-job={{ \$labels\.job \| urlquery }})?", url)
        assert found, url
        assert found[1] in uids, rule["alert"]


def test_links_to_traces_search_for_the_service(alerts) -> None:
    """`job` may be namespace/name: Jaeger knows the name only."""
    urls = [rule["annotations"]["traces_url"] for rule in alerts if "traces_url" in rule["annotations"]]
    assert len(urls) > 10
    service = '{{ $labels.job | reReplaceAll "^.*/" "" | urlquery }}'
    assert all(url.startswith(f"http://127.0.0.1:16686/search?service={service}") for url in urls)


def test_every_alert_about_a_service_keeps_the_label_that_groups_it(alerts) -> None:
    """Alertmanager groups by job, and links need it: no aggregation may drop it."""
    for rule in alerts:
        if rule["alert"] == "Watchdog":
            continue
        for labels in re.findall(r"\bby \(([^)]*)\)", rule["expr"]):
            assert "job" in re.split(r",\s*", labels), rule["alert"]


def test_the_table_of_all_alerts_is_complete(alerts, rules) -> None:
    """docs/alerts.md names each alert with its severities and its `for`, and each limit with its value."""
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| ([^|]+) \| ([^|]+) \|", page, flags=re.MULTILINE)
    wanted: dict[str, list[tuple[str, str]]] = {}
    for rule in alerts:
        wanted.setdefault(rule["alert"], []).append((rule["labels"]["severity"], rule.get("for", "at once")))
    assert listed == [
        (name, name, ", ".join(it[0] for it in found), ", ".join(it[1] for it in found))
        for name, found in sorted(wanted.items(), key=lambda item: [row[0] for row in listed].index(item[0]))
    ]
    for rule in rules:
        prefix, _, limit = rule.get("record", "").rpartition(":")
        if prefix == "agentotel:threshold":
            assert f"| `{limit}` | {rule['expr'][len('vector(') : -1]} | {rule['labels']['unit']} |" in page
