"""For whom do the agents work, what does each tenant cost, and what happened to one user?"""

from __future__ import annotations

from typing import Any

from grafana_dashboards.pages import JOB, SERVICE, label_variable, page, text_variable
from grafana_dashboards.panels import lines, log_lines, log_query, number, query, table
from grafana_dashboards.promql import selection

TENANT = label_variable("tenant_id", "Tenant", selection("agent_cost_total"))
USER = text_variable("user_id", "User", ".+")
OF_TENANT = 'tenant_id=~"$tenant_id"'
LOG = '{service_name=~"$service"} | tenant_id=~"$tenant_id" | user_id=~"$user_id"'


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return page(
        "agentotel-users",
        "For whom do the agents work, what does each tenant cost, and what happened to one user?",
        [
            ("Users", 6, [_daily(), _monthly(), _sticky(), _concurrent()]),
            ("Over time", 9, [_daily_by_service(), _concurrent_by_service()]),
            ("Tenants", 9, [_cost(), _cost_table(), _records()]),
            ("What happened to the user", 12, [_log(), _errors()]),
        ],
        [JOB, SERVICE, TENANT, USER],
    )


def _daily() -> dict[str, Any]:
    return number(
        "Daily active users",
        "Different users of the last 24 hours over all services, estimated (mean error about 5 %).",
        "short",
        query("agentotel:agent_users:daily"),
        decimals=0,
    )


def _monthly() -> dict[str, Any]:
    return number(
        "Monthly active users",
        "Different users of the last 30 days, as far back as Prometheus keeps data.",
        "short",
        query("agentotel:agent_users:monthly"),
        decimals=0,
    )


def _sticky() -> dict[str, Any]:
    return number(
        "Daily of monthly",
        "Which share of the users of the month came in the last 24 hours.",
        "percentunit",
        query("agentotel:agent_users:daily / (agentotel:agent_users:monthly > 0)"),
    )


def _concurrent() -> dict[str, Any]:
    return number(
        "Users now",
        "Different users with a run that is open now; one who is served by two processes counts twice.",
        "short",
        query(f"sum({selection('agent_concurrent_users')})"),
        decimals=0,
    )


def _daily_by_service() -> dict[str, Any]:
    return lines(
        "Active users by service",
        "Of the last 24 hours, and of the last 30 days.",
        "short",
        query(selection("job:agent_users:daily"), "{{job}}, day"),
        query(selection("job:agent_users:monthly"), "{{job}}, month"),
        decimals=0,
    )


def _concurrent_by_service() -> dict[str, Any]:
    return lines(
        "Users at the same time",
        "With a run that is open.",
        "short",
        query(f"sum by (job) ({selection('agent_concurrent_users')})", "{{job}}"),
        stacked=True,
    )


def _cost() -> dict[str, Any]:
    cost = selection("job_model_tenant_currency:agent_cost:increase1h", OF_TENANT)
    return lines(
        "Cost per hour by tenant",
        "What the last hour cost. Tenants beyond the cardinality limit are `other`.",
        "currencyUSD",
        query(f"sum by (tenant_id, currency) ({cost})", "{{tenant_id}} ({{currency}})"),
        stacked=True,
    )


def _cost_table() -> dict[str, Any]:
    cost = selection("job_tenant_currency:agent_cost:increase1d", OF_TENANT)
    return table(
        "Cost of the last 24 hours by tenant",
        "The dearest first.",
        "currencyUSD",
        query(f"sort_desc(sum by (tenant_id, currency) ({cost}))", instant=True),
    )


def _records() -> dict[str, Any]:
    panel = lines(
        "Warnings and errors by tenant",
        "Log records from WARN upwards, per minute.",
        "short",
        {
            **log_query(f"sum by (tenant_id) (count_over_time({LOG} | severity_number >= 13 [1m]))"),
            "legendFormat": "{{tenant_id}}",
        },
        stacked=True,
    )
    return {**panel, "datasource": panel["targets"][0]["datasource"]}


def _log() -> dict[str, Any]:
    return log_lines(
        "Log of the user", "All records of the requests of the user; each has a link to its trace.", log_query(LOG)
    )


def _errors() -> dict[str, Any]:
    return log_lines(
        "Warnings and errors of the user", "The same, from WARN upwards.", log_query(f"{LOG} | severity_number >= 13")
    )
