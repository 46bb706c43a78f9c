"""Panels of Grafana as plain data: what each kind of panel needs, written once."""

from __future__ import annotations

from typing import Any, Final

from grafana_dashboards.promql import with_service

PROMETHEUS: Final = {"type": "prometheus", "uid": "prometheus"}
LOKI: Final = {"type": "loki", "uid": "loki"}
JAEGER: Final = {"type": "jaeger", "uid": "jaeger"}

Panel = dict[str, Any]

GREEN_ABOVE: Final = "green above"
RED_ABOVE: Final = "red above"


def query(expression: str, legend: str = "", *, instant: bool = False, exemplars: bool = False) -> dict[str, Any]:
    """Return a query of Prometheus.

    Args:
        expression: PromQL, with Grafana's variables.
        legend: What a line is called, with labels in double braces.
        instant: Ask for now only, for numbers, shares and tables.
        exemplars: Show traces behind the lines; for histograms.
    """
    return {
        "datasource": PROMETHEUS,
        "expr": " ".join(expression.split()),
        "legendFormat": legend or "__auto",
        "instant": instant,
        "range": not instant,
        "exemplar": exemplars,
        "format": "time_series",
    }


def log_query(expression: str) -> dict[str, Any]:
    """Return a query of Loki."""
    return {"datasource": LOKI, "expr": " ".join(expression.split()), "queryType": "range", "maxLines": 500}


def lines(title: str, about: str, unit: str, *queries: dict[str, Any], stacked: bool = False, **more: Any) -> Panel:
    """Return a panel of lines over time.

    Args:
        title: What it shows, in words of the reader.
        about: One sentence for the tooltip of the title.
        unit: A unit of Grafana, such as ``s`` or ``percentunit``.
        queries: From `query`.
        stacked: Whether the lines add up to something.
        more: ``thresholds`` as ``(kind, yellow, red)``; ``links`` for clicks on a line, whose queries keep ``job``.
    """
    if "links" in more:
        queries = tuple({**one, "expr": with_service(one["expr"])} for one in queries)
    drawn = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 25 if stacked else 8,
        "showPoints": "auto",
        "spanNulls": True,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        **({"thresholdsStyle": {"mode": "dashed"}} if "thresholds" in more else {}),
    }
    options = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel("timeseries", title, about, queries, _defaults(unit, drawn, **more), options)


def number(title: str, about: str, unit: str, *queries: dict[str, Any], **more: Any) -> Panel:
    """Return a panel with the present value as a big number and its course behind it."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
        "justifyMode": "auto",
    }
    return _panel("stat", title, about, queries, _defaults(unit, **more), options)


def shares(title: str, about: str, unit: str, *queries: dict[str, Any]) -> Panel:
    """Return a pie: how a whole is distributed in the time that is looked at."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "pieType": "donut",
        "displayLabels": ["percent"],
        "legend": {"displayMode": "table", "placement": "right", "values": ["value", "percent"]},
        "tooltip": {"mode": "single"},
    }
    return _panel("piechart", title, about, queries, _defaults(unit), options)


def bars(title: str, about: str, unit: str, *queries: dict[str, Any], **more: Any) -> Panel:
    """Return bars: the present value of each of several, the longest first."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
    }
    return _panel("bargauge", title, about, queries, _defaults(unit, **more), options)


def table(
    title: str, about: str, unit: str, *queries: dict[str, Any], hidden: tuple[str, ...] = (), **more: Any
) -> Panel:
    """Return a table of labels and values; ``Time`` and the columns in `hidden` are left out."""
    cells = [{**one, "format": "table"} for one in queries]
    panel = _panel(
        "table", title, about, tuple(cells), _defaults(unit, **more), {"showHeader": True, "cellHeight": "sm"}
    )
    excluded = dict.fromkeys(("Time", "__name__", *hidden), True)
    panel["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": excluded}},
    ]
    return panel


def log_lines(title: str, about: str, *queries: dict[str, Any]) -> Panel:
    """Return the lines of a log, newest first, each with a link to its trace (see the data source)."""
    options = {
        "showTime": True,
        "wrapLogMessage": True,
        "enableLogDetails": True,
        "sortOrder": "Descending",
        "dedupStrategy": "none",
    }
    return {**_panel("logs", title, about, queries, {"defaults": {}, "overrides": []}, options), "datasource": LOKI}


def _panel(
    kind: str, title: str, about: str, queries: tuple[dict[str, Any], ...], fields: dict[str, Any], options: Panel
) -> Panel:
    targets = [{"refId": chr(ord("A") + at), **one} for at, one in enumerate(queries)]
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": PROMETHEUS,
        "targets": targets,
        "fieldConfig": fields,
        "options": options,
    }


def _defaults(
    unit: str,
    custom: dict[str, Any] | None = None,
    thresholds: tuple[str, float, float] | None = None,
    links: tuple[dict[str, Any], ...] = (),
    decimals: int | None = None,
) -> dict[str, Any]:
    return {
        "defaults": {
            "unit": unit,
            "min": 0,
            "color": {"mode": "thresholds" if thresholds and not custom else "palette-classic"},
            **({"custom": custom} if custom else {}),
            **({"thresholds": _thresholds(*thresholds)} if thresholds else {}),
            **({"links": list(links)} if links else {}),
            **({} if decimals is None else {"decimals": decimals}),
        },
        "overrides": [],
    }


def _thresholds(kind: str, first: float, second: float) -> dict[str, Any]:
    colours = ("green", "yellow", "red") if kind == RED_ABOVE else ("red", "yellow", "green")
    steps = zip(colours, (None, first, second), strict=True)
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for colour, value in steps]}
