"""Every query of every panel, mark, variable, link and rule is asked of the real backends, under real traffic.

Prometheus 3 gets the metrics by OTLP, Prometheus 2.42 scrapes them: both have to answer. What has no data under that
traffic stands in `FIRES_ONLY_ON`, with the only thing on which it fires and the test that provokes it.
"""

from __future__ import annotations

import re
import time

import promql_parser
import pytest

from backend_programs import wait_until
from backend_programs.binaries import CHECKOUT
from backend_programs.jaeger import attributes
from collector.grafana.dashboard_files import (
    annotation_queries,
    exemplar_queries,
    panel_queries,
    rules,
    span_queries,
    variable_queries,
)
from collector.grafana.traffic import COMPANY, COMPANY_SERVICE, scraping_prometheus, traffic, wait_for_rules

pytestmark = [pytest.mark.backends, pytest.mark.timeout(300)]

LOSSES = "tests/collector/grafana/test_losses.py"
REFUSED = ("a backend that refuses data for good", f"{LOSSES}::test_what_a_backend_refuses_is_counted")
FULL = ("a full queue", f"{LOSSES}::test_what_finds_no_room_in_a_queue_is_counted")
RULE_TESTS = "collector/prometheus/tests"

FIRES_ONLY_ON: dict[str, tuple[str, str]] = {
    '{__name__=~"otelcol_exporter_send_failed_spans(_total)?"}': REFUSED,
    '{__name__=~"otelcol_exporter_send_failed_metric_points(_total)?"}': REFUSED,
    '{__name__=~"otelcol_exporter_enqueue_failed_spans(_total)?"}': FULL,
    '{__name__=~"otelcol_exporter_enqueue_failed_metric_points(_total)?"}': FULL,
    '{__name__=~"otelcol_exporter_enqueue_failed_log_records(_total)?"}': FULL,
    "job_exporter_signal:otelcol_exporter_enqueue_failed:increase10m": (
        "a full queue",
        f"{RULE_TESTS}/backends.yml::CollectorLosesData",
    ),
    'otel_sdk_exporter_metric_data_point_exported_total{error_type!=""}': (
        "points that cannot be sent",
        f"{LOSSES}::test_points_that_are_not_delivered_are_counted",
    ),
    "job:agent_processes:min1h": ("a service that has run for an hour", f"{RULE_TESTS}/telemetry.yml::ServiceSilent"),
    "agentotel:batch_program:info": (
        "a user who names programs that may end",
        f"{RULE_TESTS}/telemetry.yml::ServiceSilent",
    ),
    'up{job="jaeger"}': (
        "a Jaeger that is scraped; that of compose has no metrics",
        f"{RULE_TESTS}/backends.yml::JaegerDown",
    ),
}
"""What is asked for: in words when it has data, and the test that provokes it there (of a rule: by its alert)."""

ONLY_WHERE_SCRAPED = {'up{job!~"collector|prometheus|alertmanager|loki|jaeger|grafana"}'}
"""What the other way cannot know: whether a program that is silent is still there."""

RECORDED = sorted({rule["record"] for _, rule in rules() if "record" in rule})
OPTIONAL_LABELS = {"error_type"}
"""Labels that a series has only where something failed."""


@pytest.fixture(scope="module", params=["otlp", "scraped"])
def way(request):
    """How the metrics come: Prometheus 3 is sent them, Prometheus 2.42 scrapes them."""
    return request.param


@pytest.fixture(scope="module")
def prometheus(way, busy):
    """The one that gets them this way."""
    return busy[way]


@pytest.fixture(scope="module")
def busy(stack, tmp_path_factory):
    """Both of them, when the slowest rules have seen all that the programs do, and the other backends."""
    folder = tmp_path_factory.mktemp("traffic")
    with scraping_prometheus(stack, tmp_path_factory.mktemp("scraping")) as scraping, traffic(stack, folder):
        for one in (stack.prometheus, scraping):
            wait_for_rules(one)
        yield {"otlp": stack.prometheus, "scraped": scraping, "stack": stack}


def by_place(queries):
    """Return queries as parameters of a test, named after the place where they stand."""
    return pytest.mark.parametrize("query", [pytest.param(query, id=query.place) for query in queries])


def selectors(expression):
    """Return the selectors of series in an expression."""
    pending, found = [promql_parser.parse(expression)], set()
    while pending:
        node = pending.pop()
        if isinstance(node, promql_parser.VectorSelector):
            matchers = ", ".join(str(it) for it in node.matchers.matchers)
            found.add(f"{node.name or ''}{{{matchers}}}" if matchers else node.name)
        children = [getattr(node, part, None) for part in ("lhs", "rhs", "expr", "vector_selector")]
        pending += [child for child in children if child is not None]
        pending += getattr(node, "args", None) or []
    return found


SELECTORS = sorted({one for _, rule in rules() for one in selectors(rule["expr"])})
SAYS_WHAT_IS_THERE = [query for query in panel_queries() if query.source == "prometheus"]
LOG_QUERIES = [query for query in panel_queries() if query.source == "loki"]


def has_value(sample):
    """Whether a sample is a number: a quantile of nothing is NaN."""
    return "histogram" in sample or sample["value"][1] != "NaN"


def assert_has_data(prometheus, selector, *, is_absent):
    """Wait for series, which come with the next reading at the latest; what is listed has none now."""
    query = f"last_over_time({selector}[15m])"
    if is_absent:
        assert not prometheus.query(query)
    else:
        wait_until(lambda: prometheus.query(query), selector, timeout_s=20)


@by_place([*SAYS_WHAT_IS_THERE, *annotation_queries()])
def test_a_query_has_an_answer(prometheus, query):
    """Each returns numbers, with the labels that its legend and its links name, or is listed."""
    if query.place in FIRES_ONLY_ON:
        assert not prometheus.query(query.filled())
        return
    found = wait_until(
        lambda: [it for it in prometheus.query(query.filled()) if has_value(it)], query.filled(), timeout_s=20
    )
    labels = {label for one in found for label in one["metric"]}
    assert query.named_labels - OPTIONAL_LABELS <= labels


@by_place([query for query in SAYS_WHAT_IS_THERE if "$job" in query.expression])
def test_a_query_can_be_narrowed_to_one_service(prometheus, query):
    """With one service chosen there is no answer about another one: nothing forgets the variable."""
    found = [one["metric"] for one in prometheus.query(query.filled(job=COMPANY))]
    assert {labels.get("job", COMPANY) for labels in found} <= {COMPANY}
    if "service" in query.named_labels:
        assert {labels["service"] for labels in found} <= {COMPANY_SERVICE}, "the links would find nothing"


@by_place(LOG_QUERIES)
def test_a_log_query_has_an_answer(busy, query):
    """Each returns records of the service that is chosen."""
    loki, text = busy["stack"].loki, query.filled(service=COMPANY_SERVICE)
    ask = loki.metric_query if "count_over_time" in text else loki.query
    found = wait_until(lambda: ask(text), text, timeout_s=20)
    if ask == loki.query:
        assert {one["labels"]["service_name"] for one in found} == {COMPANY_SERVICE}
        assert all(one["labels"]["trace_id"] for one in found), "the link of the data source has nothing to open"


def test_the_log_of_one_user_is_that_of_this_user(busy):
    """What stands in the text field decides whose records are shown."""
    (query,) = [it for it in LOG_QUERIES if it.place.startswith("users.json: Log of the user")]
    loki = busy["stack"].loki
    of_company = query.filled(service=COMPANY_SERVICE)
    some = wait_until(lambda: loki.query(of_company), "there are users", timeout_s=20)[0]["labels"]
    found = loki.query(query.filled(service=COMPANY_SERVICE, user_id=some["user_id"]))
    assert {one["labels"]["user_id"] for one in found} == {some["user_id"]}


@by_place(exemplar_queries())
def test_a_diamond_opens_a_trace(prometheus, query):
    """Each panel that shows exemplars has some, under the label that the data source makes a link of."""
    found = wait_until(
        lambda: prometheus.exemplars(query.filled(), time.time() - 600, time.time() + 10), query.place, timeout_s=20
    )
    assert all(re.fullmatch("[0-9a-f]{32}", one["labels"]["trace_id"]) for one in found)


def test_from_a_diamond_to_the_trace_to_its_log_and_its_metrics(busy):
    """The id of an exemplar is that of a trace in Jaeger; what its spans link to in Loki and Prometheus is there."""
    series = f'agent_chat_latency_seconds_bucket{{job="{COMPANY}"}}'
    exemplars = busy["otlp"].exemplars(series, time.time() - 600, time.time() + 10)
    trace_id = exemplars[0]["labels"]["trace_id"]
    spans = wait_until(lambda: busy["stack"].jaeger.trace(trace_id), "the trace is in Jaeger", timeout_s=20)
    (root,) = [span for span in spans if span["name"].startswith("invoke_agent") and not span.get("parentSpanId")]
    assert COMPANY_SERVICE in busy["stack"].jaeger.services()
    links = list(span_queries(trace_id, attributes(root["resource"])))
    assert {link.source for link in links} == {"loki", "prometheus"}
    for link in links:
        ask = busy["stack"].loki.query if link.source == "loki" else busy["otlp"].query
        assert wait_until(lambda ask=ask, text=link.expression: ask(text), link.expression, timeout_s=20)


@pytest.mark.parametrize(("query", "label"), [pytest.param(*it, id=it[0].place) for it in variable_queries()])
def test_a_variable_has_values(prometheus, query, label):
    """The reader has something to choose from."""
    assert any(label in one["metric"] for one in prometheus.query(query.filled()))


@pytest.mark.parametrize("selector", SELECTORS)
def test_a_rule_names_only_series_that_are_there(prometheus, way, selector):
    """Each selector of each rule, of alerts too, finds series, or is listed."""
    is_absent = selector in FIRES_ONLY_ON or (way == "otlp" and selector in ONLY_WHERE_SCRAPED)
    assert_has_data(prometheus, selector, is_absent=is_absent)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_rule_records(prometheus, name):
    """Each has data, or is listed."""
    assert_has_data(prometheus, name, is_absent=name in FIRES_ONLY_ON)


def test_every_rule_is_evaluated(prometheus):
    """None has an error."""
    wrong = {rule["name"]: rule.get("lastError") for rule in prometheus.rules() if rule["health"] == "err"}
    assert not wrong


def test_alerts_fire_on_what_the_programs_do(prometheus):
    """Those that need no time to pass fire: the table of the overview and the marks have something to show."""
    at_once = {"AgentLoopDetected", "BudgetExceeded", "CostUnknown", "TelemetryLost", "AgentotelErrors", "Watchdog"}
    at_once |= {"CardinalityFolded", "CollectorLosesData"}
    wait_until(
        lambda: at_once <= {it["labels"]["alertname"] for it in prometheus.alerts() if it["state"] == "firing"},
        f"{sorted(at_once)} fire", timeout_s=30,
    )  # fmt: skip


def test_what_is_listed_is_asked_for():
    """No entry outlives its query, nor the test that provokes it."""
    places = {query.place for query in (*panel_queries(), *annotation_queries())}
    assert ONLY_WHERE_SCRAPED | set(FIRES_ONLY_ON) <= places | set(SELECTORS) | set(RECORDED)
    for _, provoking in FIRES_ONLY_ON.values():
        file, _, name = provoking.partition("::")
        text = (CHECKOUT / file).read_text(encoding="utf-8")
        assert f"def {name}(" in text or f"alertname: {name}\n" in text, provoking
