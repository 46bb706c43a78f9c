"""The shipped dashboards and rules as data: their panels, queries and variables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from backend_programs import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

DASHBOARDS = {
    path.name: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((OPERATIONS / "grafana" / "dashboards").glob("*.json"))
}
DATASOURCES = yaml.safe_load(
    (OPERATIONS / "grafana" / "provisioning" / "datasources" / "agentotel.yaml").read_text(encoding="utf-8")
)
RULE_FILES = sorted((OPERATIONS / "prometheus" / "rules").glob("*.yml"))
INTERVALS = {"$__rate_interval": "1m", "$__range": "1h", "$__interval": "15s"}
LABEL_VALUES = re.compile(r"label_values\((?P<series>.*), (?P<label>\w+)\)")


@dataclass(frozen=True)
class Query:
    """One query of a panel, a variable or a rule.

    Attributes:
        place: Where it stands: file, and panel or rule.
        source: uid of its data source: ``prometheus`` or ``loki``.
        expression: As it stands there.
        legend: What its lines are called.
        links: Addresses that a click on a line or a cell leads to.
    """

    place: str
    source: str
    expression: str
    legend: str = ""
    links: tuple[str, ...] = ()

    def filled(self, **variables: str) -> str:
        """Return the expression with Grafana's variables replaced; those that are not given by "everything"."""
        text = self.expression
        for name, value in INTERVALS.items():
            text = text.replace(name, value)
        return re.sub(r"\$\{?([a-z]\w*)\}?", lambda it: variables.get(it[1], ".+"), text)

    @property
    def named_labels(self) -> set[str]:
        """Return the labels that the legend and the links name."""
        in_links = re.findall(r"\$\{__(?:field\.labels|data\.fields)\.(\w+)\}", " ".join(self.links))
        return {*re.findall(r"\{\{(\w+)\}\}", self.legend), *in_links}


def panels(dashboard: dict) -> list[dict]:
    """Return the panels of a dashboard that show something: all but the headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_queries() -> Iterator[Query]:
    """Yield the query of every panel."""
    for name, dashboard in DASHBOARDS.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                place = f"{name}: {panel['title']}: {target['refId']}"
                links = tuple(link["url"] for link in panel["fieldConfig"]["defaults"].get("links", ()))
                yield Query(place, target["datasource"]["uid"], target["expr"], target.get("legendFormat", ""), links)


def exemplar_queries() -> Iterator[Query]:
    """Yield the queries whose exemplars are shown."""
    with_exemplars = {
        f"{name}: {panel['title']}: {target['refId']}"
        for name, dashboard in DASHBOARDS.items()
        for panel in panels(dashboard)
        for target in panel["targets"]
        if target.get("exemplar")
    }
    return (query for query in panel_queries() if query.place in with_exemplars)


def span_queries(trace_id: str, resource: dict[str, object]) -> Iterator[Query]:
    """Yield the queries that lead from a span to its log and to metrics, filled in as Grafana does.

    Args:
        trace_id: Of the span.
        resource: The attributes of what made it.
    """
    for source in DATASOURCES["datasources"]:
        logs, metrics = (source["jsonData"].get(it, {}) for it in ("tracesToLogsV2", "tracesToMetrics"))
        if logs:
            yield Query("log", logs["datasourceUid"], logs["query"].replace("$${__trace.traceId}", trace_id))
        tags = ", ".join(f'{tag["value"]}="{resource[tag["key"]]}"' for tag in metrics.get("tags", ()))
        for query in metrics.get("queries", ()):
            yield Query(query["name"], metrics["datasourceUid"], query["query"].replace("$$__tags", tags))


def annotation_queries() -> Iterator[Query]:
    """Yield the query of every mark in the panels."""
    for name, dashboard in DASHBOARDS.items():
        for annotation in dashboard["annotations"]["list"]:
            yield Query(f"{name}: {annotation['name']}", annotation["datasource"]["uid"], annotation["expr"])


def variable_queries() -> Iterator[tuple[Query, str]]:
    """Yield the series of every variable that is asked for, and the label whose values it has."""
    for name, dashboard in DASHBOARDS.items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                found = LABEL_VALUES.fullmatch(variable["definition"])
                yield Query(f"{name}: ${variable['name']}", "prometheus", found["series"]), found["label"]


def rules() -> Iterator[tuple[str, dict]]:
    """Yield every rule with the name of its file."""
    for path in RULE_FILES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield path.name, rule


def recorded_names() -> set[str]:
    """Return the names that recording rules make."""
    return {rule["record"] for _, rule in rules() if "record" in rule}
