"""What an operation adds to the metrics: the two families, written once for all adapters.

An instrument of a family that is switched off is never created, and recording it does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel._base.failopen import attempt
from agentotel.model import instruments as defined
from agentotel.telemetry.late import Sums
from agentotel.telemetry.series import Series

if TYPE_CHECKING:
    from collections.abc import Collection

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from agentotel.cost import Cost
    from agentotel.model.instruments import Instrument
    from agentotel.model.operations import AgentRun, McpCall, ModelCall, ToolCall, Usage, Workflow
    from agentotel.telemetry.cardinality import CardinalityGuard
    from agentotel.telemetry.outcome import Outcome
    from agentotel.telemetry.series import Recorded, Values

_TOKEN_TYPES = (
    ("input_tokens", "input"),
    ("output_tokens", "output"),
    ("cache_read_tokens", "cache_read"),
    ("cache_write_tokens", "cache_write"),
    ("reasoning_tokens", "reasoning"),
)
_READ_AT_COLLECTION = frozenset({"gauge", "observable_counter"})
"""Kinds that `agentotel.telemetry.gauges` creates."""


class Metrics:
    """Records what ended operations mean as metrics.

    Args:
        meter: Where instruments are created.
        families: The families that are on, from ``AGENTOTEL_METRICS``; ``self`` is always on.
        guard: Bounds the values of the attributes.
    """

    def __init__(self, meter: Meter, families: Collection[str], guard: CardinalityGuard) -> None:
        self._series: dict[str, Series] = {
            instrument.name: Series(meter, instrument, guard)
            for instrument in defined.INSTRUMENTS
            if instrument.kind not in _READ_AT_COLLECTION
            and (instrument.family == "self" or instrument.family in families)
        }

    def add(self, instrument: Instrument, amount: float, values: Values, context: Context | None = None) -> None:
        """Record `amount`; nothing happens if the instrument's family is off.

        Args:
            instrument: Which metric.
            amount: In the instrument's unit.
            values: Of its attributes, in their order; None leaves one out.
            context: The operation's context, for exemplars.
        """
        series = self._series.get(instrument.name)
        if series is not None:
            series.record(amount, values, context)

    def gathered(self) -> GatheredMetrics:
        """Return metrics that record into the same series, all at once."""
        return GatheredMetrics(self._series)

    def model_call(self, call: ModelCall, outcome: Outcome, *, official: bool = False) -> None:
        """Record a model call that has ended.

        Args:
            call: The call.
            outcome: How it ended.
            official: An official instrumentation records the same call: its family of metrics is left to it.
        """
        if not official:
            self._gen_ai_call(call, outcome)
        self.tokens(call, outcome, official=official)
        # A try that was refused names no model that answered: with the answer's, one model would have two names here.
        model = call.request_model or call.response_model
        if call.retries:
            self.add(defined.AGENT_RETRIES, call.retries, (model,), outcome.context)
        if call.rate_limits:
            self.add(defined.RATE_LIMITED, call.rate_limits, (model,), outcome.context)
        self._error(outcome)

    def tokens(self, call: ModelCall, outcome: Outcome, *, official: bool = False) -> None:
        """Record the tokens of a model call; arguments as in `model_call`."""
        self._tokens(call.usage, call.response_model or call.request_model, outcome.context)
        if call.usage is None or official:
            return
        what = (call.operation, call.provider, call.request_model, call.response_model)
        for field, kind in _TOKEN_TYPES[:2]:
            count = getattr(call.usage, field)
            if count is not None:
                self.add(defined.CLIENT_TOKEN_USAGE, count, (*what, kind), outcome.context)

    def _tokens(self, usage: Usage | None, model: str | None, context: Context) -> None:
        if usage is None:
            return
        for field, kind in _TOKEN_TYPES:
            count = getattr(usage, field)
            if count is not None:
                self.add(defined.TOKEN_USAGE, count, (kind, model), context)

    def _gen_ai_call(self, call: ModelCall, outcome: Outcome) -> None:
        context = outcome.context
        what = (call.operation, call.provider, call.request_model, call.response_model)
        self.add(defined.OPERATION_DURATION, outcome.seconds, (*what, outcome.error_type), context)
        if outcome.time_to_first_chunk is not None:
            self.add(defined.TIME_TO_FIRST_CHUNK, outcome.time_to_first_chunk, what, context)
        if outcome.time_per_chunk is not None:
            self.add(defined.TIME_PER_OUTPUT_CHUNK, outcome.time_per_chunk, what, context)

    def cost(self, cost: Cost | None, model: str | None, tenant_id: str | None, context: Context) -> None:
        """Record what a model call cost; None says that no price covers it, which is counted, never a silent 0."""
        if cost is None:
            self.add(defined.COST_UNKNOWN, 1, (model,), context)
        else:
            self.add(defined.AGENT_COST, cost.amount, (cost.currency, model, tenant_id), context)

    def agent_run(self, run: AgentRun, outcome: Outcome, usage: Usage | None) -> None:
        """Record an agent run that has ended.

        Args:
            run: The run.
            outcome: How it ended.
            usage: Tokens that no model call inside the run has counted already, else None.
        """
        context, seconds = outcome.context, outcome.seconds
        self.add(defined.AGENT_REQUESTS, 1, (run.name, run.template_id, outcome.status), context)
        self.add(defined.CHAT_LATENCY, seconds, (run.agent_id, run.template_id), context)
        self.add(defined.REQUEST_DURATION, seconds, (run.name, run.template_id), context)
        self.add(defined.INVOKE_AGENT_DURATION, seconds, (run.name, run.request_model, outcome.error_type), context)
        self._tokens(usage, run.request_model, context)
        self._error(outcome)

    def tool_call(self, tool: ToolCall, outcome: Outcome) -> None:
        """Record a tool execution that has ended."""
        context, seconds = outcome.context, outcome.seconds
        self.add(defined.TOOL_CALLS, 1, (tool.name, outcome.status), context)
        self.add(defined.TOOL_LATENCY, seconds, (tool.name,), context)
        values = (tool.name, tool.tool_type, outcome.agent_name, outcome.error_type)
        self.add(defined.EXECUTE_TOOL_DURATION, seconds, values, context)
        self._error(outcome)

    def workflow(self, workflow: Workflow, outcome: Outcome) -> None:
        """Record a workflow that has ended."""
        values = (workflow.name, outcome.error_type)
        self.add(defined.INVOKE_WORKFLOW_DURATION, outcome.seconds, values, outcome.context)
        self._error(outcome)

    def mcp_call(self, call: McpCall, outcome: Outcome, *, is_outermost: bool) -> None:
        """Record an MCP request that has ended.

        Args:
            call: The request.
            outcome: How it ended.
            is_outermost: Nobody else counts the tool or the error: neither a framework's tool nor the other side.
        """
        instrument = defined.MCP_SERVER_DURATION if call.server_side else defined.MCP_CLIENT_DURATION
        tool = call.name if call.is_tool_call else None
        context, seconds = outcome.context, outcome.seconds
        self.add(instrument, seconds, (call.method, tool, outcome.error_type), context)
        if is_outermost and call.is_tool_call:
            self.add(defined.TOOL_CALLS, 1, (tool, outcome.status), context)
            self.add(defined.TOOL_LATENCY, seconds, (tool,), context)
        if is_outermost:
            self._error(outcome)

    def failed(self, outcome: Outcome) -> None:
        """Count the failure of an operation that has no metric of its own (a step, a retrieval)."""
        self._error(outcome)

    def _error(self, outcome: Outcome) -> None:
        # An error that passes through a tool, a model call and an agent is one error: only where it first appears.
        if outcome.error_type is not None and not outcome.passed_on:
            self.add(defined.AGENT_ERRORS, 1, (outcome.error_type, outcome.agent_id), outcome.context)


class GatheredMetrics(Metrics, Sums):
    """Metrics for work that is done later, in one go: what is recorded for one series is added to it all at once.

    Made by `Metrics.gathered`.

    State: what has been recorded since the last time.

    Args:
        series: By the names of their instruments.
    """

    def __init__(self, series: dict[str, Series]) -> None:
        self._series = series
        self._recorded: dict[tuple[str, Values], list[Recorded]] = {}

    def add(self, instrument: Instrument, amount: float, values: Values, context: Context | None = None) -> None:
        """Record `amount` with the next `add_up`; only one thread at a time may do so. As `Metrics.add` otherwise."""
        key = instrument.name, values
        recorded = self._recorded.get(key)
        if recorded is None:
            self._recorded[key] = [(amount, context)]
        else:
            recorded.append((amount, context))

    def add_up(self) -> None:
        """Add what was recorded to its series."""
        recorded, self._recorded = self._recorded, {}
        for (name, values), records in recorded.items():
            series = self._series.get(name)
            if series is not None:
                attempt("recorder.metrics", series.record_all, records, values)

    def forget(self) -> None:
        """Record nothing of it."""
        self._recorded = {}
