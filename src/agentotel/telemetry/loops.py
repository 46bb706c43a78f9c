"""Signs that an agent runs in circles: the same tool, again and again, inside of one run.

Frameworks stop such a run by a recursion limit or a number of turns, and say nothing before. What is looked at is no
content: of arguments only a hash, which is kept in memory until the next call.

The state of one run stands in the totals of its recording.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from agentotel.model import instruments, names
from agentotel.model.operations import EMBEDDINGS, McpCall, ModelCall, Operation, ToolCall
from agentotel.telemetry import attributes
from agentotel.telemetry.outcome import FAILED

if TYPE_CHECKING:
    from agentotel.telemetry.attributes import Attributes
    from agentotel.telemetry.events import Events
    from agentotel.telemetry.metrics import Metrics
    from agentotel.telemetry.outcome import Outcome
    from agentotel.telemetry.recording import ActiveRecording

REPEATED_CALL: Final = "repeated_call"
"""The same tool was called with the same arguments, so many times in a row as the limit says."""

REPEATED_FAILURE: Final = "repeated_failure"
"""The same tool has failed, so many times in a row as the limit says."""

TOO_MANY_CALLS: Final = "too_many_calls"
"""One run has called a model ten times as often as the limit says: beyond what frameworks allow by default."""

_MODEL_CALLS: Final = 10
"""Model calls of one run, as a multiple of the limit."""

_encode: Final = json.JSONEncoder(skipkeys=True, default=lambda value: type(value).__name__).encode


class RunCalls:
    """What one run has called so far. Several threads may take it further: a call may then count for less, not more."""

    __slots__ = ("failures", "fingerprint", "model_calls", "repetitions", "said", "tool")

    def __init__(self) -> None:
        self.tool: str | None = None
        self.fingerprint: int | None = None
        self.repetitions = 0
        self.failures = 0
        self.model_calls = 0
        self.said: set[str] = set()

    def called(self, tool: str | None, fingerprint: int | None, *, failed: bool) -> None:
        """Note that a tool has ended.

        Args:
            tool: Its name.
            fingerprint: Of its arguments; None where they are not known, which are never the same.
            failed: Whether it has failed.
        """
        is_same_tool = tool == self.tool
        is_same_call = is_same_tool and fingerprint is not None and fingerprint == self.fingerprint
        self.repetitions = self.repetitions + 1 if is_same_call else 1
        self.failures = (self.failures + 1 if is_same_tool else 1) if failed else 0
        self.tool, self.fingerprint = tool, fingerprint


class Loops:
    """Says once per run and kind that there are signs of a loop.

    Args:
        metrics: Counts it.
        events: Warns of it.
        limit: How often is too often; None looks at nothing.
    """

    def __init__(self, metrics: Metrics, events: Events, limit: int | None) -> None:
        self._metrics = metrics
        self._events = events
        self._limit = limit

    def fingerprint(self, operation: Operation) -> int | None:
        """Return what tells the arguments of a tool call from others, None where they are not known.

        Call it while the operation still has its arguments.
        """
        if self._limit is None or not isinstance(operation, ToolCall | McpCall) or operation.arguments is None:
            return None
        try:
            return hash(_encode(operation.arguments()))
        except (ValueError, RecursionError):  # they hold themselves
            return None

    def ended(self, recording: ActiveRecording, outcome: Outcome, fingerprint: int | None) -> None:
        """Look at a tool call or a model call that has ended inside of a run.

        Args:
            recording: The call.
            outcome: How it ended.
            fingerprint: Of its arguments.
        """
        limit, operation = self._limit, recording.operation
        if limit is None or not isinstance(operation, ToolCall | ModelCall | McpCall):
            return
        run = recording.run_around()
        if run is None or (isinstance(operation, McpCall) and not _is_tool_of(operation, recording, run)):
            return
        calls = run.totals.run_calls = run.totals.run_calls or RunCalls()
        if isinstance(operation, ModelCall):
            calls.model_calls += operation.operation != EMBEDDINGS
            if calls.model_calls >= limit * _MODEL_CALLS:
                self._say(TOO_MANY_CALLS, calls.model_calls, None, run, recording)
            return
        calls.called(operation.name, fingerprint, failed=outcome.status == FAILED)
        if calls.repetitions >= limit:
            self._say(REPEATED_CALL, calls.repetitions, operation.name, run, recording)
        if calls.failures >= limit:
            self._say(REPEATED_FAILURE, calls.failures, operation.name, run, recording)

    def _say(self, kind: str, length: int, tool: str | None, run: ActiveRecording, recording: ActiveRecording) -> None:
        calls = run.totals.run_calls
        if calls is None or kind in calls.said:
            return
        calls.said.add(kind)
        self._metrics.add(instruments.LOOP_DETECTED, 1, (run.operation.name, tool, kind), recording.context)
        found: Attributes = {**recording.agent, names.LOOP_KIND: kind, names.LOOP_LENGTH: length}
        if tool is not None:
            found[names.TOOL_NAME] = attributes.text(tool)
        self._events.loop_detected(found, recording.context)


def of_run(recording: ActiveRecording) -> Attributes:
    """Return what the span of a run says about loops: nothing if there was no sign of one."""
    calls = recording.totals.run_calls
    return {names.LOOP_DETECTED: True} if calls is not None and calls.said else {}


def _is_tool_of(call: McpCall, recording: ActiveRecording, run: ActiveRecording) -> bool:
    """Tell whether an MCP request is a tool call of its own, and not what a tool around it or its server does."""
    if call.server_side or not call.is_tool_call:
        return False
    for around in recording.around():
        if around is run:
            break
        if isinstance(around.operation, ToolCall | McpCall):
            return False
    return True
