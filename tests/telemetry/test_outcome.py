"""How operations end: errors count once, and being told to stop is none."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from agentotel.model.operations import AgentRun, ToolCall, Workflow


def fail():
    """Raise an error that nobody holds on to."""
    raise ValueError


def test_an_error_at_the_address_of_one_that_is_gone_is_another_error(telemetry, run):
    """A tool's error that the agent has handled is not the one that ends the agent, although it may look like it."""
    with pytest.raises(ValueError), run(telemetry.observer, AgentRun(name="shop")):  # noqa: PT012 - the point
        with suppress(ValueError), run(telemetry.observer, ToolCall(name="search")):
            fail()
        raise ValueError
    assert sum(telemetry.metric("agent.errors").values()) == 2


def test_an_error_that_passes_through_several_layers_is_one(telemetry, run):
    """Handed on as it is, with its traceback growing, it is counted where it first appeared."""
    with pytest.raises(ValueError), run(telemetry.observer, Workflow(name="flow")):  # noqa: PT012 - the point
        with run(telemetry.observer, AgentRun(name="shop", agent_id="a1")):
            with run(telemetry.observer, ToolCall(name="search")):
                fail()
    assert telemetry.metric("agent.errors") == {(("agent_id", "a1"), ("error_type", "ValueError")): 1}


def test_the_failure_that_a_result_states_is_cut(telemetry, run):
    """What a tool's result calls its failure is the program's text: it neither breaks a line nor fills a span."""
    tool = ToolCall(name="search", failure="bad\n" + "x" * 1_000_000)
    with run(telemetry.observer, tool):
        pass
    span = telemetry.span("execute_tool search")
    assert span.attributes["error.type"].isprintable()
    assert len(span.attributes["error.type"]) < 1100
    assert len(span.status.description) < 1100


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_being_told_to_stop_is_no_error(telemetry, run, error):
    """A run that is cancelled has its status and its type, and counts as no error."""
    with pytest.raises(error), run(telemetry.observer, AgentRun(name="shop")):
        raise error
    span = telemetry.span("invoke_agent shop")
    assert span.attributes["agent.status"] == "cancelled"
    assert span.attributes["error.type"] == error.__name__
    assert telemetry.metric("agent.errors") == {}


def test_a_result_can_say_that_it_was_cancelled(telemetry, run):
    """What an adapter finds in a result counts as the exception does."""
    with run(telemetry.observer, AgentRun(name="shop", cancelled=True)):
        pass
    assert telemetry.metric("agent.requests") == {(("agent_name", "shop"), ("status", "cancelled")): 1}
