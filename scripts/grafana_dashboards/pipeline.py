"""Does the telemetry arrive? From the program over the Collector to the backends."""

from __future__ import annotations

from typing import Any

from grafana_dashboards.pages import JOB, page
from grafana_dashboards.panels import GREEN_ABOVE, RED_ABOVE, lines, number, query, table
from grafana_dashboards.promql import RATE, added, rate, selection

SIGNALS = {"spans": "spans", "log_records": "log records", "metric_points": "points"}
"""How the Collector's own metrics end, and what the reader calls it."""


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return page(
        "agentotel-pipeline",
        "Does the telemetry arrive? From the program over the Collector to the backends.",
        [
            ("Backends", 5, [_up(), _rules(), _lost(), _processes()]),
            ("In the programs", 9, [_made(), _queues(), _dropped()]),
            ("agentotel itself", 8, [_own_errors(), _folded(), _cut()]),
            ("Collector, in", 9, [_accepted(), _refused()]),
            ("Collector, out", 9, [_sent(), _failed(), _queue()]),
            ("Collector, resources", 8, [_memory(), _cpu()]),
            ("Prometheus", 8, [_series(), _evaluation()]),
        ],
        [JOB],
    )


def _counted(name: str) -> str:
    """Return the selection of a counter of the Collector, whose name has ``_total`` or has not, by its version."""
    return f'{{__name__=~"otelcol_{name}(_total)?"}}'


def _of_each_signal(counter: str, by: str, legend: str) -> list[dict[str, Any]]:
    """Return a query for each signal: one for all would add series that differ in their names only."""
    return [
        query(f"sum by ({by}) (rate({_counted(f'{counter}_{end}')}[{RATE}]))", f"{legend} {name}")
        for end, name in SIGNALS.items()
    ]


def _up() -> dict[str, Any]:
    return number(
        "Up",
        "What Prometheus can reach: 1 is up, 0 is down.",
        "none",
        query("min by (job) (up)", "{{job}}"),
        thresholds=(GREEN_ABOVE, 0.5, 1),
        decimals=0,
    )


def _rules() -> dict[str, Any]:
    return number(
        "Rule failures",
        "Evaluations of rules that failed in the last hour.",
        "short",
        query("sum(increase(prometheus_rule_evaluation_failures_total[1h]))"),
        thresholds=(RED_ABOVE, 1, 10),
        decimals=0,
    )


def _lost() -> dict[str, Any]:
    lost = added(selection("agentotel_self_dropped_total"), "", "1h")
    return number(
        "Lost in programs",
        "Spans, log records and points of the last hour that programs could not deliver.",
        "short",
        query(f"{lost} or vector(0)"),
        thresholds=(RED_ABOVE, 1, 100),
        decimals=0,
    )


def _processes() -> dict[str, Any]:
    return number(
        "Processes",
        "Processes that report now, by service.",
        "short",
        query(f"sum by (job) ({selection('job:agent_processes:count')})", "{{job}}"),
        decimals=0,
    )


def _made() -> dict[str, Any]:
    return lines(
        "Made and delivered",
        "Spans started, and spans and log records that were exported, with or without success.",
        "ops",
        query(rate(selection("otel_sdk_span_started_total"), "job"), "{{job}} spans started"),
        query(
            rate(selection("otel_sdk_exporter_span_exported_total"), "job, error_type"),
            "{{job}} spans exported {{error_type}}",
        ),
        query(
            rate(selection("otel_sdk_exporter_log_exported_total"), "job, error_type"),
            "{{job}} log records exported {{error_type}}",
        ),
    )


def _queues() -> dict[str, Any]:
    spans, records = (selection(f"otel_sdk_processor_{it}_queue_size") for it in ("span", "log"))
    return lines(
        "Queues in the programs",
        "Items that wait for export. A full queue drops (OTEL_BSP_MAX_QUEUE_SIZE).",
        "short",
        query(f"max by (job, instance) ({spans})", "{{job}} {{instance}} spans"),
        query(f"max by (job, instance) ({records})", "{{job}} {{instance}} log records"),
    )


def _dropped() -> dict[str, Any]:
    return lines(
        "Dropped in the programs",
        "What could not be delivered in the hour before, to the last item.",
        "short",
        query(added(selection("agentotel_self_dropped_total"), "job, signal", "1h"), "{{job}} {{signal}}"),
        stacked=True,
    )


def _own_errors() -> dict[str, Any]:
    return lines(
        "Errors inside agentotel",
        "Of the last hour, by the place where they were caught; the program did not notice.",
        "short",
        query(added(selection("agentotel_self_errors_total"), "job, site", "1h"), "{{job}} {{site}}"),
        stacked=True,
    )


def _folded() -> dict[str, Any]:
    return lines(
        "Folded into `other`",
        "Metric records of the last hour whose label value was one too many (AGENTOTEL_CARDINALITY_LIMIT).",
        "short",
        query(added(selection("agentotel_self_folded_total"), "job, attribute", "1h"), "{{job}} {{attribute}}"),
        stacked=True,
    )


def _cut() -> dict[str, Any]:
    return lines(
        "Cut and redacted",
        "Values of the last hour that were cut to the byte budget, and secrets replaced in content.",
        "short",
        query(added(selection("agentotel_self_truncated_total"), "job, attribute", "1h"), "{{job}} cut {{attribute}}"),
        query(added(selection("agentotel_self_redacted_total"), "job, pattern", "1h"), "{{job}} redacted {{pattern}}"),
    )


def _accepted() -> dict[str, Any]:
    return lines(
        "Accepted",
        "Items that the Collector took, per second.",
        "ops",
        *_of_each_signal("receiver_accepted", "receiver, transport", "{{receiver}} {{transport}}"),
        stacked=True,
    )


def _refused() -> dict[str, Any]:
    return lines(
        "Refused",
        "Items that it did not take (memory limit, full queues): their senders try again.",
        "ops",
        *_of_each_signal("receiver_refused", "receiver, transport", "{{receiver}} {{transport}}"),
        stacked=True,
    )


def _sent() -> dict[str, Any]:
    return lines(
        "Sent",
        "Items that the backends took, per second.",
        "ops",
        *_of_each_signal("exporter_sent", "exporter", "{{exporter}}"),
        stacked=True,
    )


def _failed() -> dict[str, Any]:
    return lines(
        "Lost in the Collector",
        "Items of the last ten minutes that a backend refused for good, or that found no room.",
        "short",
        query(
            "sum by (exporter, signal) (job_exporter_signal:otelcol_exporter_lost:increase10m)",
            "{{exporter}} {{signal}}",
        ),
        stacked=True,
        thresholds=(RED_ABOVE, 1, 100),
    )


def _queue() -> dict[str, Any]:
    return lines(
        "Queues on disk",
        "How full each is: it fills while its backend is down.",
        "percentunit",
        query(
            "max by (exporter, data_type) (job_exporter_signal:otelcol_exporter_queue:ratio)",
            "{{exporter}} {{data_type}}",
        ),
        thresholds=(RED_ABOVE, 0.5, 0.8),
    )


def _memory() -> dict[str, Any]:
    return lines(
        "Memory",
        "Of each Collector.",
        "bytes",
        query("max by (instance) (otelcol_process_memory_rss)", "{{instance}}"),
    )


def _cpu() -> dict[str, Any]:
    seconds = _counted("process_cpu_seconds")
    return lines(
        "CPU",
        "Cores that each Collector uses.",
        "short",
        query(f"sum by (instance) (rate({seconds}[{RATE}]))", "{{instance}}"),
    )


def _series() -> dict[str, Any]:
    return lines(
        "Series",
        "What Prometheus keeps in memory, and how many of them are agents'.",
        "short",
        query("sum(prometheus_tsdb_head_series)", "all"),
        query('count({__name__=~"agent_.+|gen_ai_.+|mcp_.+", job=~"$job"})', "agents"),
    )


def _evaluation() -> dict[str, Any]:
    return table(
        "Slowest rule groups",
        "Duration of the last evaluation; it must stay far below the interval.",
        "s",
        query("topk(10, prometheus_rule_group_last_duration_seconds)", instant=True),
        hidden=("instance", "job"),
    )
