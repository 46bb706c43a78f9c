"""The recorder: starts, measures and ends operations. All that telemetry means is decided here, once for all adapters.

It is the `Observer` of `agentotel.model.contract`. Which operations are one and the same (an override that calls
``super()``, a client around an SDK, an official instrumentation beside us) is decided at their start; what they add to
spans, metrics and log records at their end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.context import Context, get_current, set_value
from opentelemetry.trace import INVALID_SPAN, SpanKind, get_current_span, set_span_in_context

from agentotel import identity
from agentotel._base.clock import Stopwatch
from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.model.operations import AgentRun, McpCall, ModelCall, Step
from agentotel.telemetry import attributes, official, open_recordings, spelling
from agentotel.telemetry.ending import Ending
from agentotel.telemetry.inner_recording import InnerRecording
from agentotel.telemetry.late import LateAttributes
from agentotel.telemetry.recording import ActiveRecording, current_context, innermost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span, Tracer

    from agentotel.cost import Budgets, Prices
    from agentotel.identity import Identity
    from agentotel.model.contract import Recording
    from agentotel.model.conventions import Convention
    from agentotel.model.operations import AttributeValue, Operation
    from agentotel.telemetry.active_users import ActiveUsers
    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.content import ContentCapture
    from agentotel.telemetry.events import Events
    from agentotel.telemetry.late import Later
    from agentotel.telemetry.metrics import Metrics


(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where the recorder writes: the parts that the composition root joins.

    Attributes:
        tracer: Makes the spans.
        metrics: Records the metrics.
        events: Emits the log records.
        content: The choke point through which all content passes.
        prices: Knows what a model call costs.
        users: Counts the users that are active.
        convention: How spans and attributes are spelled.
        token_limit: Limit of an agent that has none of its own, in tokens.
        loop_limit: How often the same call of one run is a sign of a loop; None for never.
        budgets: Adds up what is spent; None where there is no budget.
        later: Takes what the end of an operation can leave for later; None has everything done at once.
    """

    tracer: Tracer
    metrics: Metrics
    events: Events
    content: ContentCapture
    prices: Prices
    users: ActiveUsers
    convention: Convention
    token_limit: int | None = None
    loop_limit: int | None = None
    budgets: Budgets | None = None
    later: Later | None = None


class Recorder:
    """Records operations as spans, metrics and log records.

    Args:
        sinks: Where they go.
    """

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._names = spelling.SpanNames(sinks.convention)
        self._ending = Ending(sinks, self._names)
        self._finish, self._finish_inner = self._ending.finish, self._ending.inner
        self._has_prices = False
        self._wants_content = sinks.content.is_wanted
        self._look_at(sinks.tracer)

    def current(self) -> Operation | None:
        """Return the innermost open operation of this context."""
        recording = innermost(get_current())
        return None if recording is None else recording.operation

    def make_spans_with(self, tracer: Tracer) -> None:
        """Make spans with `tracer` from now on: the program has set a provider of its own."""
        self._sinks = replace(self._sinks, tracer=tracer)
        self._look_at(tracer)

    def _look_at(self, tracer: Tracer) -> None:
        self._is_lazy = _is_lazy(tracer)
        self._starts_plainly = self._is_lazy and not self._wants_content and not self._sinks.convention.renames

    @property
    def wants_content(self) -> bool:
        """Whether content is recorded anywhere."""
        return self._wants_content

    def start(self, operation: Operation, within: Recording | None = None) -> ActiveRecording | None:
        """Start recording `operation`; None if it is already being recorded further out.

        Args:
            operation: What starts.
            within: A recording that is known to be around it, where the current context may not show it.
        """
        return self.start_in(operation, current_context() if within is None else _place(within))

    def start_in(self, operation: Operation, context: Context) -> ActiveRecording | None:
        """Start recording `operation` in `context`; as `start` does in the current one."""
        if operation.carrier is not None:
            context = propagate.extract(operation.carrier, context)
        outer = innermost(context)
        if outer is not None:
            if outer.context is not context and _is_from_elsewhere(context, outer):
                return self._start_span(operation, None, _without(outer, context))
            if outer.is_same_run(operation) or (
                isinstance(outer.operation, Step) and _past_steps(outer).is_same_run(operation)
            ):
                return None
            if isinstance(operation, ModelCall) and outer.takes_in(operation):
                return self._start_inner(operation, outer, context)
        return self._start_span(operation, outer, context)

    def _start_inner(self, operation: Operation, outer: ActiveRecording, context: Context) -> InnerRecording:
        inner = InnerRecording(
            operation, outer, INVALID_SPAN, context, outer.started_with, outer.agent, Stopwatch(), self._finish_inner
        )
        inner.who = outer.who
        operation.wants_content = self._wants_content
        inner.context = set_value(names.RECORDING_KEY, inner, context)
        outer.inner = inner
        open_recordings.opened(inner)
        return inner

    def _start_span(self, operation: Operation, outer: ActiveRecording | None, context: Context) -> ActiveRecording:
        watch = Stopwatch()
        operation.wants_content = self._wants_content
        who = _identity_of(operation, outer, context)
        if who is not None and (outer is None or outer.context is not context or who is not outer.who):
            context = identity.with_identity(context, who)
        agent = {} if outer is None else outer.agent
        if isinstance(operation, AgentRun):
            agent = _agent_attributes(operation)
        started_with = LateAttributes(partial(_started_with, operation, who, agent, outer))
        recording = ActiveRecording(operation, outer, INVALID_SPAN, context, started_with, agent, watch, self._finish)
        recording.who = who
        if self._wants_content:
            recording.budget = self._sinks.content.budget()
        if isinstance(operation, ModelCall):
            context = self._start_model_call(operation, recording, context)
        if not recording.official:
            span = attempt("recorder.start_span", self._start_otel_span, recording, context)
            if span is not None:
                recording.span = span
        own: dict[str, object] = {names.RECORDING_KEY: recording}
        if recording.span is not INVALID_SPAN:
            own[_SPAN_KEY] = recording.span
        recording.context = Context(context, **own)
        open_recordings.opened(recording)
        if isinstance(operation, AgentRun):
            later = self._sinks.later
            do = attempt if later is None else later.add_soon
            do("recorder.run_started", self._run_started, operation, recording, who, recording.context)
        return recording

    def _start_model_call(self, call: ModelCall, recording: ActiveRecording, context: Context) -> Context:
        """Prepare what only model calls need; return the context for what is inside."""
        if not self._has_prices:
            self._has_prices = True
            attempt("recorder.prices", self._sinks.prices.preload)
        if not official.is_loaded():
            return context
        recording.official = official.records(call, context)
        return attempt("recorder.official", official.held_back, call, context) or context

    def _start_otel_span(self, recording: ActiveRecording, context: Context) -> Span:
        operation = recording.operation
        recording.named_after = named_after = spelling.named_after(operation)
        return self._sinks.tracer.start_span(
            self._names.of(operation, named_after),
            context,
            _kind(operation),
            recording.started_with if self._starts_plainly else self._start_attributes(recording),
            None,
            recording.watch.start_ns,
        )

    def _start_attributes(self, recording: ActiveRecording) -> Mapping[str, AttributeValue]:
        """Return what the span starts with, put together only where somebody is going to look at it."""
        sinks, started_with, budget = self._sinks, recording.started_with, recording.budget
        convention = sinks.convention
        if budget is None and self._is_lazy:
            return LateAttributes(lambda: spelling.renamed(convention, started_with.built()))
        content = attempt("recorder.content", sinks.content.at_start, recording.operation, budget) or {}
        return spelling.renamed(convention, {**started_with.built(), **content} if content else started_with.built())

    def _run_started(self, run: AgentRun, recording: ActiveRecording, who: Identity, context: Context) -> None:
        if who.user_id is not None:
            attempt("recorder.users", self._user_came, who.user_id, recording)
        self._sinks.events.chat_started(run, recording.agent, context, recording.watch.start_ns)
        self._ending.started(run, recording)

    def _user_came(self, user_id: str, recording: ActiveRecording) -> None:
        self._sinks.users.run_started(user_id)
        recording.user_id = user_id


def _is_lazy(tracer: Tracer) -> bool:
    return getattr(tracer, "takes_late_attributes", False) is True


def _place(within: Recording) -> Context:
    """Return the context to start in: the current one, unless it does not show that it is inside `within`."""
    context = get_current()
    if not isinstance(within, ActiveRecording):
        return context
    here = innermost(context)
    if here is not None and (here is within or within in here.around()):
        return context
    return within.context


def _is_from_elsewhere(context: Context, outer: ActiveRecording) -> bool:
    """Tell whether what starts in `context` belongs to a request from another process.

    What was open here when the server was started is then not around the request.
    """
    span = get_current_span(context)
    return span is not outer.span and span.get_span_context().is_remote


def _without(outer: ActiveRecording, context: Context) -> Context:
    """Return `context` without what it has from `outer`: its ids too are those of another request."""
    who = identity.current(context)
    if who is not None and who is identity.current(outer.context):
        context = identity.without_identity(context)
    return set_value(names.RECORDING_KEY, None, context)


def _kind(operation: Operation) -> SpanKind:
    if isinstance(operation, McpCall):
        return SpanKind.SERVER if operation.server_side else SpanKind.CLIENT
    return SpanKind.CLIENT if isinstance(operation, ModelCall) else SpanKind.INTERNAL


def _past_steps(recording: ActiveRecording) -> ActiveRecording:
    """Return the innermost recording that is no step: middleware may stand between an override and its ``super()``."""
    while isinstance(recording.operation, Step) and recording.outer is not None:
        recording = recording.outer
    return recording


def _identity_of(operation: Operation, outer: ActiveRecording | None, context: Context) -> Identity | None:
    """Return who this is for: what the program said explicitly, completed by what the agent knows.

    Everything that happens under one root shares a request id: one is made where none came.
    """
    if outer is not None and outer.context is context:
        current = outer.who
    else:
        current = identity.current(context) or identity.from_baggage(context)
        if current is None and outer is not None:  # the current span alone shows that it is inside `outer`
            current = outer.who
    if isinstance(operation, AgentRun):
        found: dict[str, object] = {
            "user_id": operation.user_id,
            "tenant_id": operation.tenant_id,
            "session_id": operation.session_id,
        }
        if outer is None and (current is None or current.request_id is None):
            found["request_id"] = identity.new_request_id()
        return identity.merged(current, found)
    if current is None:
        return None if outer is not None else identity.Identity(request_id=identity.new_request_id())
    if outer is None and current.request_id is None:
        return identity.merged(current, {"request_id": identity.new_request_id()})
    return current


def _agent_attributes(run: AgentRun) -> Attributes:
    """Return the id and name of the agent that runs: those of all that happens inside of it."""
    agent: Attributes = {}
    if run.agent_id:
        agent[names.AGENT_ID] = attributes.text(run.agent_id)
    if run.name:
        agent[names.AGENT_NAME] = attributes.text(run.name)
    return agent


def _started_with(
    operation: Operation, who: Identity | None, agent: Attributes, outer: ActiveRecording | None
) -> Attributes:
    """Return the attributes that the span of `operation` starts with."""
    inherited: Attributes = {} if who is None else dict(identity.attributes(who))
    inherited.update(agent)
    conversation: AttributeValue | None = operation.conversation_id or (who.session_id if who is not None else None)
    if conversation is None and outer is not None:
        conversation = outer.started_with.built().get(names.CONVERSATION_ID)
    if conversation:
        inherited[names.CONVERSATION_ID] = attributes.text(str(conversation))
    return attributes.at_start(operation, inherited)
