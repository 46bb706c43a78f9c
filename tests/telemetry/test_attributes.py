"""Operations as span attributes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.model.operations import EMBEDDINGS, AgentRun, ModelCall, Operation, Step, ToolCall, Usage, Workflow
from agentotel.telemetry import attributes

HUGE = "x" * 1_000_000


def test_ids_come_before_everything_else():
    """What is inherited stands first, in its order."""
    found = attributes.at_start(ToolCall(name="search"), {"user.id": "u1", "gen_ai.agent.name": "shop"})
    assert list(found)[:3] == ["user.id", "gen_ai.agent.name", "gen_ai.operation.name"]


def test_what_is_inherited_is_not_changed():
    """The mapping of ids is shared by many spans."""
    inherited = {"user.id": "u1"}
    attributes.at_start(ToolCall(name="search", attributes={"user.id": "u2"}), inherited)
    assert inherited == {"user.id": "u1"}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (
            AgentRun(name="shop", agent_id="a1", template_id="t", message_length=5, token_limit=9, tokens_used=0),
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.id": "a1",
                "gen_ai.agent.name": "shop",
                "agent.template": "t",
                "agent.message.length": 5,
                "agent.token.limit": 9,
                "agent.tokens.used": 0,
            },
        ),
        (
            ToolCall(name="search", call_id="c1"),
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "search",
                "gen_ai.tool.call.id": "c1",
                "gen_ai.tool.type": "function",
            },
        ),
        (Workflow(name="checkout"), {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "checkout"}),
        (Step(name="auth"), {"agent.step.name": "auth"}),
        (
            ModelCall(operation=EMBEDDINGS, provider="openai", request_model="m"),
            {"gen_ai.operation.name": "embeddings", "gen_ai.provider.name": "openai", "gen_ai.request.model": "m"},
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Operation) else "",
)
def test_each_kind_of_operation_starts_with_what_is_known(operation, expected):
    """What is known is there under the conventions' names, and nothing else."""
    assert attributes.at_start(operation, {}) == expected


def test_zeros_are_values_and_defaults_are_not():
    """A temperature of 0 is said; one choice, no stream and no stop sequences are what everybody assumes."""
    call = ModelCall(temperature=0.0, seed=0, choice_count=1)
    found = attributes.at_start(call, {})
    assert found["gen_ai.request.temperature"] == 0.0
    assert found["gen_ai.request.seed"] == 0
    assert not {"gen_ai.request.choice.count", "gen_ai.request.stream", "gen_ai.request.stop_sequences"} & set(found)
    call = ModelCall(choice_count=2, stream=True, stop_sequences=("END",))
    found = attributes.at_start(call, {})
    assert found["gen_ai.request.choice.count"] == 2
    assert found["gen_ai.request.stream"] is True
    assert found["gen_ai.request.stop_sequences"] == ("END",)


def test_the_end_adds_only_what_the_start_did_not_say():
    """What an adapter has put on the operation since the start is added, what is unchanged is not."""
    call = ModelCall(request_model="m", conversation_id="c1", attributes={"a": 1, "b": 1})
    started_with = attributes.at_start(call, {})
    call.attributes.update(b=2, c=3)
    assert attributes.at_end(call, started_with) == {"b": 2, "c": 3}


def test_the_answer_is_added_at_the_end():
    """Model, id, finish reasons, retries and what turned out to be a stream come with the end."""
    call = ModelCall(request_model="m")
    started_with = attributes.at_start(call, {})
    call.response_model, call.response_id, call.finish_reasons = "m-1", "r1", ("stop",)
    call.retries, call.rate_limits, call.stream, call.conversation_id = 2, 1, True, "c1"
    assert attributes.at_end(call, started_with) == {
        "gen_ai.conversation.id": "c1",
        "gen_ai.response.model": "m-1",
        "gen_ai.response.id": "r1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.request.stream": True,
        "agent.retries": 2,
        "agent.rate_limits": 1,
    }


def test_a_run_says_why_it_ended():
    """Finish reasons of an agent's own result stand on its span."""
    run = AgentRun(finish_reasons=("max_turns",))
    assert attributes.at_end(run, {}) == {"gen_ai.response.finish_reasons": ("max_turns",)}


def test_unknown_tokens_are_left_out_and_zeros_are_not():
    """None is not 0."""
    assert attributes.of_usage(None) == {}
    assert attributes.of_usage(Usage(input_tokens=0, reasoning_tokens=3)) == {
        "gen_ai.usage.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 3,
    }


@pytest.mark.parametrize(
    "operation",
    [
        AgentRun(name=HUGE, agent_id=HUGE, description=HUGE, conversation_id=HUGE, finish_reasons=(HUGE,)),
        ModelCall(request_model=HUGE, response_id=HUGE, finish_reasons=(HUGE, HUGE), stop_sequences=(HUGE,)),
        ToolCall(name=HUGE, call_id=HUGE, attributes={"openai.key": HUGE}),
    ],
    ids=["agent", "model", "tool"],
)
def test_no_value_is_ever_huge(operation):
    """Whatever the program or a model server says, a value that is no content is cut."""
    found = attributes.at_start(operation, {})
    found |= attributes.at_end(operation, {})
    assert found
    for name, value in found.items():
        for item in value if isinstance(value, tuple) else (value,):
            assert len(str(item)) < 1100, name


@given(st.text(max_size=40) | st.text(min_size=1, max_size=5).map(lambda text: text * 500))
def test_text_is_always_printable_and_bounded(value):
    """Names and ids of any characters become one line; what is harmless stays as it is."""
    safe = attributes.text(value)
    assert safe.isprintable()
    assert len(safe) < 11_000
    if value.isprintable() and len(value) <= 1024:
        assert safe is value


def test_ids_are_those_that_say_for_whom_and_whose():
    """The seven ids are picked from what a span started with, whatever else it has."""
    ids = {
        "request.id": "r",
        "user.id": "u",
        "tenant.id": "t",
        "session.id": "s",
        "gen_ai.agent.id": "a",
        "gen_ai.agent.name": "n",
        "gen_ai.conversation.id": "c",
    }
    assert attributes.ids({"gen_ai.request.model": "m", **ids}) == ids
    assert attributes.ids({"gen_ai.request.model": "m"}) == {}
