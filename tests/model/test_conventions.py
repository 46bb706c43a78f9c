"""Span names and attribute names in the two spellings."""

from __future__ import annotations

import pytest

from agentotel.model import names
from agentotel.model.conventions import CONVENTIONS, GENAI, GUIDE, operation_name
from agentotel.model.operations import AgentRun, ModelCall, Operation, Step, ToolCall, Workflow


@pytest.mark.parametrize(
    ("operation", "genai", "guide"),
    [
        (AgentRun(name="shop"), "invoke_agent shop", "Agent.Chat"),
        (AgentRun(), "invoke_agent", "Agent.Chat"),
        (ModelCall(request_model="m"), "chat m", "Model.Call"),
        (ModelCall(operation="embeddings", request_model="m"), "embeddings m", "Model.Call"),
        (ToolCall(name="Read"), "execute_tool Read", "Tool.Read"),
        (Workflow(name="w"), "invoke_workflow w", "invoke_workflow w"),
        (Step(name="auth"), "auth", "auth"),
        (Step(), "step", "step"),
    ],
)
def test_span_names(operation, genai, guide):
    """Each operation has its name in both spellings."""
    assert GENAI.span_name(operation) == genai
    assert GUIDE.span_name(operation) == guide


def test_only_the_guide_renames():
    """The default leaves attributes alone, without a copy; the guide writes its own."""
    attributes = {names.AGENT_ID: "a1", names.REQUEST_MODEL: "m"}
    assert GENAI.rename(attributes) is attributes
    assert GUIDE.rename(attributes) == {"agent.id": "a1", names.REQUEST_MODEL: "m"}


def test_a_step_is_no_operation_of_the_conventions():
    """Only what the conventions know has an operation name."""
    assert operation_name(Step(name="x")) is None
    assert operation_name(Operation()) is None


def test_conventions_are_found_by_their_setting():
    """The keys are the values of AGENTOTEL_CONVENTIONS."""
    assert set(CONVENTIONS) == {"genai", "guide"}
