"""The dashboards as files: what Grafana would not show, and what a reader would miss."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import combinations
from urllib.parse import unquote

import promql_parser
import pytest
import yaml

from agentotel.config.variables import VARIABLES
from agentotel.model.instruments import INSTRUMENTS
from agentotel.ops.dashboards import problems
from backend_programs import OPERATIONS
from backend_programs.binaries import CHECKOUT
from collector.grafana.dashboard_files import (
    DASHBOARDS,
    DATASOURCES,
    annotation_queries,
    panel_queries,
    panels,
    recorded_names,
    variable_queries,
)

PROVISIONING = OPERATIONS / "grafana" / "provisioning"
UIDS = {source["uid"] for source in DATASOURCES["datasources"]}
OTHERS = re.compile(r"up|ALERTS|target_info|otelcol_\w+|otel_sdk_\w+|prometheus_\w+|traces_span_metrics_\w+")
"""Series that are not agentotel's own: Prometheus', the Collector's, the SDK's."""

GUIDE = ("Agents created", "Active agents", "Response time", "Tokens per hour", "Tool calls", "Errors")
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]
every_panel = pytest.mark.parametrize("panel", PANELS)
every_query = pytest.mark.parametrize(
    "query",
    [
        pytest.param(query, id=query.place)
        for query in (*panel_queries(), *annotation_queries(), *(query for query, _ in variable_queries()))
        if query.source == "prometheus"
    ],
)
every_dashboard = pytest.mark.parametrize("name", DASHBOARDS)


def catalogue():
    """Return every name that a query may ask for."""
    names = recorded_names()
    for instrument in INSTRUMENTS:
        if instrument.kind in {"histogram", "exponential_histogram"}:
            names |= {f"{instrument.prometheus}_{part}" for part in ("bucket", "sum", "count")}
        else:
            names.add(instrument.prometheus)
    return names


def selectors(expression):
    """Return the series that an expression selects, as ``(name, pattern of the name)``."""
    return re.findall(r'(?<![\w:"])([a-zA-Z_][\w:]*)\{|__name__=~"([^"]+)"', expression)


def test_there_are_all_six():
    """One page for each question."""
    assert {dashboard["uid"] for dashboard in DASHBOARDS.values()} == {
        f"agentotel-{name}" for name in ("overview", "agents", "models", "tools", "users", "pipeline")
    }


def test_the_overview_has_the_panels_of_the_guide():
    """They come first, below the numbers."""
    titles = [panel["title"] for panel in panels(DASHBOARDS["overview.json"])]
    places = [titles.index(title) for title in GUIDE]
    assert places == sorted(places)


def test_they_are_what_their_source_says():
    """Nobody has edited a generated file."""
    script = CHECKOUT / "scripts" / "dashboards"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@every_dashboard
def test_grafana_would_show_it(name):
    """No envelope, a uid, a title, unique ids, no removed panel types, data sources that are provisioned."""
    assert list(problems(DASHBOARDS[name], frozenset(UIDS))) == []


@every_dashboard
def test_no_panel_covers_another(name):
    """Each has its place in the grid of 24 columns."""
    places = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


@every_dashboard
def test_links_lead_to_dashboards(name):
    """Each page leads to all others, and keeps the variables and the time."""
    links = DASHBOARDS[name]["links"]
    others = {other["uid"] for other in DASHBOARDS.values()} - {DASHBOARDS[name]["uid"]}
    assert {link["url"].removeprefix("/d/") for link in links} == others
    assert all(link["includeVars"] and link["keepTime"] for link in links)


@every_dashboard
def test_every_variable_is_used_and_every_used_one_is_there(name):
    """A variable that nothing asks for would do nothing, and one that is not there would match nothing."""
    dashboard = DASHBOARDS[name]
    there = {variable["name"] for variable in dashboard["templating"]["list"]}
    texts = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    used = {it for text in texts for it in re.findall(r"\$([a-z_]\w*)", text) if not it.startswith("__")}
    assert used == there


@every_dashboard
def test_logs_are_asked_for_by_the_name_without_the_namespace(name):
    """`job` may be namespace/name, Loki knows the name: a hidden variable follows the choice, and is never empty."""
    queries = [target["expr"] for panel in panels(DASHBOARDS[name]) for target in panel["targets"]]
    of_logs = [query for query in queries if "service_name" in query]
    assert all(query.count('{service_name=~"$service"}') == query.count("service_name") for query in of_logs)
    for variable in DASHBOARDS[name]["templating"]["list"] if of_logs else ():
        if variable["name"] == "service":
            pattern = variable["regex"].removeprefix("/").removesuffix("/")
            assert [re.search(pattern, job)[1] for job in ("shop", "acme/shop")] == ["shop", "shop"]
            assert 'job=~"$job"' in variable["definition"]
            assert "allValue" not in variable


@every_panel
def test_a_panel_explains_itself(panel):
    """A title, a sentence for the tooltip, and a unit (but for log lines)."""
    assert panel["title"]
    assert panel["description"].endswith((".", "?"))
    assert panel["type"] == "logs" or panel["fieldConfig"]["defaults"]["unit"]


@every_panel
def test_a_percentile_leads_to_traces(panel):
    """A panel of percentiles over time shows exemplars, and a click on a line leads to the traces of its service."""
    targets = [target for target in panel["targets"] if "histogram_quantile" in target["expr"]]
    if targets:
        assert any(target["exemplar"] for target in targets)
        links = [link["url"] for link in panel["fieldConfig"]["defaults"]["links"]]
        assert any(":16686/search?service=${__field.labels.service}" in link for link in links)


@every_panel
def test_a_link_to_the_log_is_an_address(panel):
    """What Grafana fills in stays as it is, all else is escaped, and it is a query of Loki."""
    for link in panel["fieldConfig"]["defaults"].get("links", ()):
        if link["url"].startswith("/explore"):
            panes = json.loads(unquote(link["url"].partition("panes=")[2]))
            assert panes["log"]["datasource"] == "loki"
            assert panes["log"]["queries"][0]["expr"].startswith('{service_name="${__field.labels.service}"}')
            assert not re.search(r'[{}"\s]', re.sub(r"\$\{[^}]+\}", "", link["url"]))


@every_query
def test_a_query_is_promql(query):
    """It parses, with Grafana's variables filled in."""
    promql_parser.parse(query.filled())


@every_query
def test_a_query_names_only_series_that_exist(query):
    """Those of the catalogue, of the recording rules, of the SDK, the Collector and Prometheus."""
    known = catalogue()
    bare = re.findall(
        r"\b((?:agent|agentotel|gen_ai|mcp|otel_sdk|otelcol|job\w*|register)[_:][\w:]+)\b(?=[\[{)\s]|$)", query.filled()
    )
    named = [name for name, _ in selectors(query.filled()) if name] + [it for it in bare if ":" in it or it in known]
    assert named or "__name__" in query.expression or OTHERS.search(query.expression), query.expression
    unknown = [name for name in named if name not in known and not OTHERS.fullmatch(name)]
    assert not unknown, query.place


@every_query
def test_a_quantile_is_over_sums_by_le(query):
    """Buckets of several processes are added up first: the quantile of one of them says nothing."""
    assert query.expression.count("histogram_quantile(") == len(
        re.findall(r"histogram_quantile\([\d.]+, sum by \([^)]*\ble\b[^)]*\)", query.expression)
    )


@every_query
def test_a_rate_fits_the_zoom(query):
    """Windows are Grafana's, or the hour that the title names: five minutes are too short for a scrape every ten."""
    windows = set(re.findall(r"\[([^\]]+)\]", query.expression))
    assert windows <= {"$__rate_interval", "$__range", "1h"}


def test_exemplars_and_logs_lead_to_jaeger():
    """From a diamond and from a log line to the trace, from a span to its log."""
    sources = {source["uid"]: source["jsonData"] for source in DATASOURCES["datasources"]}
    assert sources["prometheus"]["exemplarTraceIdDestinations"][0] == {
        "name": "trace_id",
        "datasourceUid": "jaeger",
        "urlDisplayLabel": "Open the trace",
    }
    assert sources["loki"]["derivedFields"][0]["datasourceUid"] == "jaeger"
    assert sources["jaeger"]["tracesToLogsV2"]["datasourceUid"] == "loki"
    assert sources["jaeger"]["tracesToMetrics"]["datasourceUid"] == "prometheus"


def test_rates_see_at_least_two_points():
    """Grafana's window for rates is four times this interval, which must not be shorter than that of the exports."""
    (interval,) = (it["jsonData"]["timeInterval"] for it in DATASOURCES["datasources"] if it["uid"] == "prometheus")
    (variable,) = (it for it in VARIABLES if it.name == "OTEL_METRIC_EXPORT_INTERVAL")
    assert int(interval.removesuffix("s")) * 1000 >= int(variable.default)


def test_grafana_finds_the_dashboards():
    """The folder of the provider is where compose mounts them."""
    provider = yaml.safe_load((PROVISIONING / "dashboards" / "agentotel.yaml").read_text(encoding="utf-8"))
    folder = provider["providers"][0]["options"]["path"]
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert f"./collector/grafana/dashboards:{folder}:ro" in compose["services"]["grafana"]["volumes"]


def test_data_sources_are_the_services_of_compose():
    """Each address names a service and the port on which its program listens."""
    compose = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    for source in DATASOURCES["datasources"]:
        service, port = source["url"].removeprefix("http://").split(":")
        assert any(str(published).endswith(f":{port}") for published in compose["services"][service]["ports"])
