"""Which metrics an ended operation is recorded in, by its kind and by what is around it; and what those are told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel.model.operations import AgentRun, McpCall, ModelCall, ToolCall, Workflow

if TYPE_CHECKING:
    from agentotel.telemetry.metrics import Metrics
    from agentotel.telemetry.outcome import Outcome
    from agentotel.telemetry.recording import ActiveRecording


def record(recording: ActiveRecording, outcome: Outcome, metrics: Metrics) -> None:
    """Record what an operation that has ended comes to.

    Args:
        recording: The operation.
        outcome: How it has ended.
        metrics: Where that is recorded.
    """
    operation = recording.operation
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
