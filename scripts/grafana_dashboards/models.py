"""What do the models cost, how fast are they, and who pays?"""

from __future__ import annotations

from typing import Any

from grafana_dashboards.pages import JOB, TRACES, label_variable, page
from grafana_dashboards.panels import RED_ABOVE, bars, lines, number, query, shares, table
from grafana_dashboards.promql import added, quantile, rate, selection

MODEL = label_variable("model", "Model", selection("agent_token_usage_count"))
TENANT = label_variable("tenant_id", "Tenant", selection("agent_cost_total"))
OF_MODEL = 'model=~"$model"'
OF_TENANT = 'tenant_id=~"$tenant_id"'
OF_CALL = 'gen_ai_response_model=~"$model|"'
"""The same in the metrics of the GenAI conventions; a call that failed has no model that answered, and is shown."""

COST_HOUR = selection("job_model_tenant_currency:agent_cost:increase1h", OF_MODEL, OF_TENANT)
COST_DAY = selection("job_model_tenant_currency:agent_cost:increase1d", OF_MODEL, OF_TENANT)


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    return page(
        "agentotel-models",
        "What do the models cost, how fast are they, and who pays?",
        [
            ("Cost", 6, [_cost_hour(), _cost_day(), _per_run(), _unknown()]),
            ("Who pays", 9, [_by_model(), _by_day(), _by_tenant(), _budgets()]),
            ("Tokens", 9, [_tokens_by_type(), _tokens_by_model(), _tokens_per_call()]),
            ("Speed", 9, [_duration(), _first_chunk(), _per_chunk()]),
            ("Trouble", 8, [_failures(), _limited(), _limited_share(), _retries()]),
            ("All models", 9, [_all()]),
        ],
        [JOB, MODEL, TENANT],
    )


def _cost_hour() -> dict[str, Any]:
    return number(
        "Cost of the last hour",
        "Of the services, models and tenants that are chosen.",
        "currencyUSD",
        query(f"sum by (currency) ({COST_HOUR})", "{{currency}}"),
    )


def _cost_day() -> dict[str, Any]:
    return number(
        "Cost of the last 24 hours",
        "Of the services, models and tenants that are chosen.",
        "currencyUSD",
        query(f"sum by (currency) ({COST_DAY})", "{{currency}}"),
    )


def _per_run() -> dict[str, Any]:
    return number(
        "Cost per run",
        "Cost of the last hour divided by its agent runs, of the dearest service.",
        "currencyUSD",
        query(f"max({selection('job_currency:agent_cost:per_run_1h')})"),
    )


def _unknown() -> dict[str, Any]:
    return number(
        "Calls without a price",
        "In the last hour: their cost is in no number here. docs/cost.md tells how to add prices.",
        "short",
        query(f"sum({selection('job_model:agent_cost_unknown:increase1h', OF_MODEL)}) or vector(0)"),
        thresholds=(RED_ABOVE, 1, 100),
        decimals=0,
    )


def _by_model() -> dict[str, Any]:
    return lines(
        "Cost per hour by model",
        "What the last hour cost.",
        "currencyUSD",
        query(f"sum by (model, currency) ({COST_HOUR})", "{{model}} ({{currency}})"),
        stacked=True,
    )


def _by_day() -> dict[str, Any]:
    return lines(
        "Cost per day by service",
        "What the last 24 hours cost.",
        "currencyUSD",
        query(f"sum by (job, currency) ({COST_DAY})", "{{job}} ({{currency}})"),
        stacked=True,
    )


def _by_tenant() -> dict[str, Any]:
    return shares(
        "Cost by tenant",
        "In the time that is looked at. Tenants beyond the cardinality limit are `other`.",
        "currencyUSD",
        query(added(selection("agent_cost_total", OF_MODEL, OF_TENANT), "tenant_id"), "{{tenant_id}}", instant=True),
    )


def _budgets() -> dict[str, Any]:
    return bars(
        "Budgets",
        "How much of each budget (AGENTOTEL_BUDGET) is spent in its period.",
        "percentunit",
        query(
            f"max by (job, scope) ({selection('job_scope:agent_budget:spent_ratio')})",
            "{{job}} {{scope}}",
            instant=True,
        ),
        thresholds=(RED_ABOVE, 0.8, 1),
    )


def _tokens_by_type() -> dict[str, Any]:
    return lines(
        "Tokens per hour by type",
        "Cached and reasoning tokens are parts of input and output.",
        "short",
        query(f"sum by (type) ({selection('job_model_type:agent_token_usage:increase1h', OF_MODEL)})", "{{type}}"),
    )


def _tokens_by_model() -> dict[str, Any]:
    return lines(
        "Tokens per hour by model",
        "Input and output.",
        "short",
        query(f"sum by (model) ({selection('job_model:agent_token_usage:increase1h', OF_MODEL)})", "{{model}}"),
        stacked=True,
    )


def _tokens_per_call() -> dict[str, Any]:
    return lines(
        "Tokens of a call",
        "95th percentile of the input and output tokens of one model call.",
        "short",
        query(
            quantile(0.95, "agent_token_usage", "job, type", OF_MODEL, 'type=~"input|output"'),
            "{{job}} {{type}} p95",
            exemplars=True,
        ),
        links=TRACES,
    )


def _p95(series: str) -> str:
    return quantile(0.95, series, "job, gen_ai_request_model", OF_CALL)


def _duration() -> dict[str, Any]:
    return lines(
        "Duration of model calls",
        "95th percentile, retries and the whole stream included. A diamond is a trace: click it.",
        "s",
        query(_p95("gen_ai_client_operation_duration_seconds"), "{{job}} {{gen_ai_request_model}} p95", exemplars=True),
        links=TRACES,
    )


def _first_chunk() -> dict[str, Any]:
    return lines(
        "Time to the first piece",
        "95th percentile, of streamed calls: what a user waits before reading.",
        "s",
        query(
            _p95("gen_ai_client_operation_time_to_first_chunk_seconds"),
            "{{job}} {{gen_ai_request_model}} p95",
            exemplars=True,
        ),
        thresholds=(RED_ABOVE, 2, 5),
        links=TRACES,
    )


def _per_chunk() -> dict[str, Any]:
    return lines(
        "Time per piece",
        "95th percentile of the mean time between the pieces of a stream.",
        "s",
        query(
            _p95("gen_ai_client_operation_time_per_output_chunk_seconds"),
            "{{job}} {{gen_ai_request_model}} p95",
            exemplars=True,
        ),
        links=TRACES,
    )


def _failures() -> dict[str, Any]:
    failed = selection("gen_ai_client_operation_duration_seconds_count", OF_CALL, 'error_type!=""')
    return lines(
        "Failed model calls",
        "By model and kind of error.",
        "ops",
        query(rate(failed, "job, gen_ai_request_model, error_type"), "{{job}} {{gen_ai_request_model}} {{error_type}}"),
        stacked=True,
        links=TRACES,
    )


def _limited() -> dict[str, Any]:
    return lines(
        "Answers 429",
        "Tries that the provider refused because of its rate limits, by the model that was asked for: all of them.",
        "ops",
        query(rate(selection("agent_rate_limited_total"), "job, model"), "{{job}} {{model}}"),
        stacked=True,
        links=TRACES,
    )


def _limited_share() -> dict[str, Any]:
    return lines(
        "Share of 429",
        "Of all tries, over 15 minutes, by the model that was asked for: all of them. ModelRateLimited looks at 10 %.",
        "percentunit",
        query(f"max by (job, model) ({selection('job_model:agent_rate_limited:ratio_rate15m')})", "{{job}} {{model}}"),
        thresholds=(RED_ABOVE, 0.05, 0.1),
        links=TRACES,
    )


def _retries() -> dict[str, Any]:
    return lines(
        "Retries",
        "Tries of model calls after the first, by the model that was asked for: each waits, and some are paid for.",
        "ops",
        query(rate(selection("agent_retries_total"), "job, model"), "{{job}} {{model}}"),
        stacked=True,
        links=TRACES,
    )


def _all() -> dict[str, Any]:
    calls = selection("gen_ai_client_operation_duration_seconds_count", OF_CALL)
    by = "job, gen_ai_provider_name, gen_ai_operation_name, gen_ai_request_model, error_type"
    return table(
        "Calls in the time that is looked at",
        "By service, provider, model and kind of error.",
        "short",
        query(added(calls, by), instant=True),
    )
