"""Every metric that agentotel writes, as data: name, kind, unit, attributes and buckets.

Names and units are chosen so that the SDK's Prometheus exporter, the Collector's and Prometheus' own OTLP receiver give
the same Prometheus name (no unit ``1`` on a gauge, no unit word and no ``total`` inside a name).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "up_down_counter", "histogram", "exponential_histogram", "gauge", "observable_counter"]
Family = Literal["agent", "gen_ai", "self"]

LATENCY_BUCKETS: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
TOKEN_BUCKETS: Final = (100.0, 500.0, 1000.0, 5000.0, 10000.0, 50000.0, 200000.0, 1000000.0)
GEN_AI_DURATION_BUCKETS: Final = (
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
)  # fmt: skip
GEN_AI_TOKEN_BUCKETS: Final = (
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
    67108864.0,
)  # fmt: skip
GEN_AI_AGENT_BUCKETS: Final = (
    0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
)  # fmt: skip
GEN_AI_WORKFLOW_BUCKETS: Final = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
MCP_BUCKETS: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric: what the recorder creates and what the documentation and the dashboards may name.

    Attributes:
        family: Which switch of ``AGENTOTEL_METRICS`` turns it on.
        unit: UCUM unit as OpenTelemetry writes it.
        attributes: The only attributes it ever carries, each bounded (see the cardinality guard).
        buckets: Upper bounds of a histogram; of an exponential one, for readers that know no exponential histograms.
        prometheus: The name under which Prometheus knows it, without ``_bucket``, ``_sum``, ``_count``.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    family: Family
    prometheus: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


AGENT_CREATED: Final = Instrument(
    "agent.created", "counter", "{agent}", "Agents created", "agent", "agent_created_total",
    ("agent_name", "template_id"),
)  # fmt: skip
AGENT_ACTIVE: Final = Instrument(
    "agent.active.count", "up_down_counter", "{agent}", "Agents that exist now", "agent", "agent_active_count",
    ("agent_name", "template_id"),
)  # fmt: skip
AGENT_REQUESTS: Final = Instrument(
    "agent.requests", "counter", "{request}", "Agent runs that ended, by outcome", "agent", "agent_requests_total",
    ("agent_name", "template_id", "status"),
)  # fmt: skip
CHAT_LATENCY: Final = Instrument(
    "agent.chat.latency", "histogram", "s", "Duration of agent runs", "agent", "agent_chat_latency_seconds",
    ("agent_id", "template_id"), LATENCY_BUCKETS,
)  # fmt: skip
REQUEST_DURATION: Final = Instrument(
    "agent.request.duration", "exponential_histogram", "s", "Duration of agent runs, for any percentile", "agent",
    "agent_request_duration_seconds", ("agent_name", "template_id"), LATENCY_BUCKETS,
)  # fmt: skip
TOOL_CALLS: Final = Instrument(
    "agent.tool.calls", "counter", "{call}", "Tool executions that ended, by outcome", "agent",
    "agent_tool_calls_total", ("tool_name", "status"),
)  # fmt: skip
TOOL_LATENCY: Final = Instrument(
    "agent.tool.latency", "histogram", "s", "Duration of tool executions", "agent", "agent_tool_latency_seconds",
    ("tool_name",), LATENCY_BUCKETS,
)  # fmt: skip
AGENT_ERRORS: Final = Instrument(
    "agent.errors", "counter", "{error}", "Operations that failed, by kind of error", "agent", "agent_errors_total",
    ("error_type", "agent_id"),
)  # fmt: skip
TOKEN_USAGE: Final = Instrument(
    "agent.token.usage", "histogram", "{token}", "Tokens per model call", "agent", "agent_token_usage",
    ("type", "model"), TOKEN_BUCKETS,
)  # fmt: skip
AGENT_COST: Final = Instrument(
    "agent.cost", "counter", "{currency}", "Cost of model calls", "agent", "agent_cost_total",
    ("currency", "model", "tenant_id"),
)  # fmt: skip
COST_UNKNOWN: Final = Instrument(
    "agent.cost.unknown", "counter", "{call}", "Model calls that no price covers", "agent", "agent_cost_unknown_total",
    ("model",),
)  # fmt: skip
BUDGET_LIMIT: Final = Instrument(
    "agent.budget.limit", "gauge", "{currency}", "What may be spent in a period, from `AGENTOTEL_BUDGET`", "agent",
    "agent_budget_limit", ("scope",),
)  # fmt: skip
BUDGET_SPENT: Final = Instrument(
    "agent.budget.spent", "gauge", "{currency}",
    "What this process has spent since its start in the present period (UTC); `sum by (scope)` adds up processes",
    "agent", "agent_budget_spent", ("scope",),
)  # fmt: skip
LOOP_DETECTED: Final = Instrument(
    "agent.loop.detected", "counter", "{loop}", "Signs of a loop, once per run and kind", "agent",
    "agent_loop_detected_total", ("agent_name", "tool_name", "kind"),
)  # fmt: skip
RUN_AGE: Final = Instrument(
    "agent.run.age", "gauge", "s", "Age of the oldest run that is open now", "agent", "agent_run_age_seconds",
    ("agent_name",),
)  # fmt: skip
AGENT_RETRIES: Final = Instrument(
    "agent.retries", "counter", "{retry}", "Tries of model calls after the first", "agent", "agent_retries_total",
    ("model",),
)  # fmt: skip
RATE_LIMITED: Final = Instrument(
    "agent.rate_limited", "counter", "{response}", "Tries of model calls that were answered with 429", "agent",
    "agent_rate_limited_total", ("model",),
)  # fmt: skip
USERS_REGISTER: Final = Instrument(
    "agent.users.register", "gauge", "{rank}", "Register of a HyperLogLog of the users of the last hour or two",
    "agent",
    "agent_users_register", ("register",),
)  # fmt: skip
CONCURRENT_USERS: Final = Instrument(
    "agent.concurrent.users", "gauge", "{user}", "Different users with a run that is open now", "agent",
    "agent_concurrent_users",
)  # fmt: skip
POOL_SIZE: Final = Instrument(
    "agent.pool.size", "gauge", "{agent}", "Agents in a pool now", "agent", "agent_pool_size", ("pool",),
)  # fmt: skip
POOL_MAX_SIZE: Final = Instrument(
    "agent.pool.max_size", "gauge", "{agent}", "Agents that a pool may hold", "agent", "agent_pool_max_size",
    ("pool",),
)  # fmt: skip
MEMORY_USAGE: Final = Instrument(
    "agent.memory.usage", "gauge", "By", "Memory of the process and its limit", "agent",
    "agent_memory_usage_bytes", ("state",),
)  # fmt: skip

OPERATION_DURATION: Final = Instrument(
    "gen_ai.client.operation.duration", "histogram", "s", "Duration of model calls", "gen_ai",
    "gen_ai_client_operation_duration_seconds",
    ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", "error.type"),
    GEN_AI_DURATION_BUCKETS,
)  # fmt: skip
CLIENT_TOKEN_USAGE: Final = Instrument(
    "gen_ai.client.token.usage", "histogram", "{token}", "Input and output tokens of model calls", "gen_ai",
    "gen_ai_client_token_usage",
    ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model",
     "gen_ai.token.type"),
    GEN_AI_TOKEN_BUCKETS,
)  # fmt: skip
TIME_TO_FIRST_CHUNK: Final = Instrument(
    "gen_ai.client.operation.time_to_first_chunk", "histogram", "s",
    "Time until the first piece of a stream", "gen_ai",
    "gen_ai_client_operation_time_to_first_chunk_seconds",
    ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model"),
    GEN_AI_DURATION_BUCKETS,
)  # fmt: skip
TIME_PER_OUTPUT_CHUNK: Final = Instrument(
    "gen_ai.client.operation.time_per_output_chunk", "histogram", "s",
    "Mean time between the pieces of a stream after the first", "gen_ai",
    "gen_ai_client_operation_time_per_output_chunk_seconds",
    ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model"),
    GEN_AI_DURATION_BUCKETS,
)  # fmt: skip
INVOKE_AGENT_DURATION: Final = Instrument(
    "gen_ai.invoke_agent.duration", "histogram", "s", "Duration of agent runs", "gen_ai",
    "gen_ai_invoke_agent_duration_seconds", ("gen_ai.agent.name", "gen_ai.request.model", "error.type"),
    GEN_AI_AGENT_BUCKETS,
)  # fmt: skip
EXECUTE_TOOL_DURATION: Final = Instrument(
    "gen_ai.execute_tool.duration", "histogram", "s", "Duration of tool executions", "gen_ai",
    "gen_ai_execute_tool_duration_seconds",
    ("gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.agent.name", "error.type"),
    GEN_AI_DURATION_BUCKETS,
)  # fmt: skip
INVOKE_WORKFLOW_DURATION: Final = Instrument(
    "gen_ai.invoke_workflow.duration", "histogram", "s", "Duration of workflows", "gen_ai",
    "gen_ai_invoke_workflow_duration_seconds", ("gen_ai.workflow.name", "error.type"), GEN_AI_WORKFLOW_BUCKETS,
)  # fmt: skip

MCP_CLIENT_DURATION: Final = Instrument(
    "mcp.client.operation.duration", "histogram", "s", "Duration of MCP requests, as their client sees it", "gen_ai",
    "mcp_client_operation_duration_seconds", ("mcp.method.name", "gen_ai.tool.name", "error.type"), MCP_BUCKETS,
)  # fmt: skip
MCP_SERVER_DURATION: Final = Instrument(
    "mcp.server.operation.duration", "histogram", "s", "Duration of MCP requests, as their server sees it", "gen_ai",
    "mcp_server_operation_duration_seconds", ("mcp.method.name", "gen_ai.tool.name", "error.type"), MCP_BUCKETS,
)  # fmt: skip

SELF_ERRORS: Final = Instrument(
    "agentotel.self.errors", "observable_counter", "{error}",
    "Errors inside agentotel, by the place where they were caught", "self", "agentotel_self_errors_total", ("site",),
)  # fmt: skip
SELF_FOLDED: Final = Instrument(
    "agentotel.self.folded", "counter", "{value}", "Metric records whose attribute value was folded into `other`",
    "self", "agentotel_self_folded_total", ("attribute",),
)  # fmt: skip
SELF_TRUNCATED: Final = Instrument(
    "agentotel.self.truncated", "counter", "{value}", "Attribute values that were cut to the byte budget", "self",
    "agentotel_self_truncated_total", ("attribute",),
)  # fmt: skip
SELF_REDACTED: Final = Instrument(
    "agentotel.self.redacted", "counter", "{item}", "Secrets that were replaced in content", "self",
    "agentotel_self_redacted_total", ("pattern",),
)  # fmt: skip
SELF_DROPPED: Final = Instrument(
    "agentotel.self.dropped", "counter", "{item}", "Spans, log records and metric points that could not be delivered",
    "self", "agentotel_self_dropped_total", ("signal",),
)  # fmt: skip

INSTRUMENTS: Final[tuple[Instrument, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, Instrument)
)
"""All of them, in the order of this file."""
