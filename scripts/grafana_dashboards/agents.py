"""Which agent is slow, fails, is stuck or runs in circles?"""

from __future__ import annotations

from typing import Any

from grafana_dashboards.pages import JOB, SERVICE, TRACES, label_variable, page
from grafana_dashboards.panels import RED_ABOVE, bars, lines, log_lines, log_query, query, table
from grafana_dashboards.promql import added, quantile, rate, selection

AGENT = label_variable("agent_name", "Agent", selection("agent_requests_total"))
OF_AGENT = 'agent_name=~"$agent_name"'
OF_RUN = 'gen_ai_agent_name=~"$agent_name"'
"""The same in the metrics of the GenAI conventions."""


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return page(
        "agentotel-agents",
        "Which agent is slow, fails, is stuck or runs in circles?",
        [
            ("Runs", 9, [_runs(), _failures()]),
            ("Duration", 9, [_percentiles(), _by_template(), _mean()]),
            ("Errors and loops", 9, [_errors(), _loops(), _open_runs()]),
            ("Population", 8, [_created(), _active(), _pools(), _memory()]),
            ("Workflows and all agents", 9, [_workflows(), _all()]),
            ("What they say", 10, [_log()]),
        ],
        [JOB, SERVICE, AGENT],
    )


def _runs() -> dict[str, Any]:
    return lines(
        "Runs by agent and outcome",
        "Agent runs that ended.",
        "reqps",
        query(rate(selection("agent_requests_total", OF_AGENT), "agent_name, status"), "{{agent_name}} {{status}}"),
        stacked=True,
    )


def _failures() -> dict[str, Any]:
    ratio = "max by (job, agent_name) ({})"
    return lines(
        "Share of failed runs",
        "Failed runs of those that succeeded or failed, over an hour and over five minutes.",
        "percentunit",
        query(
            ratio.format(selection("job_agent:agent_requests:error_ratio_rate1h", OF_AGENT)),
            "{{job}} {{agent_name}}, 1 hour",
        ),
        query(
            ratio.format(selection("job_agent:agent_requests:error_ratio_rate5m", OF_AGENT)),
            "{{job}} {{agent_name}}, 5 minutes",
        ),
        thresholds=(RED_ABOVE, 0.01, 0.05),
        links=TRACES,
    )


def _percentiles() -> dict[str, Any]:
    series, by = "gen_ai_invoke_agent_duration_seconds", "job, gen_ai_agent_name"
    good, bad = (OF_RUN, 'error_type=""'), (OF_RUN, 'error_type!=""')
    return lines(
        "Duration by agent",
        "95th percentile and median of the runs that did not fail, and of those that did. A diamond is "
        "a trace: click it.",
        "s",
        query(quantile(0.95, series, by, *good), "{{job}} {{gen_ai_agent_name}} p95", exemplars=True),
        query(quantile(0.5, series, by, *good), "{{job}} {{gen_ai_agent_name}} median"),
        query(quantile(0.95, series, by, *bad), "{{job}} {{gen_ai_agent_name}} p95, failed", exemplars=True),
        links=TRACES,
    )


def _by_template() -> dict[str, Any]:
    return lines(
        "Duration by template",
        "95th percentile by the template of the agent; SlowResponse looks at 10 s.",
        "s",
        query(
            quantile(0.95, "agent_chat_latency_seconds", "job, template_id"),
            "{{job}} {{template_id}} p95",
            exemplars=True,
        ),
        thresholds=(RED_ABOVE, 10, 60),
        links=TRACES,
    )


def _mean() -> dict[str, Any]:
    seconds, runs = (rate(selection(f"agent_chat_latency_seconds_{it}"), "job") for it in ("sum", "count"))
    return lines(
        "Mean duration",
        "Time per run, all runs of a service.",
        "s",
        query(f"{seconds} / ({runs} > 0)", "{{job}}"),
        links=TRACES,
    )


def _errors() -> dict[str, Any]:
    return lines(
        "Errors by kind",
        "Agent runs, model calls and tools that failed, by kind of error and id of the agent.",
        "ops",
        query(
            rate(selection("agent_errors_total"), "job, error_type, agent_id"), "{{job}} {{error_type}} {{agent_id}}"
        ),
        stacked=True,
        links=TRACES,
    )


def _loops() -> dict[str, Any]:
    return lines(
        "Loops",
        "Runs of the last hour that did the same again and again (AGENTOTEL_LOOP_LIMIT).",
        "short",
        query(
            added(selection("agent_loop_detected_total", OF_AGENT), "job, agent_name, tool_name, kind", "1h"),
            "{{job}} {{agent_name}} {{tool_name}} {{kind}}",
        ),
        thresholds=(RED_ABOVE, 1, 5),
        links=TRACES,
    )


def _open_runs() -> dict[str, Any]:
    return lines(
        "Age of the oldest open run",
        "A line that goes on rising is a run that is stuck.",
        "s",
        query(f"max by (job, agent_name) ({selection('agent_run_age_seconds', OF_AGENT)})", "{{job}} {{agent_name}}"),
        thresholds=(RED_ABOVE, 600, 1800),
        links=TRACES,
    )


def _created() -> dict[str, Any]:
    return lines(
        "Created",
        "Agents made per second.",
        "ops",
        query(rate(selection("agent_created_total", OF_AGENT), "agent_name"), "{{agent_name}}"),
    )


def _active() -> dict[str, Any]:
    return lines(
        "Active",
        "Agents that exist now.",
        "short",
        query(f"sum by (agent_name) ({selection('agent_active_count', OF_AGENT)})", "{{agent_name}}"),
        stacked=True,
    )


def _pools() -> dict[str, Any]:
    size, room = (f"sum by (job, pool) ({selection(it)})" for it in ("agent_pool_size", "agent_pool_max_size"))
    return bars(
        "Pools",
        "How full each pool of agents is.",
        "percentunit",
        query(f"{size} / ({room} > 0)", "{{job}} {{pool}}", instant=True),
        thresholds=(RED_ABOVE, 0.8, 0.9),
    )


def _memory() -> dict[str, Any]:
    used, limit = (selection("agent_memory_usage_bytes", f'state="{it}"') for it in ("resident", "limit"))
    return lines(
        "Memory",
        "Of each process, and the limit of its container or machine.",
        "bytes",
        query(f"max by (job, instance) ({used})", "{{job}} {{instance}}"),
        query(f"min by (job) ({limit})", "{{job}} limit"),
    )


def _workflows() -> dict[str, Any]:
    return lines(
        "Duration of workflows",
        "95th percentile: several agents or steps under one name.",
        "s",
        query(
            quantile(0.95, "gen_ai_invoke_workflow_duration_seconds", "job, gen_ai_workflow_name"),
            "{{job}} {{gen_ai_workflow_name}} p95",
            exemplars=True,
        ),
        links=TRACES,
    )


def _all() -> dict[str, Any]:
    return table(
        "Runs in the time that is looked at",
        "By agent and outcome.",
        "short",
        query(added(selection("agent_requests_total", OF_AGENT), "job, agent_name, template_id, status"), instant=True),
    )


def _log() -> dict[str, Any]:
    return log_lines(
        "Warnings and errors",
        "Log records of the agents from WARN upwards; each has a link to its trace.",
        log_query('{service_name=~"$service"} | gen_ai_agent_name=~"$agent_name" | severity_number >= 13'),
    )
