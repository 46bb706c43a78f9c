"""The end of an operation: what its outcome, its usage and its cost add to span, metrics and log records.

Each part stands in a guard of its own: a metric that cannot be recorded must not keep the span from ending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, cast

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
    Workflow,
)
from agentotel.telemetry import attributes, measuring, spelling
from agentotel.telemetry.accounting import Accounting
from agentotel.telemetry.inner_recording import InnerRecording
from agentotel.telemetry.late import LateSpan
from agentotel.telemetry.loops import Loops
from agentotel.telemetry.outcome import FAILED, Outcome, cause_of, is_cancellation, outcome_of
from agentotel.telemetry.token_limits import TokenLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.late import Later
    from agentotel.telemetry.metrics import Metrics
    from agentotel.telemetry.recorder import Sinks
    from agentotel.telemetry.recording import ActiveRecording

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
_LET_GO_OF_ALL: Final = {name: None for names_of_kind in _LET_GO.values() for name in names_of_kind}
"""The same for a kind that somebody has derived from these."""


class _Way(NamedTuple):
    """How what an end comes to is written down.

    Attributes:
        tell_span: Writes it on the span: before its end, or after it.
        metrics: Records it.
        accounting: Counts what was used, in these metrics.
    """

    tell_span: Callable[[ActiveRecording, Outcome, BaseException | None, Attributes], None]
    metrics: Metrics
    accounting: Accounting


class Ending:
    """Ends recordings.

    Args:
        sinks: Where the telemetry goes.
        names_of: Names the spans.
    """

    def __init__(self, sinks: Sinks, names_of: spelling.SpanNames) -> None:
        self._sinks = sinks
        self._names = names_of
        self._limits = TokenLimits(sinks.events, sinks.token_limit)
        self._loops = Loops(sinks.metrics, sinks.events, sinks.loop_limit)
        self._later = sinks.later
        self._way_now = self._way_later = _Way(self._end_span, sinks.metrics, Accounting(sinks))
        if sinks.later is not None:
            sinks.later.keep(gathered := sinks.metrics.gathered())
            self._way_later = _Way(self._complete_span, gathered, Accounting(replace(sinks, metrics=gathered)))
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
            whole.broken_by = None if error is None or is_cancellation(error) else error
            if recording.outer is not whole:  # what stands directly around it takes it over at its own end
                attempt("recorder.merge", recording.merge)
        elif not whole.counts_itself:
            attempt("recorder.late", self._count_late, recording, whole)

    def _count_late(self, recording: InnerRecording, whole: ActiveRecording) -> None:
        """Count tokens that came after the call around had returned: its span is gone, they must still count."""
        call = recording.operation
        assert isinstance(call, ModelCall)
        way, model = self._way_now, call.response_model or call.request_model
        way.accounting.count(recording, call.provider, model, call.usage)
        outcome = Outcome(recording.watch.elapsed_s(), recording.context)
        way.metrics.tokens(call, outcome, official=whole.official)

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
            _merge_what_cannot_wait(recording, inner)
            _let_go_of_content(inner.operation)
        fingerprint = None
        if isinstance(operation, ToolCall | McpCall):
            fingerprint = attempt("recorder.loops", self._loops.fingerprint, operation)
        _let_go_of_content(operation)
        if _is_renamed(recording):
            attempt("recorder.name", self._name, recording)
        later.add("recorder.late", self._late, recording, fingerprint)
        attempt("recorder.span", end_late, watch.now_ns(), self._settle_later)

    def _finish_late(self, recording: ActiveRecording, fingerprint: int | None) -> None:
        """Do what `_finish_later` has left to be done."""
        try:
            recording.is_told_at_start = recording.started_with.is_built
            _merge(recording)
            self._work_out(recording, None, fingerprint, self._way_later)
        finally:
            cast("LateSpan", recording.span).completed()

    def _finish_now(self, recording: ActiveRecording, error: BaseException | None) -> None:
        fingerprint = attempt("recorder.loops", self._loops.fingerprint, recording.operation)
        self._work_out(recording, cause_of(recording, error), fingerprint, self._way_now)

    def _work_out(
        self, recording: ActiveRecording, error: BaseException | None, fingerprint: int | None, way: _Way
    ) -> None:
        outcome: Outcome | None = None
        settled: Attributes = {}
        try:
            outcome = attempt("recorder.outcome", outcome_of, recording, error)
            settled = attempt("recorder.usage", way.accounting.settle, recording, error) or settled
        finally:  # the span still has to end, also where errors are raised (strict)
            if outcome is None:
                outcome = Outcome(recording.watch.elapsed_s(), recording.context)
            try:
                attempt("recorder.span", way.tell_span, recording, outcome, error, settled)
            finally:
                attempt("recorder.metrics", measuring.record, recording, outcome, way.metrics)
                attempt("recorder.loops", self._loops.ended, recording, outcome, fingerprint)
                attempt("recorder.events", self._emit_events, recording, outcome)
                recording.part_from_context()

    # --- the span ---

    def _end_span(
        self, recording: ActiveRecording, outcome: Outcome, error: BaseException | None, settled: Attributes
    ) -> None:
        span = recording.span
        try:
            if span.is_recording():
                if _is_renamed(recording):
                    self._name(recording)
                self._complete_span(recording, outcome, error, settled)
                if error is not None and outcome.error_type is not None:
                    described = self._sinks.content.exception(error, recording.budget)
                    span.add_event("exception", described)
        finally:
            span.end(recording.watch.now_ns())

    def _name(self, recording: ActiveRecording) -> None:
        """Name the span anew where its name is known only at the end: of a model, of a hand-off."""
        operation = recording.operation
        name = self._names.of(operation, spelling.named_after(operation))
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
        if recording.is_told_at_start and (recording.inner is not None or recording.is_told_late):
            completed = attributes.at_start(operation, {})
            added |= {key: value for key, value in completed.items() if started_with.get(key) != value}
        if outcome.error_type is not None:
            added[names.ERROR_TYPE] = outcome.error_type
        if isinstance(operation, AgentRun):
            added[names.STATUS] = outcome.status
        if outcome.time_to_first_chunk is not None and isinstance(operation, ModelCall):
            added[names.RESPONSE_TIME_TO_FIRST_CHUNK] = outcome.time_to_first_chunk
        return added | (attempt("recorder.content", self._sinks.content.at_end, operation, recording.budget) or {})

    # --- log records ---

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


def _is_renamed(recording: ActiveRecording) -> bool:
    """Tell whether what the span is named after has changed since its start."""
    return spelling.named_after(recording.operation) != recording.named_after


def _merge(recording: ActiveRecording) -> None:
    """Complete a call by what a lower layer knows of it, at the end: what the outer one has heard since may say less.

    Doing it again changes nothing.
    """
    inner = recording.inner
    if inner is not None and inner.ended:
        attempt("recorder.merge", inner.merge)


def _merge_what_cannot_wait(recording: ActiveRecording, inner: InnerRecording) -> None:
    """Merge what the span's name may come from, and what adapters tell the agent around once a call has ended."""
    lower, upper = inner.operation, recording.operation
    assert isinstance(lower, ModelCall)
    assert isinstance(upper, ModelCall)
    if lower.request_model != upper.request_model or lower.operation != upper.operation:
        _merge(recording)
    else:
        upper.finish_reasons = upper.finish_reasons or lower.finish_reasons


def _let_go_of_content(operation: Operation) -> None:
    """Keep nothing of the program's own until the rest is done: no content, and nothing to read it from."""
    vars(operation).update(_LET_GO.get(type(operation), _LET_GO_OF_ALL))
