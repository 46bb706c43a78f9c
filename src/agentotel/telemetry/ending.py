"""The end of an operation: its outcome, usage and cost, and what they add to span, metrics and log records.

Each part stands in a guard of its own: a metric that cannot be recorded must not keep the span from ending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from opentelemetry.trace import Status, StatusCode

from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.model.operations import (
    AgentRun,
    McpCall,
    ModelCall,
    Operation,
    Retrieval,
    Step,
    ToolCall,
    Usage,
    Workflow,
)
from agentotel.telemetry import attributes, loops, spelling
from agentotel.telemetry.late import LateSpan
from agentotel.telemetry.loops import Loops
from agentotel.telemetry.outcome import CANCELLED, FAILED, Outcome
from agentotel.telemetry.recording import InnerRecording
from agentotel.telemetry.token_limits import TokenLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentotel.cost import Budgets, Cost
    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.late import Later
    from agentotel.telemetry.recorder import Sinks
    from agentotel.telemetry.recording import ActiveRecording, Mark

_CONTENT: Final = {
    ModelCall: ("input_messages", "output_messages", "system_instructions", "tool_definitions"),
    AgentRun: ("input_messages", "output_messages", "system_instructions"),
    ToolCall: ("arguments", "result"),
    McpCall: ("arguments", "result"),
    Workflow: ("input_messages", "output_messages"),
    Retrieval: ("query", "documents"),
    Step: (),
}
_LET_GO: Final[dict[type[Operation], dict[str, None]]] = {
    kind: dict.fromkeys(("subject", "scratch", *content)) for kind, content in _CONTENT.items()
}
"""What is set to nothing when an operation has ended, by its kind."""

_CANCELLING: Final = frozenset({"CancelledError", "Cancelled", "KeyboardInterrupt", "SystemExit", "GeneratorExit"})


class Ending:
    """Ends recordings.

    Args:
        sinks: Where the telemetry goes.
    """

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._limits = TokenLimits(sinks.events, sinks.token_limit)
        self._loops = Loops(sinks.metrics, sinks.events, sinks.loop_limit)
        self._later = sinks.later
        # Made once: a method that is taken from its object is an object more, which each operation would keep.
        self._late = self._finish_late
        self._settle_later = None if sinks.later is None else sinks.later.settle
        self._wants_content = sinks.content.is_wanted

    def started(self, run: AgentRun, recording: ActiveRecording) -> None:
        """Warn at the start of a run whose agent has used most of its tokens already."""
        self._limits.check_start(run, recording)

    def inner(self, recording: ActiveRecording, error: BaseException | None) -> None:
        """End a model call that completes the one around it; see `InnerRecording`."""
        assert isinstance(recording, InnerRecording)
        whole = recording.layers()[-1]
        if not whole.ended:
            # The call around it decides whether it has failed: it may answer from elsewhere.
            whole.broken_by = None if error is None or _is_cancellation(error) else error
            if recording.outer is not whole:  # what stands directly around it takes it over at its own end
                attempt("recorder.merge", recording.merge)
        elif not whole.counts_itself:
            attempt("recorder.late", self._count_late, recording, whole)

    def _count_late(self, recording: InnerRecording, whole: ActiveRecording) -> None:
        """Count tokens that came after the call around had returned: its span is gone, they must still count."""
        call = recording.operation
        assert isinstance(call, ModelCall)
        self._count(recording, call.provider, call.response_model or call.request_model, call.usage)
        outcome = Outcome(recording.watch.elapsed_s(), recording.context)
        self._sinks.metrics.tokens(call, outcome, official=whole.official)

    def finish(self, recording: ActiveRecording, error: BaseException | None) -> None:
        """End a recording: called once, by `ActiveRecording`."""
        if self._later is not None:
            end_late = getattr(recording.span, "end_late", None) if error is None else None
            if end_late is not None and self._can_wait(recording):
                self._finish_later(recording, self._later, end_late)
                return
            self._later.settle()  # what ended before counts before
        _merge(recording)
        self._finish_now(recording, error)

    def _can_wait(self, recording: ActiveRecording) -> bool:
        """Tell whether all that is left to do after the end comes from what is known by now, and only adds.

        Content is not kept: it may be large, and the program may change it.
        """
        operation, inner = recording.operation, recording.inner
        if self._wants_content or operation.failure is not None or (inner is not None and not inner.ended):
            return False
        return not isinstance(operation, AgentRun) or self._limits.limit_of(operation) is None

    def _finish_later(self, recording: ActiveRecording, later: Later, end_late: Callable[..., None]) -> None:
        watch, operation, inner = recording.watch, recording.operation, recording.inner
        watch.stop()
        if inner is not None:
            if _may_name(inner, recording):
                _merge(recording)
            _let_go_of_content(inner.operation)
        fingerprint = None
        if isinstance(operation, ToolCall | McpCall):
            fingerprint = attempt("recorder.loops", self._loops.fingerprint, operation)
        _let_go_of_content(operation)
        if spelling.named_after(operation) != recording.named_after:
            attempt("recorder.name", self._name, recording)
        later.add("recorder.late", self._late, recording, fingerprint)
        attempt("recorder.span", end_late, watch.now_ns(), self._settle_later)

    def _finish_late(self, recording: ActiveRecording, fingerprint: int | None) -> None:
        """Do what `_finish_later` has left to be done."""
        try:
            _merge(recording)
            self._work_out(recording, None, fingerprint, self._complete_span)
        finally:
            cast("LateSpan", recording.span).completed()

    def _finish_now(self, recording: ActiveRecording, error: BaseException | None) -> None:
        fingerprint = attempt("recorder.loops", self._loops.fingerprint, recording.operation)
        self._work_out(recording, _cause(recording, error), fingerprint, self._end_span)

    def _work_out(
        self,
        recording: ActiveRecording,
        error: BaseException | None,
        fingerprint: int | None,
        tell_span: Callable[[ActiveRecording, Outcome, BaseException | None, Attributes], None],
    ) -> None:
        outcome: Outcome | None = None
        settled: Attributes = {}
        try:
            outcome = attempt("recorder.outcome", _outcome, recording, error)
            settled = attempt("recorder.usage", self._settle, recording, error) or settled
        finally:  # the span still has to end, also where errors are raised (strict)
            if outcome is None:
                outcome = Outcome(recording.watch.elapsed_s(), recording.context)
            try:
                attempt("recorder.span", tell_span, recording, outcome, error, settled)
            finally:
                attempt("recorder.metrics", self._record_metrics, recording, outcome)
                attempt("recorder.loops", self._loops.ended, recording, outcome, fingerprint)
                attempt("recorder.events", self._emit_events, recording, outcome)
                recording.part_from_context()

    # --- usage and cost ---

    def _settle(self, recording: ActiveRecording, error: BaseException | None) -> Attributes:
        operation = recording.operation
        if isinstance(operation, ModelCall):
            return self._settle_model_call(recording, operation, error)
        if isinstance(operation, AgentRun) and not recording.totals.calls and operation.usage is not None:
            recording.counts_itself = True
            self._count(recording, operation.provider, operation.request_model, operation.usage)
        return _totals(recording) | (loops.of_run(recording) if isinstance(operation, AgentRun) else {})

    def _settle_model_call(
        self, recording: ActiveRecording, call: ModelCall, error: BaseException | None
    ) -> Attributes:
        self._settle_layers(recording, call)
        if call.usage is None and (error is not None or _is_counted_elsewhere(recording)):
            return {}
        recording.counts_itself = call.usage is not None
        model = call.response_model or call.request_model
        cost = self._count(recording, call.provider, model, call.usage)
        found = attributes.of_usage(call.usage)
        if cost is not None:
            found |= {names.COST: cost.amount, names.COST_CURRENCY: cost.currency, names.COST_PRICES: cost.prices}
        return found

    def _settle_layers(self, recording: ActiveRecording, call: ModelCall) -> None:
        """Decide what a call counts that others were seen inside of: what the lower layers have not counted."""
        if recording.totals.calls:
            # Further calls inside have counted themselves, and the outer layer's own word may include them.
            call.usage = None if recording.inner is None else _usage(recording.inner.operation)

    def _count(
        self, recording: ActiveRecording, provider: str | None, model: str | None, usage: Usage | None
    ) -> Cost | None:
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

    # --- the span ---

    def _end_span(
        self, recording: ActiveRecording, outcome: Outcome, error: BaseException | None, settled: Attributes
    ) -> None:
        span = recording.span
        try:
            if span.is_recording():
                self._name(recording)
                self._complete_span(recording, outcome, error, settled)
                if error is not None and outcome.error_type is not None:
                    described = self._sinks.content.exception(error, recording.budget)
                    span.add_event("exception", described)
        finally:
            span.end(recording.watch.now_ns())

    def _name(self, recording: ActiveRecording) -> None:
        """Name the span anew where its name is known only at the end: of a model, of a hand-off."""
        if spelling.named_after(recording.operation) == recording.named_after:
            return
        name = spelling.span_name(self._sinks.convention, recording.operation)
        if name != getattr(recording.span, "name", None):
            recording.span.update_name(name)

    def _complete_span(
        self, recording: ActiveRecording, outcome: Outcome, error: BaseException | None, settled: Attributes
    ) -> None:
        del error  # it is an event of its own
        span, convention = recording.span, self._sinks.convention
        if outcome.error_type is not None:
            span.set_status(Status(StatusCode.ERROR, outcome.error_type))
        add = span.complete if isinstance(span, LateSpan) else span.set_attributes
        add(spelling.renamed(convention, self._end_attributes(recording, outcome) | settled))
        if getattr(span, "dropped_attributes", 0):
            # The SDK makes room by dropping what was set first, and those are the ids.
            add(spelling.renamed(convention, attributes.ids(recording.started_with.built())))

    def _end_attributes(self, recording: ActiveRecording, outcome: Outcome) -> Attributes:
        operation, started_with = recording.operation, recording.started_with.built()
        added = attributes.at_end(operation, started_with)
        if recording.inner is not None or recording.is_told_late:
            completed = attributes.at_start(operation, {})
            added |= {key: value for key, value in completed.items() if started_with.get(key) != value}
        if outcome.error_type is not None:
            added[names.ERROR_TYPE] = outcome.error_type
        if isinstance(operation, AgentRun):
            added[names.STATUS] = outcome.status
        if outcome.time_to_first_chunk is not None and isinstance(operation, ModelCall):
            added[names.RESPONSE_TIME_TO_FIRST_CHUNK] = outcome.time_to_first_chunk
        return added | (attempt("recorder.content", self._sinks.content.at_end, operation, recording.budget) or {})

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
        elif isinstance(operation, McpCall):
            metrics.mcp_call(operation, outcome, is_outermost=_is_outermost(recording, operation))
            _tell_the_tool(recording, operation)
        else:
            metrics.failed(outcome)

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


def _merge(recording: ActiveRecording) -> None:
    """Complete a call by what a lower layer knows of it, at the end: what the outer one has heard since may say less.

    Doing it again changes nothing.
    """
    inner = recording.inner
    if inner is not None and inner.ended:
        attempt("recorder.merge", inner.merge)


def _may_name(inner: InnerRecording, recording: ActiveRecording) -> bool:
    """Tell whether merging what the lower layer knows may change what the operation is called."""
    lower, upper = inner.operation, recording.operation
    assert isinstance(lower, ModelCall)
    assert isinstance(upper, ModelCall)
    return lower.request_model != upper.request_model or lower.operation != upper.operation


def _let_go_of_content(operation: Operation) -> None:
    """Keep nothing of the program's own until the rest is done: no content, and nothing to read it from."""
    vars(operation).update(_LET_GO[type(operation)])


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
        outcome.passed_on = outcome.status == CANCELLED or recording.failure in _marks(error)
        for around in recording.around():
            around.failure = _mark(error)
    elif operation.failure is not None:
        outcome.error_type, outcome.status = attributes.text(operation.failure), FAILED
    elif operation.cancelled:
        outcome.status = CANCELLED
    return outcome


def _cause(recording: ActiveRecording, error: BaseException | None) -> BaseException | None:
    """Return what has ended it: a library may cancel its own task because the call inside has failed."""
    broken_by, recording.broken_by = recording.broken_by, None
    return broken_by if broken_by is not None and error is not None and _is_cancellation(error) else error


def _is_cancellation(error: BaseException) -> bool:
    """Tell whether an exception says "stop" rather than "broken"; by name, to import neither asyncio nor trio."""
    return any(base.__name__ in _CANCELLING for base in type(error).__mro__)


def _marks(error: BaseException) -> set[Mark]:
    """Return the marks of an exception and of those that it was raised from."""
    found: set[Mark] = set()
    current: BaseException | None = error
    while current is not None and (mark := _mark(current)) not in found:
        found.add(mark)
        current = current.__cause__ or current.__context__
    return found


def _mark(error: BaseException) -> Mark:
    """Return what tells an exception from others: its identity and where it was raised.

    The exception itself cannot be kept, which would keep the program's frames alive; and its identity alone may be
    that of a later one, made when it was gone.
    """
    innermost = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    if innermost is None:
        return id(error), None, 0
    return id(error), innermost.tb_frame.f_code, innermost.tb_lasti


def _counting(recording: ActiveRecording) -> Iterator[ActiveRecording]:
    """Yield the operations that add up the tokens of `recording`: runs and workflows, and model calls around it."""
    if isinstance(recording.operation, AgentRun):
        yield recording
    layers = recording.layers() if isinstance(recording, InnerRecording) else ()
    for around in recording.around():
        if isinstance(around.operation, AgentRun | Workflow | ModelCall) and around not in layers:
            yield around


def _is_outermost(recording: ActiveRecording, call: McpCall) -> bool:
    """Tell whether nobody else counts the tool that an MCP request executes, or its error.

    A framework's tool around the client's side does, and the client counts what the server does.
    """
    if call.server_side:
        return False
    return not any(isinstance(around.operation, ToolCall | McpCall) for around in recording.around())


def _tell_the_tool(recording: ActiveRecording, call: McpCall) -> None:
    """Let the framework's tool know that the tool which it has called on a server says that it has failed."""
    if call.failure is None or call.server_side or not call.is_tool_call:
        return
    for around in recording.around():
        if isinstance(around.operation, ToolCall):
            around.operation.mcp_failure = call.failure
            return


def _usage(operation: Operation) -> Usage | None:
    return operation.usage if isinstance(operation, ModelCall) else None


def _is_counted_elsewhere(call: ActiveRecording) -> bool:
    """Tell whether the tokens of a call have been counted by others inside it, or will be when its stream ends."""
    return bool(call.totals.calls) or (call.inner is not None and not call.inner.ended)


def _totals(recording: ActiveRecording) -> Attributes:
    totals = recording.totals
    if not totals.calls:
        return {}
    found = attributes.of_usage(totals.usage)
    if len(totals.cost) == 1:
        currency, amount = next(iter(totals.cost.items()))
        found |= {names.COST: amount, names.COST_CURRENCY: currency}
    return found
