"""The end of an operation: its outcome, usage and cost, and what they add to span, metrics and log records.

Each part stands in a guard of its own: a metric that cannot be recorded must not keep the span from ending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import Status, StatusCode

from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage, Workflow
from agentotel.telemetry import attributes
from agentotel.telemetry.outcome import CANCELLED, FAILED, Outcome
from agentotel.telemetry.recording import InnerRecording
from agentotel.telemetry.token_limits import TokenLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.cost import Cost
    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.recorder import Sinks
    from agentotel.telemetry.recording import ActiveRecording

_CANCELLING: Final = frozenset({"CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit"})


class Ending:
    """Ends recordings.

    Args:
        sinks: Where the telemetry goes.
    """

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._limits = TokenLimits(sinks.events, sinks.token_limit)

    def started(self, run: AgentRun, recording: ActiveRecording) -> None:
        """Warn at the start of a run whose agent has used most of its tokens already."""
        self._limits.check_start(run, recording)

    def inner(self, recording: ActiveRecording, error: BaseException | None) -> None:
        """End a model call that completes the one around it; see `InnerRecording`."""
        del error  # the call around it decides whether it has failed: it may answer from elsewhere
        assert isinstance(recording, InnerRecording)
        if recording.outer is not None and not recording.outer.ended:
            recording.merge()
            return
        # The call around it has returned before its stream was read: the span is gone, the tokens must still count.
        assert isinstance(recording.operation, ModelCall)
        self._settle_model_call(recording, recording.operation, None)
        outcome = Outcome(recording.watch.elapsed_s(), recording.context)
        self._sinks.metrics.tokens(recording.operation, outcome)

    def finish(self, recording: ActiveRecording, error: BaseException | None) -> None:
        """End a recording: called once, by `ActiveRecording`."""
        outcome = _outcome(recording, error)
        settled = attempt("recorder.usage", self._settle, recording, error) or {}
        attempt("recorder.span", self._end_span, recording, outcome, error, settled)
        attempt("recorder.metrics", self._record_metrics, recording, outcome)
        attempt("recorder.events", self._emit_events, recording, outcome)

    # --- usage and cost ---

    def _settle(self, recording: ActiveRecording, error: BaseException | None) -> Attributes:
        operation = recording.operation
        if isinstance(operation, ModelCall):
            return self._settle_model_call(recording, operation, error)
        if isinstance(operation, AgentRun) and not recording.totals.calls and operation.usage is not None:
            recording.counts_itself = True
            self._count(recording, operation.provider, operation.request_model, operation.usage)
        return _totals(recording)

    def _settle_model_call(
        self, recording: ActiveRecording, call: ModelCall, error: BaseException | None
    ) -> Attributes:
        if call.usage is None and error is not None:
            return {}
        model = call.response_model or call.request_model
        cost = self._count(recording, call.provider, model, call.usage)
        found = attributes.of_usage(call.usage)
        if cost is not None:
            found |= {names.COST: cost.amount, names.COST_CURRENCY: cost.currency, names.COST_PRICES: cost.prices}
        return found

    def _count(
        self, recording: ActiveRecording, provider: str | None, model: str | None, usage: Usage | None
    ) -> Cost | None:
        cost = self._sinks.prices.cost(provider, model, usage) if model and usage is not None else None
        tenant = recording.started_with.get(names.TENANT_ID)
        self._sinks.metrics.cost(cost, model, str(tenant) if tenant is not None else None, recording.context)
        if usage is not None:
            amount = None if cost is None else (cost.currency, cost.amount)
            for run in _runs(recording):
                run.totals.add(usage, amount)
        return cost

    # --- the span ---

    def _end_span(
        self, recording: ActiveRecording, outcome: Outcome, error: BaseException | None, settled: Attributes
    ) -> None:
        span, operation, convention = recording.span, recording.operation, self._sinks.convention
        try:
            if span.is_recording():
                added = self._end_attributes(recording, outcome) | settled
                if outcome.error_type is not None:
                    span.set_status(Status(StatusCode.ERROR, outcome.error_type))
                    if error is not None:
                        span.add_event("exception", self._sinks.content.exception(error))
                if recording.inner is not None:
                    span.update_name(attributes.text(convention.span_name(operation)))
                span.set_attributes(convention.rename(added))
        finally:
            span.end(recording.watch.now_ns())

    def _end_attributes(self, recording: ActiveRecording, outcome: Outcome) -> Attributes:
        operation = recording.operation
        added = attributes.at_end(operation, recording.started_with)
        if recording.inner is not None:
            completed = attributes.at_start(operation, {})
            added |= {key: value for key, value in completed.items() if recording.started_with.get(key) != value}
        if outcome.error_type is not None:
            added[names.ERROR_TYPE] = outcome.error_type
        if isinstance(operation, AgentRun):
            added[names.STATUS] = outcome.status
        if outcome.time_to_first_chunk is not None:
            added[names.RESPONSE_TIME_TO_FIRST_CHUNK] = outcome.time_to_first_chunk
        return added | (attempt("recorder.content", self._sinks.content.at_end, operation) or {})

    # --- metrics and log records ---

    def _record_metrics(self, recording: ActiveRecording, outcome: Outcome) -> None:
        metrics, operation = self._sinks.metrics, recording.operation
        if isinstance(operation, ModelCall):
            metrics.model_call(operation, outcome, official=recording.official)
        elif isinstance(operation, ToolCall):
            metrics.tool_call(operation, outcome)
        elif isinstance(operation, Workflow):
            metrics.workflow(operation, outcome)
        elif isinstance(operation, AgentRun):
            metrics.agent_run(operation, outcome, operation.usage if recording.counts_itself else None)

    def _emit_events(self, recording: ActiveRecording, outcome: Outcome) -> None:
        sinks, operation = self._sinks, recording.operation
        if isinstance(operation, AgentRun):
            if recording.user_id is not None:
                sinks.users.run_ended(recording.user_id)
            self._limits.check_end(operation, recording)
        elif isinstance(operation, ModelCall):
            details = sinks.content.details(operation)
            if details:
                event = attributes.at_start(operation, recording.agent) | attributes.at_end(operation, {}) | details
                sinks.events.inference_details(event, recording.context)
        if outcome.status != FAILED or outcome.passed_on:
            return
        failure = {**recording.agent, names.ERROR_TYPE: outcome.error_type or "_OTHER"}
        if isinstance(operation, ModelCall):
            model = operation.request_model
            sinks.events.model_call_failed(failure | ({names.REQUEST_MODEL: model} if model else {}), recording.context)
        elif isinstance(operation, ToolCall):
            tool = attributes.text(operation.name or "")
            sinks.events.tool_failed(failure | {names.TOOL_NAME: tool}, recording.context)


def _outcome(recording: ActiveRecording, error: BaseException | None) -> Outcome:
    operation = recording.operation
    outcome = Outcome(recording.watch.elapsed_s(), recording.context)
    outcome.time_to_first_chunk = recording.time_to_first_chunk()
    outcome.time_per_chunk = recording.time_per_chunk()
    run = recording.enclosing_run()
    if run is not None:
        outcome.agent_id, outcome.agent_name = run.agent_id, run.name
    if error is not None:
        outcome.error_type = type(error).__qualname__
        outcome.status = CANCELLED if _is_cancellation(error) else FAILED
        outcome.passed_on = outcome.status == CANCELLED or recording.failure_id in _identities(error)
        for around in recording.around():
            around.failure_id = id(error)
    elif operation.failure is not None:
        outcome.error_type, outcome.status = operation.failure, FAILED
    elif operation.cancelled:
        outcome.status = CANCELLED
    return outcome


def _is_cancellation(error: BaseException) -> bool:
    """Tell whether an exception says "stop" rather than "broken"; by name, so that asyncio is not imported for it."""
    return any(base.__name__ in _CANCELLING for base in type(error).__mro__)


def _identities(error: BaseException) -> set[int]:
    """Return the identities of an exception and of those that it was raised from."""
    found: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in found:
        found.add(id(current))
        current = current.__cause__ or current.__context__
    return found


def _runs(recording: ActiveRecording) -> Iterator[ActiveRecording]:
    """Yield the runs and workflows that the tokens of `recording` belong to, itself included, inside out."""
    for around in (recording, *recording.around()):
        if isinstance(around.operation, AgentRun | Workflow):
            yield around


def _totals(recording: ActiveRecording) -> Attributes:
    totals = recording.totals
    if not totals.calls:
        return {}
    found = attributes.of_usage(totals.usage)
    if len(totals.cost) == 1:
        currency, amount = next(iter(totals.cost.items()))
        found |= {names.COST: amount, names.COST_CURRENCY: currency}
    return found
