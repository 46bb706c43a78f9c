"""Dashboards as Grafana reads them from a file: head, variables, links between them, and the places of the panels."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from grafana_dashboards.panels import PROMETHEUS, Panel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCHEMA_VERSION: Final = 41
WIDTH: Final = 24
"""Columns of Grafana's grid."""

ROW_HEIGHT: Final = 1

TITLES: Final = {
    "agentotel-overview": "Overview",
    "agentotel-agents": "Agents",
    "agentotel-models": "Models and cost",
    "agentotel-tools": "Tools and MCP",
    "agentotel-users": "Users and tenants",
    "agentotel-pipeline": "Pipeline health",
}


def _quoted(document: dict[str, Any]) -> str:
    """Return a document as a part of an address; what Grafana fills in (``${...}``) stays as it is."""
    parts = re.split(r"(\$\{[^}]+\})", json.dumps(document, separators=(",", ":")))
    return "".join(part if part.startswith("${") else quote(part, safe="") for part in parts)


_JAEGER: Final = "http://127.0.0.1:16686/search?service=${__field.labels.service}&start=${__from}000&end=${__to}000"
_LOG: Final = {
    "log": {
        "datasource": "loki",
        "queries": [{"refId": "A", "expr": '{service_name="${__field.labels.service}"} | severity_number >= 13'}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
}

TRACES: Final = (
    {"title": "Traces in Jaeger", "url": _JAEGER, "targetBlank": True},
    {"title": "Failed traces in Jaeger", "url": f"{_JAEGER}&tags=%7B%22error%22%3A%22true%22%7D", "targetBlank": True},
    {
        "title": "Warnings and errors in the log",
        "url": f"/explore?schemaVersion=1&panes={_quoted(_LOG)}",
        "targetBlank": True,
    },
)
"""Links of a line, to the traces and the log of its service, of the same time; see `promql.with_service`."""

RUNBOOKS: Final = (
    {
        "title": "Runbook",
        "url": "http://127.0.0.1:9090/user/runbooks/${__data.fields.alertname}.html",
        "targetBlank": True,
    },
)
"""Link of a table of alerts: Prometheus serves the pages itself."""

Row = tuple[str, int, "Sequence[Panel]"]
"""A heading, the height of its panels, and the panels, which share the width evenly."""


def label_variable(name: str, title: str, series: str, everything: str = ".*") -> Panel:
    """Return a variable with the values of a label, several of which can be chosen.

    Args:
        name: The name of the variable and of the label.
        title: What the reader sees.
        series: The series that have the label, with the selection by the variables before it.
        everything: What stands for all values; ``.*`` also matches series without the label.
    """
    values = f"label_values({series}, {name})"
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": PROMETHEUS,
        "query": {"qryType": 1, "query": values, "refId": "variable"},
        "definition": values,
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": everything,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def text_variable(name: str, title: str, default: str) -> Panel:
    """Return a variable that the reader types."""
    return {
        "type": "textbox",
        "name": name,
        "label": title,
        "query": default,
        "current": {"text": default, "value": default},
    }


_SERVICES: Final = '__name__=~"agent_memory_usage_bytes|gen_ai_client_operation_duration_seconds_count"'

JOB: Final = label_variable("job", "Service", f"{{{_SERVICES}}}", everything=".+")


def _name_of_service() -> Panel:
    """Return a hidden variable that follows `JOB`: its part behind the namespace."""
    follows = label_variable("job", "Name of the service", f'{{{_SERVICES}, job=~"$job"}}')
    del follows["allValue"]  # all that it has: Loki refuses a selection that could be empty
    return {**follows, "name": "service", "regex": r"/([^\/]+)$/", "hide": 2, "skipUrlSync": True}


SERVICE: Final = _name_of_service()
"""What Loki calls the services that are chosen: it knows no namespace in front of a name."""


def page(uid: str, about: str, rows: Sequence[Row], variables: Sequence[Panel]) -> dict[str, Any]:
    """Return a whole dashboard.

    Args:
        uid: One of `TITLES`.
        about: What question it answers.
        rows: Its content from top to bottom.
        variables: Those that the reader can choose from.
    """
    return {
        "uid": uid,
        "title": f"agentotel / {TITLES[uid]}",
        "description": about,
        "tags": ["agentotel"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "timezone": "browser",
        "links": [_link_to(other) for other in TITLES if other != uid],
        "annotations": {"list": [_alerts()]},
        "templating": {"list": list(variables)},
        "panels": list(_placed(rows)),
    }


def _link_to(uid: str) -> dict[str, Any]:
    return {
        "type": "link",
        "title": TITLES[uid],
        "url": f"/d/{uid}",
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "dashboard",
    }


def _alerts() -> dict[str, Any]:
    """Return marks in the lines for the time in which an alert fires."""
    return {
        "name": "Alerts",
        "datasource": PROMETHEUS,
        "enable": True,
        "iconColor": "red",
        "expr": 'max by (alertname, job, severity) (ALERTS{alertstate="firing", severity=~"critical|warning"})',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{job}} ({{severity}})",
        "tagKeys": "severity",
        "step": "30s",
    }


def _placed(rows: Sequence[Row]) -> Iterator[Panel]:
    """Yield all panels with ids and places: each row below the one before, its panels side by side."""
    number, top = 0, 0
    for title, height, panels in rows:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": ROW_HEIGHT},
        }
        top += ROW_HEIGHT
        width = WIDTH // len(panels)
        for at, panel in enumerate(panels):
            number += 1
            yield {"id": number, **panel, "gridPos": {"x": at * width, "y": top, "w": width, "h": height}}
        top += height
