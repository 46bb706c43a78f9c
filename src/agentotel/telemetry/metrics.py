"""What an operation adds to the metrics: the two families, written once for all adapters.

An instrument of a family that is switched off is never created, and recording it does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentotel.model import instruments as defined
from agentotel.model import names
from agentotel.model.conventions import operation_name
from agentotel.telemetry.cardinality import BOUNDED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter

    from agentotel.cost import Cost
    from agentotel.model.instruments import Instrument
    from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage, Workflow
    from agentotel.telemetry.cardinality import CardinalityGuard
    from agentotel.telemetry.outcome import Outcome

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
        self._label = guard.label
        self._record: dict[str, Callable[..., None]] = {
            instrument.name: _recorder(meter, instrument)
            for instrument in defined.INSTRUMENTS
            if instrument.kind not in _READ_AT_COLLECTION
            and (instrument.family == "self" or instrument.family in families)
        }

    def add(
        self, instrument: Instrument, amount: float, labels: Mapping[str, str | None], context: Context | None = None
    ) -> None:
        """Record `amount` with those `labels` that are known, bounded by the guard.

        Args:
            instrument: Which metric.
            amount: In the instrument's unit.
            labels: Values by attribute name; None and missing ones are left out.
            context: The operation's context, for exemplars.
        """
        record = self._record.get(instrument.name)
        if record is None:
            return
        label = self._label
        attributes = {
            name: label(name, value) if name in BOUNDED else value
            for name, value in labels.items()
            if value is not None
        }
        record(amount, attributes, context)

    def count_own(self, instrument: Instrument, label: str, count: int) -> None:
        """Count something about agentotel itself, in an instrument of the family ``self``, which has one attribute.

        Its values are agentotel's own words, so the guard (whose own folding is counted here) is not asked.
        """
        record = self._record.get(instrument.name)
        if record is not None:
            record(count, {instrument.attributes[0]: label})

    def model_call(self, call: ModelCall, outcome: Outcome, *, official: bool = False) -> None:
        """Record a model call that has ended.

        Args:
            call: The call.
            outcome: How it ended.
            official: An official instrumentation records the same call: its family of metrics is left to it.
        """
        if not official:
            self._gen_ai_call(call, outcome)
        self.tokens(call, outcome)
        model = call.response_model or call.request_model
        if call.retries:
            self.add(defined.AGENT_RETRIES, call.retries, {"model": model}, outcome.context)
        if call.rate_limits:
            self.add(defined.RATE_LIMITED, call.rate_limits, {"model": model}, outcome.context)
        self._error(outcome)

    def tokens(self, call: ModelCall, outcome: Outcome) -> None:
        """Record the tokens of a model call in the family `agent`."""
        model = call.response_model or call.request_model
        for amount, kind in _tokens(call.usage):
            self.add(defined.TOKEN_USAGE, amount, {"type": kind, "model": model}, outcome.context)

    def _gen_ai_call(self, call: ModelCall, outcome: Outcome) -> None:
        labels = {
            names.OPERATION_NAME: operation_name(call),
            names.PROVIDER_NAME: call.provider,
            names.REQUEST_MODEL: call.request_model,
            names.RESPONSE_MODEL: call.response_model,
        }
        self.add(
            defined.OPERATION_DURATION,
            outcome.seconds,
            {**labels, names.ERROR_TYPE: outcome.error_type},
            outcome.context,
        )
        for amount, kind in _tokens(call.usage)[:2]:
            if kind in {"input", "output"}:
                token_labels = {**labels, "gen_ai.token.type": kind}
                self.add(defined.CLIENT_TOKEN_USAGE, amount, token_labels, outcome.context)
        if outcome.time_to_first_chunk is not None:
            self.add(defined.TIME_TO_FIRST_CHUNK, outcome.time_to_first_chunk, labels, outcome.context)
        if outcome.time_per_chunk is not None:
            self.add(defined.TIME_PER_OUTPUT_CHUNK, outcome.time_per_chunk, labels, outcome.context)

    def cost(self, cost: Cost | None, model: str | None, tenant_id: str | None, context: Context) -> None:
        """Record what a model call cost; None says that no price covers it, which is counted, never a silent 0."""
        if cost is None:
            self.add(defined.COST_UNKNOWN, 1, {"model": model}, context)
        else:
            labels = {"currency": cost.currency, "model": model, "tenant_id": tenant_id}
            self.add(defined.AGENT_COST, cost.amount, labels, context)

    def agent_run(self, run: AgentRun, outcome: Outcome, usage: Usage | None) -> None:
        """Record an agent run that has ended.

        Args:
            run: The run.
            outcome: How it ended.
            usage: Tokens that no model call inside the run has counted already, else None.
        """
        agent = {"agent_name": run.name, "template_id": run.template_id}
        self.add(defined.AGENT_REQUESTS, 1, {**agent, "status": outcome.status}, outcome.context)
        latency_labels = {"agent_id": run.agent_id, "template_id": run.template_id}
        self.add(defined.CHAT_LATENCY, outcome.seconds, latency_labels, outcome.context)
        self.add(defined.REQUEST_DURATION, outcome.seconds, agent, outcome.context)
        for amount, kind in _tokens(usage):
            self.add(defined.TOKEN_USAGE, amount, {"type": kind, "model": run.request_model}, outcome.context)
        labels = {
            names.AGENT_NAME: run.name,
            names.REQUEST_MODEL: run.request_model,
            names.ERROR_TYPE: outcome.error_type,
        }
        self.add(defined.INVOKE_AGENT_DURATION, outcome.seconds, labels, outcome.context)
        self._error(outcome)

    def tool_call(self, tool: ToolCall, outcome: Outcome) -> None:
        """Record a tool execution that has ended."""
        self.add(defined.TOOL_CALLS, 1, {"tool_name": tool.name, "status": outcome.status}, outcome.context)
        self.add(defined.TOOL_LATENCY, outcome.seconds, {"tool_name": tool.name}, outcome.context)
        labels = {
            names.TOOL_NAME: tool.name,
            names.TOOL_TYPE: tool.tool_type,
            names.AGENT_NAME: outcome.agent_name,
            names.ERROR_TYPE: outcome.error_type,
        }
        self.add(defined.EXECUTE_TOOL_DURATION, outcome.seconds, labels, outcome.context)
        self._error(outcome)

    def workflow(self, workflow: Workflow, outcome: Outcome) -> None:
        """Record a workflow that has ended."""
        labels = {names.WORKFLOW_NAME: workflow.name, names.ERROR_TYPE: outcome.error_type}
        self.add(defined.INVOKE_WORKFLOW_DURATION, outcome.seconds, labels, outcome.context)
        self._error(outcome)

    def _error(self, outcome: Outcome) -> None:
        # An error that passes through a tool, a model call and an agent is one error: only where it first appears.
        if outcome.error_type is not None and not outcome.passed_on:
            labels = {"error_type": outcome.error_type, "agent_id": outcome.agent_id}
            self.add(defined.AGENT_ERRORS, 1, labels, outcome.context)


def _tokens(usage: Usage | None) -> list[tuple[int, str]]:
    if usage is None:
        return []
    counts = [(getattr(usage, field), kind) for field, kind in _TOKEN_TYPES]
    return [(count, kind) for count, kind in counts if count is not None]


def _recorder(meter: Meter, instrument: Instrument) -> Callable[..., None]:
    name, unit, description = instrument.name, instrument.unit, instrument.description
    if instrument.kind == "counter":
        return meter.create_counter(name, unit, description).add
    if instrument.kind == "up_down_counter":
        return meter.create_up_down_counter(name, unit, description).add
    if instrument.kind == "histogram":
        boundaries: dict[str, Any] = {"explicit_bucket_boundaries_advisory": list(instrument.buckets)}
        return meter.create_histogram(name, unit, description, **boundaries).record
    return meter.create_histogram(name, unit, description).record
