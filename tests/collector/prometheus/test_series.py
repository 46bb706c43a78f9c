"""No rule names a series that nothing writes."""

import re
from pathlib import Path

import pytest

from agentotel.model.instruments import INSTRUMENTS
from agentotel.telemetry.outcome import CANCELLING

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
DURATION = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
NAME = re.compile(r"\b[a-zA-Z_][\w:]*\b(?!\s*\()")
KEYWORDS = {"and", "or", "unless", "bool", "by", "on", "inf"}
ITEMS = ("spans", "metric_points", "log_records")
ELSEWHERE = {
    "up",
    "target_info",
    "agentotel:batch_program:info",  # users write it into thresholds.yml
    "otelcol_exporter_queue_size",
    "otelcol_exporter_queue_capacity",
    *(f"otelcol_receiver_refused_{it}" for it in ITEMS),
    *(f"otelcol_exporter_{what}_{it}" for what in ("sent", "send_failed", "enqueue_failed") for it in ITEMS),
    *(f"otel_sdk_exporter_{it}_exported_total" for it in ("span", "log", "metric_data_point")),
    *(f"otel_sdk_processor_{it}_queue_{what}" for it in ("span", "log") for what in ("size", "capacity")),
    "prometheus_rule_evaluation_failures_total",
    "prometheus_notifications_dropped_total",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_config_last_reload_successful",
    "prometheus_tsdb_too_old_samples_total",
    "prometheus_tsdb_out_of_bound_samples_total",
    "alertmanager_notifications_failed_total",
    "alertmanager_config_last_reload_successful",
}


def _ours() -> set[str]:
    names = set()
    for one in INSTRUMENTS:
        is_histogram = "histogram" in one.kind
        names |= (
            {f"{one.prometheus}{end}" for end in ("_bucket", "_sum", "_count")} if is_histogram else {one.prometheus}
        )
    return names


def series_of(expression: str) -> set[str]:
    """Return the names of the series in an expression."""
    by_pattern = re.findall(r'__name__=~"(\w+?)(?:\(_total\)\?)?"', expression)
    plain = re.sub(r"\{[^}]*\}", " ", STRING.sub('""', expression))
    found = NAME.findall(DURATION.sub(" ", GROUPING.sub(" ", plain)))
    return {name for name in found if name not in KEYWORDS} | set(by_pattern)


@pytest.mark.parametrize(
    ("expression", "series"),
    [
        ('sum by (job, le) (rate(a_bucket{x="y"}[5m] offset 1h)) > 3 * scalar(b:c)', {"a_bucket", "b:c"}),
        ('max({__name__=~"d_e(_total)?"}) or on (job) f', {"d_e", "f"}),
    ],
)
def test_the_names_in_an_expression_are_found(expression, series) -> None:
    """Functions, labels, durations and keywords are no names."""
    assert series_of(expression) == series


def test_every_series_in_a_rule_is_written_by_somebody(rules) -> None:
    """It is one of our instruments, a recording rule, or a known series of a program of the pack."""
    known = _ours() | ELSEWHERE | {rule["record"] for rule in rules if "record" in rule}
    for rule in rules:
        unknown = series_of(rule["expr"]) - known
        assert not unknown, f"{rule.get('alert') or rule['record']} names {unknown}"


def test_every_label_that_is_selected_or_grouped_by_is_one_of_the_instrument(rules) -> None:
    """Labels of other paths (scopes, SDK) differ and are aggregated away."""
    allowed = {name.replace(".", "_") for one in INSTRUMENTS for name in one.attributes} | {
        "job", "instance", "le", "signal", "exporter", "data_type", "integration", "rule_group",
    }  # fmt: skip
    for rule in rules:
        for labels in re.findall(r"\b(?:by|on|ignoring) \(([^)]*)\)", rule["expr"]):
            assert set(filter(None, re.split(r",\s*", labels))) <= allowed, rule.get("alert") or rule["record"]


def test_every_recording_rule_is_named_after_its_labels(rules) -> None:
    """level:metric:operation, as Prometheus' own documentation recommends."""
    for rule in rules:
        if "record" in rule:
            assert len(rule["record"].split(":")) == 3, rule["record"]


def test_every_recording_rule_is_in_the_documentation(rules) -> None:
    """docs/prometheus.md and docs/alerts.md list them all, and no other."""
    docs = Path(__file__).parents[3] / "docs"
    listed = set(
        re.findall(r"^- `([\w:]+)`$", (docs / "prometheus.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    named = {rule["record"] for rule in rules if "record" in rule}
    assert listed == {name for name in named if not name.startswith("agentotel:threshold:")}


def test_what_is_a_cancellation_is_no_failure_of_a_model(rules) -> None:
    """The rules leave out just the kinds of errors by which a program cancels, as the telemetry knows them."""
    left_out = [set(it.split("|")) for rule in rules for it in re.findall(r'error_type!~"([^"]+)"', rule["expr"])]
    assert left_out == [CANCELLING, CANCELLING]
