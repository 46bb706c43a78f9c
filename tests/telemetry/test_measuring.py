"""Which metrics an ended operation is recorded in."""

from __future__ import annotations

import pytest

from agentotel import testing
from agentotel.model.operations import McpCall, ToolCall


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (McpCall(method="tools/call", name="look", failure="tool_error"), "tool_error"),
        (McpCall(method="tools/call", name="look"), None),
        (McpCall(method="tools/list", failure="-32603"), None),
    ],
)
def test_a_tool_is_told_of_the_failure_of_the_one_that_it_calls_on_a_server(call, told):
    """Whether that makes it a failure itself is for its adapter to say: the program may have another way."""
    with testing.recording() as telemetry:
        tool = telemetry.observer.start(ToolCall(name="look of the framework"))
        telemetry.observer.start(call, tool).stop()
        tool.stop()
    assert (tool.operation.mcp_failure, tool.operation.failure) == (told, None)
    counted = (("status", "success"), ("tool_name", "look of the framework"))
    assert telemetry.metric("agent.tool.calls") == {counted: 1}


@pytest.mark.parametrize(("server_side", "calls"), [(False, 1), (True, 0)])
def test_a_tool_on_a_server_is_counted_by_the_client_where_no_framework_does(server_side, calls):
    """What the server does has been counted by who has asked for it."""
    with testing.recording() as telemetry:
        telemetry.observer.start(McpCall(method="tools/call", name="look", server_side=server_side)).stop()
    assert sum(telemetry.metric("agent.tool.calls").values()) == calls
