"""Which tool fails or is slow, and is it the tool or the way to it (MCP)?"""

from __future__ import annotations

from typing import Any

from grafana_dashboards.pages import JOB, TRACES, label_variable, page
from grafana_dashboards.panels import RED_ABOVE, lines, query, shares, table
from grafana_dashboards.promql import added, quantile, rate, selection

TOOL = label_variable("tool_name", "Tool", selection("agent_tool_calls_total"))
OF_TOOL = 'tool_name=~"$tool_name"'
OF_EXECUTION = 'gen_ai_tool_name=~"$tool_name"'
"""The same in the metrics of the GenAI conventions."""


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return page(
        "agentotel-tools",
        "Which tool fails or is slow, and is it the tool or the way to it?",
        [
            ("Calls", 9, [_calls(), _distribution()]),
            ("Failures", 9, [_failed(), _ratio(), _kinds()]),
            ("Duration", 9, [_latency(), _by_agent()]),
            ("Model Context Protocol", 9, [_mcp_rate(), _mcp_client(), _mcp_server()]),
            ("All tools", 9, [_all()]),
        ],
        [JOB, TOOL],
    )


def _calls() -> dict[str, Any]:
    return lines(
        "Calls by tool",
        "Tool executions that ended.",
        "ops",
        query(rate(selection("agent_tool_calls_total", OF_TOOL), "tool_name"), "{{tool_name}}"),
        stacked=True,
    )


def _distribution() -> dict[str, Any]:
    return shares(
        "Distribution",
        "Calls by tool in the time that is looked at.",
        "short",
        query(added(selection("agent_tool_calls_total", OF_TOOL), "tool_name"), "{{tool_name}}", instant=True),
    )


def _failed() -> dict[str, Any]:
    return lines(
        "Failed calls",
        "By tool: exceptions, and results that say they are errors.",
        "ops",
        query(
            rate(selection("agent_tool_calls_total", OF_TOOL, 'status="failed"'), "job, tool_name"),
            "{{job}} {{tool_name}}",
        ),
        stacked=True,
        links=TRACES,
    )


def _ratio() -> dict[str, Any]:
    return lines(
        "Share of failed calls",
        "Over 15 minutes; APICallFailures looks at 20 %.",
        "percentunit",
        query(
            f"max by (job, tool_name) ({selection('job_tool:agent_tool_calls:failure_ratio_rate15m', OF_TOOL)})",
            "{{job}} {{tool_name}}",
        ),
        thresholds=(RED_ABOVE, 0.1, 0.2),
        links=TRACES,
    )


def _kinds() -> dict[str, Any]:
    failed = selection("gen_ai_execute_tool_duration_seconds_count", OF_EXECUTION, 'error_type!=""')
    return lines(
        "Failed calls by kind of error",
        "What the tools raised, or said.",
        "ops",
        query(rate(failed, "job, gen_ai_tool_name, error_type"), "{{job}} {{gen_ai_tool_name}} {{error_type}}"),
        stacked=True,
        links=TRACES,
    )


def _latency() -> dict[str, Any]:
    return lines(
        "Duration by tool",
        "95th percentile. A diamond is a trace: click it.",
        "s",
        query(
            quantile(0.95, "agent_tool_latency_seconds", "job, tool_name", OF_TOOL),
            "{{job}} {{tool_name}} p95",
            exemplars=True,
        ),
        links=TRACES,
    )


def _by_agent() -> dict[str, Any]:
    by = "job, gen_ai_agent_name, gen_ai_tool_name"
    return lines(
        "Duration by agent and tool",
        "95th percentile: the same tool in the hands of different agents.",
        "s",
        query(
            quantile(0.95, "gen_ai_execute_tool_duration_seconds", by, OF_EXECUTION),
            "{{job}} {{gen_ai_agent_name}} {{gen_ai_tool_name}} p95",
            exemplars=True,
        ),
        links=TRACES,
    )


def _mcp_rate() -> dict[str, Any]:
    requests = selection("mcp_client_operation_duration_seconds_count")
    return lines(
        "MCP requests",
        "By method and kind of error, as the client sees them.",
        "reqps",
        query(rate(requests, "job, mcp_method_name, error_type"), "{{job}} {{mcp_method_name}} {{error_type}}"),
        stacked=True,
        links=TRACES,
    )


def _mcp_client() -> dict[str, Any]:
    return _mcp("client", "MCP duration, client", "95th percentile by method, the way to the server included.")


def _mcp_server() -> dict[str, Any]:
    return _mcp("server", "MCP duration, server", "95th percentile by method; the client's minus this is the way.")


def _mcp(side: str, title: str, about: str) -> dict[str, Any]:
    p95 = quantile(0.95, f"mcp_{side}_operation_duration_seconds", "job, mcp_method_name")
    return lines(title, about, "s", query(p95, "{{job}} {{mcp_method_name}} p95", exemplars=True), links=TRACES)


def _all() -> dict[str, Any]:
    return table(
        "Calls in the time that is looked at",
        "By service, tool and outcome.",
        "short",
        query(added(selection("agent_tool_calls_total", OF_TOOL), "job, tool_name, status"), instant=True),
    )
