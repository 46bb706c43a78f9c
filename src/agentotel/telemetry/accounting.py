"""What operations have used and what it costs, each token counted once, by the innermost call that knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.model.operations import AgentRun, ModelCall, Operation, Usage, Workflow
from agentotel.telemetry import attributes, loops
from agentotel.telemetry.inner_recording import InnerRecording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.cost import Budgets, Cost
    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.recorder import Sinks
    from agentotel.telemetry.recording import ActiveRecording


class Accounting:
    """Counts tokens, cost and budgets.

    Args:
        sinks: Where the telemetry goes.
    """

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks

    def settle(self, recording: ActiveRecording, error: BaseException | None) -> Attributes:
        """Count what an operation has used, once; return what its span says about it.

        Args:
            recording: The operation, which has ended.
            error: The exception that has ended it.
        """
        operation = recording.operation
        if isinstance(operation, ModelCall):
            return self._settle_model_call(recording, operation, error)
        if isinstance(operation, AgentRun) and not recording.calls_inside and operation.usage is not None:
            recording.counts_itself = True
            self.count(recording, operation.provider, operation.request_model, operation.usage)
        return _totals(recording) | (loops.of_run(recording) if isinstance(operation, AgentRun) else {})

    def _settle_model_call(
        self, recording: ActiveRecording, call: ModelCall, error: BaseException | None
    ) -> Attributes:
        self._settle_layers(recording, call)
        if call.usage is None and (error is not None or _is_counted_elsewhere(recording)):
            return {}
        recording.counts_itself = call.usage is not None
        model = call.response_model or call.request_model
        cost = self.count(recording, call.provider, model, call.usage)
        found = attributes.of_usage(call.usage)
        if cost is not None:
            found |= {names.COST: cost.amount, names.COST_CURRENCY: cost.currency, names.COST_PRICES: cost.prices}
        return found

    def _settle_layers(self, recording: ActiveRecording, call: ModelCall) -> None:
        """Decide what a call counts that others were seen inside of: what the lower layers have not counted."""
        if recording.calls_inside:
            # Further calls inside have counted themselves, and the outer layer's own word may include them.
            call.usage = None if recording.inner is None else _usage(recording.inner.operation)

    def count(
        self, recording: ActiveRecording, provider: str | None, model: str | None, usage: Usage | None
    ) -> Cost | None:
        """Count tokens and their cost: in the metric, in the budgets, and for all that is around; return the cost.

        Args:
            recording: What has used them.
            provider: Whose model it was.
            model: Which one; None where nobody knows.
            usage: The tokens; None for a call that does not tell, whose cost is unknown.
        """
        sinks, cost = self._sinks, None
        if model and usage is not None:
            cost = attempt("recorder.prices", sinks.prices.cost, provider, model, usage)
        tenant = recording.started_with.built().get(names.TENANT_ID)
        tenant_id = str(tenant) if tenant is not None else None
        attempt("recorder.cost", sinks.metrics.cost, cost, model, tenant_id, recording.context)
        if cost is not None and sinks.budgets is not None:
            attempt("recorder.budgets", self._spend, sinks.budgets, cost, tenant_id, recording)
        if usage is not None:
            amount = None if cost is None else (cost.currency, cost.amount)
            for counting in _counting(recording):
                counting.totals.add(usage, amount)
        return cost

    def _spend(self, budgets: Budgets, cost: Cost, tenant_id: str | None, recording: ActiveRecording) -> None:
        for scope, limit, spent in budgets.spend(cost, tenant_id):
            used: Attributes = {names.BUDGET_SCOPE: scope, names.BUDGET_LIMIT: limit, names.BUDGET_SPENT: spent}
            used[names.COST_CURRENCY] = cost.currency
            self._sinks.events.budget_used(recording.agent | used, recording.context)


def _counting(recording: ActiveRecording) -> Iterator[ActiveRecording]:
    """Yield the operations that add up the tokens of `recording`: runs and workflows, and model calls around it."""
    if isinstance(recording.operation, AgentRun):
        yield recording
    layers = recording.layers() if isinstance(recording, InnerRecording) else ()
    for around in recording.around():
        if isinstance(around.operation, AgentRun | Workflow | ModelCall) and around not in layers:
            yield around


def _usage(operation: Operation) -> Usage | None:
    return operation.usage if isinstance(operation, ModelCall) else None


def _is_counted_elsewhere(call: ActiveRecording) -> bool:
    """Tell whether the tokens of a call have been counted by others inside it, or will be when its stream ends."""
    return bool(call.calls_inside) or (call.inner is not None and not call.inner.ended)


def _totals(recording: ActiveRecording) -> Attributes:
    if not recording.calls_inside:
        return {}
    totals = recording.totals
    found = attributes.of_usage(totals.usage)
    if len(totals.cost) == 1:
        currency, amount = next(iter(totals.cost.items()))
        found |= {names.COST: amount, names.COST_CURRENCY: currency}
    return found
