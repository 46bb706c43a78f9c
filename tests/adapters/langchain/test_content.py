"""Messages, states and documents of LangChain in the shape of the GenAI conventions, in each form that programs use."""

from __future__ import annotations

import json

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.prompt_values import ChatPromptValue, StringPromptValue
from langgraph.types import Command

from agentotel.adapters.langchain import content


def text(words):
    """Return a part that is a text."""
    return {"type": "text", "content": words}


HELLO = [{"role": "user", "parts": [text("hello")]}]


@pytest.mark.parametrize(
    "given",
    [
        "hello",
        HumanMessage("hello"),
        [HumanMessage("hello")],
        ["hello"],
        [("user", "hello")],
        [("human", "hello")],
        {"role": "user", "content": "hello"},
        [{"role": "user", "content": "hello"}],
        [{"type": "human", "content": "hello"}],
        StringPromptValue(text="hello"),
        ChatPromptValue(messages=[HumanMessage("hello")]),
    ],
)
def test_all_forms_of_a_message_are_one_message(given):
    """Whatever form LangChain takes a message in, it is the same message."""
    assert content.messages(given) == HELLO


@pytest.mark.parametrize(
    ("given", "role"),
    [
        (SystemMessage("x"), "system"),
        (AIMessage("x"), "assistant"),
        (AIMessageChunk("x"), "assistant"),
        (ChatMessage(role="critic", content="x"), "critic"),
        (("developer", "x"), "system"),
    ],
)
def test_roles_are_those_of_the_conventions(given, role):
    """Roles are named as in the conventions, others as the program names them."""
    assert content.message(given) == {"role": role, "parts": [text("x")]}


def test_tool_calls_and_their_results_are_parts():
    """A call of a tool has its id, name and arguments as data, and its result refers to it."""
    call = AIMessage("", tool_calls=[{"name": "look", "args": {"city": "Bern"}, "id": "c1"}])
    expected = {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"city": "Bern"}}
    assert content.message(call, "tool_calls") == {
        "role": "assistant",
        "parts": [expected],
        "finish_reason": "tool_calls",
    }
    answer = {"type": "tool_call_response", "id": "c1", "response": "sunny"}
    assert content.message(ToolMessage("sunny", tool_call_id="c1")) == {"role": "tool", "parts": [answer]}


def test_tool_calls_in_the_form_of_openai_are_parts():
    """A message that is a dict in OpenAI's form has its arguments as data as well."""
    function = {"name": "look", "arguments": '{"city": "Bern"}'}
    given = {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "function": function}]}
    (part,) = content.message(given)["parts"]
    assert (part["name"], part["arguments"]) == ("look", {"city": "Bern"})


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "x"}, text("x")),
        ("x", text("x")),
        ({"type": "reasoning", "reasoning": "hm"}, {"type": "reasoning", "content": "hm"}),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "reasoning", "content": "hm"}),
        (
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "reasoning", "content": "hm"},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
        ),
        ({"type": "image", "url": "https://x/y.png"}, {"type": "uri", "modality": "image", "uri": "https://x/y.png"}),
        (
            {"type": "image", "base64": "AAAA", "mime_type": "image/png"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ),
        ({"type": "file", "file_id": "f1"}, {"type": "file", "modality": "document", "file_id": "f1"}),
        ({"type": "audio", "file_id": "f1"}, {"type": "file", "modality": "audio", "file_id": "f1"}),
    ],
)
def test_blocks_of_content_are_parts(block, part):
    """Blocks in LangChain's standard form, in OpenAI's and in Anthropic's are parts of the conventions."""
    assert content.message(HumanMessage([block]))["parts"] == [part]


def test_blocks_that_repeat_a_tool_call_are_left_out():
    """A tool call that stands in the content too is there once."""
    call = {"name": "look", "args": {}, "id": "c1"}
    block = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    (part,) = content.message(AIMessage([block], tool_calls=[call]))["parts"]
    assert part["type"] == "tool_call"


def test_answers_of_both_kinds_of_models_are_messages():
    """Generations of chat models and of completion models are answers with their finish reasons."""
    found = content.generations([ChatGeneration(message=AIMessage("a")), Generation(text="b")], ("stop", "length"))
    assert found == [
        {"role": "assistant", "parts": [text("a")], "finish_reason": "stop"},
        {"role": "assistant", "parts": [text("b")], "finish_reason": "length"},
    ]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([AIMessageChunk("a"), AIMessageChunk("b"), AIMessageChunk("c")], ["abc"]),
        ([AIMessageChunk("a")], ["a"]),
        (["a", "b"], ["ab"]),
        ([], []),
    ],
)
def test_pieces_are_put_together(pieces, words):
    """The pieces of a stream are one answer; of none there is no answer."""
    assert [message["parts"][0]["content"] for message in content.streamed(pieces)] == words


def test_blocks_are_put_together_with_the_tools_that_they_call():
    """An answer in blocks is one message; a call of a tool among them is a part of it."""
    call = {"type": "tool_call", "id": "c1", "name": "look", "args": {"city": "Bern"}}
    (message,) = content.told([{"type": "text", "text": "a"}, call], ("tool_calls",))
    expected = {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"city": "Bern"}}
    assert message == {"role": "assistant", "parts": [text("a"), expected], "finish_reason": "tool_calls"}
    assert content.told([]) == []


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"messages": [HumanMessage("q"), AIMessage("a")]}, "a"),
        ({"messages": AIMessage("a")}, "a"),
        ([HumanMessage("q"), AIMessage("a")], "a"),
        (AIMessage("a"), "a"),
        ("a", "a"),
        ({"output": "a", "input": "q"}, "a"),
        ({"total": 3}, '{"total": 3}'),
        (None, "null"),
        (7, "7"),
    ],
)
def test_any_state_can_be_shown(state, words):
    """The answer in a state is its last message, and any other state is shown as data."""
    (message,) = content.answered(state)
    assert message["parts"] == [text(words)]


def test_what_was_asked_is_all_of_it():
    """All messages that a run started with are its input."""
    asked = content.asked({"messages": [SystemMessage("s"), ("user", "q")]})
    assert [message["role"] for message in asked] == ["system", "user"]


def test_documents_have_what_is_known_of_them():
    """A document has its id, text, metadata and score, as far as they are known."""
    found = content.documents([Document("a", id="d1", metadata={"score": 0.5}), Document("b")])
    assert found == [{"id": "d1", "content": "a", "metadata": {"score": 0.5}, "score": 0.5}, {"content": "b"}]


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (ToolMessage("sunny", tool_call_id="c1"), "sunny"),
        ("sunny", "sunny"),
        ({"a": [1]}, {"a": [1]}),
        (Command(goto="next", update={"x": 1}), {"goto": "next", "update": {"x": 1}}),
    ],
)
def test_results_of_tools_are_what_they_say(result, shown):
    """The result of a tool is its content, not the message around it."""
    assert content.tool_result(result) == shown
    json.dumps(content.tool_result(result))
