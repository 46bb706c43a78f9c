"""The first page: are the agents well, and what do they cost? The six panels of the operations guide come first."""

from __future__ import annotations

from typing import Any

from grafana_dashboards.pages import JOB, RUNBOOKS, TRACES, page
from grafana_dashboards.panels import GREEN_ABOVE, RED_ABOVE, lines, number, query, shares, table
from grafana_dashboards.promql import added, quantile, rate, selection


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return page(
        "agentotel-overview",
        "Are the agents well, and what do they cost?",
        [
            ("Now", 5, [_success_now(), _runs_now(), _cost_day(), _users(), _firing()]),
            ("Agents", 9, [_created(), _active(), _response_time()]),
            ("Work", 9, [_tokens(), _tools(), _errors()]),
            ("Runs and cost", 9, [_runs(), _failed_share(), _cost()]),
            ("What needs somebody", 10, [_burn(), _alerts()]),
        ],
        [JOB],
    )


def _success_now() -> dict[str, Any]:
    runs = "job_agent_status:agent_requests:increase1h"
    good, ended = selection(runs, 'status="success"'), selection(runs, 'status!="cancelled"')
    return number(
        "Success",
        "Share of the agent runs of the last hour that succeeded; cancelled ones do not count.",
        "percentunit",
        query(f"(sum({good}) or 0 * sum({ended})) / (sum({ended}) > 0)"),
        thresholds=(GREEN_ABOVE, 0.95, 0.99),
    )


def _runs_now() -> dict[str, Any]:
    return number(
        "Runs",
        "Agent runs per second, over five minutes.",
        "reqps",
        query(f"sum({selection('job:agent_requests:rate5m')})"),
    )


def _cost_day() -> dict[str, Any]:
    return number(
        "Cost of the last 24 hours",
        "In the currency of the price data; calls without a price are not in it.",
        "currencyUSD",
        query(f"sum({selection('job_currency:agent_cost:increase1d')})"),
    )


def _users() -> dict[str, Any]:
    return number(
        "Users of the last 24 hours",
        "Different users over all services, estimated (mean error about 5 %).",
        "short",
        query("agentotel:agent_users:daily"),
        decimals=0,
    )


def _firing() -> dict[str, Any]:
    return number(
        "Firing alerts",
        "Critical ones and warnings, of all services; the list is at the bottom.",
        "short",
        query('count(ALERTS{alertstate="firing", severity=~"critical|warning"}) or vector(0)'),
        thresholds=(RED_ABOVE, 1, 3),
        decimals=0,
    )


def _created() -> dict[str, Any]:
    return lines(
        "Agents created",
        "Rate at which agents are made.",
        "ops",
        query(rate(selection("agent_created_total"), "job"), "{{job}}"),
    )


def _active() -> dict[str, Any]:
    return lines(
        "Active agents",
        "Agents that exist now.",
        "short",
        query(f"sum by (job) ({selection('agent_active_count')})", "{{job}}"),
        stacked=True,
    )


def _response_time() -> dict[str, Any]:
    return lines(
        "Response time",
        "95th percentile of the duration of agent runs, and the median; SlowResponse looks at 10 s. "
        "A diamond is a trace: click it.",
        "s",
        query(quantile(0.95, "agent_chat_latency_seconds", "job"), "{{job}} p95", exemplars=True),
        query(quantile(0.5, "agent_chat_latency_seconds", "job"), "{{job}} median"),
        thresholds=(RED_ABOVE, 10, 60),
        links=TRACES,
    )


def _tokens() -> dict[str, Any]:
    return lines(
        "Tokens per hour",
        "Tokens of model calls by type; cached and reasoning tokens are parts of input and output.",
        "short",
        query(f"sum by (type) ({selection('job_type:agent_token_usage:increase1h')})", "{{type}}"),
    )


def _tools() -> dict[str, Any]:
    return shares(
        "Tool calls",
        "Which tools were called in the time that is looked at.",
        "short",
        query(added(selection("agent_tool_calls_total"), "tool_name"), "{{tool_name}}", instant=True),
    )


def _errors() -> dict[str, Any]:
    return lines(
        "Errors",
        "Operations that failed, by kind of error.",
        "ops",
        query(rate(selection("agent_errors_total"), "job, error_type"), "{{job}} {{error_type}}"),
        stacked=True,
        links=TRACES,
    )


def _runs() -> dict[str, Any]:
    return lines(
        "Runs by outcome",
        "Agent runs that ended.",
        "reqps",
        query(rate(selection("agent_requests_total"), "status"), "{{status}}"),
        stacked=True,
    )


def _failed_share() -> dict[str, Any]:
    return lines(
        "Error rate",
        "Share of the runs that failed: of the last five minutes and of the last hour.",
        "percentunit",
        query(f"1 - {selection('job:agent_requests:success_ratio_rate5m')}", "{{job}}, 5 minutes"),
        query(f"1 - {selection('job:agent_requests:success_ratio_rate1h')}", "{{job}}, 1 hour"),
        thresholds=(RED_ABOVE, 0.01, 0.05),
        links=TRACES,
    )


def _cost() -> dict[str, Any]:
    return lines(
        "Cost per hour",
        "Cost of the model calls of the last hour.",
        "currencyUSD",
        query(f"sum by (job, currency) ({selection('job_currency:agent_cost:increase1h')})", "{{job}} ({{currency}})"),
        stacked=True,
    )


def _burn() -> dict[str, Any]:
    burn = 'max by (job) (job_agent:agent_requests:error_ratio_rate{}{{job=~"$job"}})'
    allowed = "(1 - scalar(agentotel:threshold:success_objective_ratio))"
    return lines(
        "Error budget burn",
        "How many times faster than allowed the worst agent of a service fails. "
        "HighErrorRate: above 14.4 in one hour, 6 in six hours, 3 in a day.",
        "none",
        query(f"{burn.format('1h')} / {allowed}", "{{job}}, 1 hour"),
        query(f"{burn.format('6h')} / {allowed}", "{{job}}, 6 hours"),
        query(f"{burn.format('1d')} / {allowed}", "{{job}}, 1 day"),
        thresholds=(RED_ABOVE, 1, 14.4),
        links=TRACES,
        decimals=1,
    )


def _alerts() -> dict[str, Any]:
    return table(
        "Alerts",
        "Alerts that fire now, of all services; each has a runbook. Watchdog fires as long as alerting works.",
        "none",
        query('max by (alertname, severity, job) (ALERTS{alertstate="firing"})', instant=True),
        hidden=("Value",),
        links=RUNBOOKS,
    )
