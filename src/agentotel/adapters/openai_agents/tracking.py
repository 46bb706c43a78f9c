"""Follows the spans and traces of the library from their start to their end, and records what they stand for.

This module owns state: which of them is the innermost one, by context, and which ones are open, by their ids.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from agentotel.adapters.openai_agents import runs, spans
from agentotel.model.operations import AgentRun, ModelCall, Operation, Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextvars import Token

    from agentotel.model.contract import Observer, Recording

DEFAULT_NAME: Final = "Agent workflow"
"""The name of a trace to which nobody has given one."""

NO_ID: Final = "no-op"
"""Id and name of everything that the library makes while its tracing is disabled."""

UNSEEN: Final = frozenset({"turn", "mcp_tools"})
"""Types of spans that are passed over: what is inside of them belongs to what is around them."""

_TOLD: Final = frozenset({"response", "generation", spans.HANDOFF})
"""Types of spans whose outcome says something about the agent around them."""

WATCHED: Final = "_agentotel"
"""Attribute of an object of the library under which what we know of it stands, as long as the object lives."""

_MASK: Final = "Agent run"
"""Name of the custom span with which the library hides what is around a run without tracing."""


class Watched:
    """A span or trace of the library that has started, whether it is shown or not.

    Attributes:
        outer: The one around it.
        ambient: The exception that was being handled when it started, which is none of its own.
        recording: What is recorded for it.
        token: What the recording's `suspend` needs.
        scope: What has to be reset when it ends.
        error: The exception with which the library has marked it as failed.
        failure: The ``error.type`` of such a mark without an exception.
        conversation_id: Of a trace: its group.
        before: The agent that has handed over to this one, and is over when this one is.
        hands_over: Of an agent: it has handed over to another one.
        is_waiting: Of an agent: it has ended, but for the agent that it has handed over to.
        is_ended: It has ended.
    """

    # What most of them never change stands in the class.
    recording: Recording | None = None
    token: object = None
    scope: Token[Watched | None] | None = None
    error: BaseException | None = None
    failure: str | None = None
    conversation_id: str | None = None
    before: Watched | None = None
    hands_over = False
    is_waiting = False
    is_ended = False

    def __init__(self, outer: Watched | None, span_id: str | None = None) -> None:
        self.outer = outer
        self.span_id = span_id
        self.ambient = sys.exc_info()[1]

    @property
    def operation(self) -> Operation | None:
        """What is recorded for it."""
        return None if self.recording is None else self.recording.operation

    def shown(self) -> Watched | None:
        """Return the innermost one from here outwards that is shown."""
        watched: Watched | None = self
        while watched is not None and watched.recording is None:
            watched = watched.outer
        return watched

    def outwards(self) -> Iterator[Watched]:
        """Yield this one and all around it, from the inside out."""
        watched: Watched | None = self
        while watched is not None:
            yield watched
            watched = watched.outer


_innermost: ContextVar[Watched | None] = ContextVar("agentotel_openai_agents", default=None)
_MOST_GONE: Final = 1024
_open: dict[str, ref[Watched]] = {}
_purge_at = _MOST_GONE


class Tracker:
    """Records spans and traces of the library.

    Args:
        observer: Records the operations.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def trace_started(
        self,
        trace: Any,
        is_current: bool,  # noqa: FBT001 - the guard passes no keywords
        name: str | None,
        group_id: str | None,
    ) -> None:
        """Start a trace: a workflow if it has a name of its own."""
        watched = vars(trace)[WATCHED] = Watched(_innermost.get())
        watched.conversation_id = group_id
        if name and name not in {DEFAULT_NAME, NO_ID}:
            self._record(watched, Workflow(name=name, conversation_id=group_id))
        self._enter(watched, is_current=is_current)

    def span_started(self, span: Any, is_current: bool) -> None:  # noqa: FBT001 - as above
        """Start a span."""
        here = _innermost.get()
        data = span.span_data
        watched = vars(span)[WATCHED] = Watched(_outer_of(span, here), span.span_id)
        if span.span_id != NO_ID:
            _remember(span.span_id, watched)
        if data.type == spans.AGENT:
            self._agent_started(watched, data.name, here)
        elif (operation := self._shown_operation(span, data)) is not None:
            self._record(watched, operation)
        self._enter(watched, is_current=is_current)

    def failed(self, watched: Watched, error: Any) -> None:
        """Take note of an error that the library sets on a span."""
        if (failure := spans.failure_of(error)) is not None:
            watched.failure = failure
            watched.error = _new_exception(watched) or watched.error

    def finished(self, watched: Watched, data: Any) -> None:
        """End a span or a trace; in the middle of an exception that passes through, with that one.

        Args:
            watched: What is known of it.
            data: The span's data; a trace has none.
        """
        watched.is_ended = True
        operation = watched.operation
        try:
            self._end_waiting_inside(watched)
            if operation is not None and data is not None:
                spans.complete(operation, data)
        except Exception:
            _end(watched, watched.error)  # what cannot be read has ended all the same
            raise
        error = _error_of(watched)
        watched.is_waiting = watched.hands_over and error is None and watched.scope is not None
        if not watched.is_waiting:
            _end(watched, error)
        if error is None and data is not None and data.type in _TOLD:
            _tell_the_agent(watched, data)

    def _agent_started(self, watched: Watched, name: str, here: Watched | None) -> None:
        start = runs.take_start()
        if here is not None and here.is_waiting:
            if start is None:
                watched.before = here
            else:  # the other agent has never come: this is another run
                _end(here, None)
        run = runs.agent_run(name, start)
        if run.conversation_id is None:
            run.conversation_id = next(
                (around.conversation_id for around in watched.outwards() if around.conversation_id), None
            )
        self._record(watched, run)

    def _shown_operation(self, span: Any, data: Any) -> Operation | None:
        if data.type == "custom" and span.span_id == NO_ID and data.name == _MASK:
            return None
        if data.type == spans.GUARDRAIL and self._observer.current() is None:
            return None  # it runs before the first agent does, and would be a trace by itself
        return spans.operation_of(data)

    def _record(self, watched: Watched, operation: Operation) -> None:
        around = watched.before or watched.shown()
        watched.recording = self._observer.start(operation, None if around is None else around.recording)

    def _enter(self, watched: Watched, *, is_current: bool) -> None:
        if is_current:
            watched.scope = _innermost.set(watched)
            if watched.recording is not None:
                watched.token = watched.recording.activate()

    def _end_waiting_inside(self, watched: Watched) -> None:
        """End an agent that waits for one that has never started, when the run that they are in is over."""
        here = _innermost.get()
        if here is not None and here.is_waiting and here is not watched and watched in here.outwards():
            _end(here, _new_exception(watched))


def _outer_of(span: Any, here: Watched | None) -> Watched | None:
    """Return what is around a span: the one that the library names as its parent, else the innermost one."""
    if here is not None and here.is_waiting:
        here = here.outer
    parent_id = span.parent_id
    if parent_id is None or (here is not None and here.span_id == parent_id):
        return here
    parent = _open.get(parent_id)
    return here if parent is None else parent() or here


def _remember(span_id: str, watched: Watched) -> None:
    """Let spans inside find the one around them; from time to time, forget those that are gone.

    A dictionary of weak values would do it for each at once, and cost ten times as much.
    """
    global _purge_at  # noqa: PLW0603 - the module owns this state, as its docstring says
    _open[span_id] = ref(watched)
    if len(_open) >= _purge_at:
        for known_id, known in list(_open.items()):
            if known() is None:
                _open.pop(known_id, None)
        _purge_at = len(_open) + _MOST_GONE


def _new_exception(watched: Watched) -> BaseException | None:
    """Return the exception that is passing through, if it has come up since the start."""
    error = sys.exc_info()[1]
    return None if error is watched.ambient else error


def _error_of(watched: Watched) -> BaseException | None:
    """Return the exception with which a span ends; the first one is closer to the cause than what became of it."""
    passing, operation = _new_exception(watched), watched.operation
    if operation is None:
        return None
    if watched.error is not None and (passing is None or isinstance(passing, Exception)):
        return watched.error
    if isinstance(passing, GeneratorExit) and isinstance(operation, ModelCall) and operation.usage is not None:
        return None  # the run has what it wants and closes the stream
    if watched.failure is not None and not isinstance(passing, Exception):
        operation.failure = watched.failure
        return None  # what is cancelled because of a failure has failed
    return passing


def _tell_the_agent(watched: Watched, data: Any) -> None:
    """Let the agent around a model call or a hand-off know what has come of it."""
    agent = None if watched.outer is None else watched.outer.shown()
    if agent is None or not isinstance(agent.operation, AgentRun):
        return
    if isinstance(watched.operation, ModelCall):
        _answer(agent, watched.operation)
    elif data.type == spans.HANDOFF and data.to_agent:
        agent.hands_over = True


def _answer(agent: Watched | None, call: ModelCall) -> None:
    while agent is not None:
        if isinstance(run := agent.operation, AgentRun):
            run.output_messages = call.output_messages
            run.finish_reasons = call.finish_reasons
        agent = agent.before


def _end(watched: Watched | None, error: BaseException | None) -> None:
    """End the recording of `watched`, and of the agents that were only waiting for it."""
    while watched is not None:
        _leave(watched)
        watched.is_waiting = False
        recording, watched.ambient, watched.error = watched.recording, None, None
        if recording is not None:
            recording.stop() if error is None else recording.fail(error)
        watched = watched.before


def _leave(watched: Watched) -> None:
    """Make current again what was before, unless this is another context than the one that it was current in."""
    scope, watched.scope = watched.scope, None
    if scope is None:
        return
    try:
        _innermost.reset(scope)
    except ValueError:
        return
    if watched.recording is not None:
        watched.recording.suspend(watched.token)
