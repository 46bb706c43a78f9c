"""Content out of native spans: in the shape of the conventions, whatever shape the library gave it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters import native_content as content
from agentotel.model.contract import NativeSpan

KEYS = ("type", "parts", "content", "role", "id", "tool_calls", "toolUse", "function")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


def span(attributes=None, *events):
    """Return a span that has said this."""
    return NativeSpan("chat", "client", attributes or {}, list(events))


def text(words):
    """Return a part that is text."""
    return {"type": "text", "content": words}


@given(value=ANYTHING)
def test_whatever_is_written_becomes_messages(value):
    """No JSON makes it raise, and each message has a role and parts."""
    for written in (value, json.dumps(value)):
        for message in content.messages([written], "user"):
            assert isinstance(message["role"], str)
            assert all(isinstance(part, dict) for part in message["parts"])


def test_nothing_said_is_no_content():
    """There is no thunk where there is nothing to ask for."""
    assert content.input_messages(span()) is None
    assert content.output_messages(span()) is None
    assert content.system_instructions(span()) is None
    assert content.tool_arguments(span()) is None
    assert content.tool_result(span()) is None


def test_messages_after_the_conventions_stay_as_they_are():
    """What is right already is only parsed."""
    said = [{"role": "assistant", "parts": [text("Hello")], "finish_reason": "stop"}]
    assert content.output_messages(span({"gen_ai.output.messages": json.dumps(said)}))() == said


def test_text_that_was_cut_by_the_library_is_kept_as_text():
    """Half of a JSON list says more than nothing."""
    cut = '[{"role": "user", "parts": [{"type": "te'
    assert content.input_messages(span({"gen_ai.input.messages": cut}))() == [{"role": "user", "parts": [text(cut)]}]


def test_a_name_of_the_librarys_own_is_asked_after_that_of_the_conventions():
    """An adapter adds the names that only its library uses."""
    own = {"acme.prompt": "Hello"}
    assert content.input_messages(span(own), "acme.prompt")() == [{"role": "user", "parts": [text("Hello")]}]
    both = {**own, "gen_ai.input.messages": '[{"role": "user", "parts": []}]'}
    assert content.input_messages(span(both), "acme.prompt")() == [{"role": "user", "parts": []}]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            {"type": "tool_call_response", "id": "1", "result": 3},
            {"type": "tool_call_response", "id": "1", "response": 3},
        ),
        (
            {"type": "tool_call", "name": "f", "arguments": '{"a": 1}'},
            {"type": "tool_call", "name": "f", "arguments": {"a": 1}},
        ),
        ({"type": "text", "text": "Hello"}, text("Hello")),
        ({"type": "text"}, {"type": "text"}),
        ({"type": "uri", "uri": "x"}, {"type": "uri", "uri": "x"}),
        ("Hello", text("Hello")),
        ({"text": "Hello"}, text("Hello")),
        (
            {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}},
            {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}},
        ),
        (
            {"toolResult": {"toolUseId": "1", "content": [{"text": "x"}]}},
            {"type": "tool_call_response", "id": "1", "response": [{"text": "x"}]},
        ),
        (
            {"function_call": {"id": "1", "name": "f", "args": {"a": 1}}},
            {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}},
        ),
        ({"reasoningContent": {"x": 1}}, {"type": "reasoningContent", "content": {"x": 1}}),
        ({}, {"type": "unknown", "content": None}),
    ],
)
def test_parts_get_the_shape_of_the_conventions(said, meant):
    """Older keys, blocks of Bedrock and Gemini, and mere text."""
    assert content.parts([said]) == [meant]


def test_messages_of_chat_completions_are_understood():
    """``content`` and ``tool_calls`` instead of parts."""
    call = {"id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}}
    (message,) = content.messages([[{"role": "assistant", "content": "Hm", "tool_calls": [call]}]], "user")
    parts = [text("Hm"), {"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}]
    assert message == {"role": "assistant", "parts": parts}


def test_one_event_per_message_is_understood():
    """The form of the conventions of 2025: Strands, and older versions of others."""
    told = span(
        {},
        ("gen_ai.system.message", {"content": "Be brief"}),
        ("gen_ai.user.message", {"content": '[{"text": "Hello"}]'}),
        ("gen_ai.tool.message", {"content": '{"a": 1}', "role": "tool", "id": "1"}),
        ("gen_ai.choice", {"finish_reason": "end_turn", "message": '[{"text": "Hi"}]'}),
        ("something.else", {}),
    )
    assert content.input_messages(told)() == [
        {"role": "system", "parts": [text("Be brief")]},
        {"role": "user", "parts": [text("Hello")]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": {"a": 1}}]},
    ]
    assert content.output_messages(told)() == [
        {"role": "assistant", "parts": [text("Hi")], "finish_reason": "end_turn"}
    ]


def test_the_event_of_details_is_understood():
    """One event with all messages, or several with some of them each."""
    one, two = ([{"role": "user", "parts": [text(words)]}] for words in ("Hello", "You there?"))
    events = [
        ("gen_ai.client.inference.operation.details", {"gen_ai.input.messages": json.dumps(said)})
        for said in (one, two)
    ]
    assert content.input_messages(span({}, *events))() == one + two


def test_a_tools_events_give_what_it_was_given_and_returned():
    """A tool's span tells in events what others have in attributes."""
    told = span(
        {},
        ("gen_ai.tool.message", {"role": "tool", "content": '{"city": "Bern"}', "id": "1"}),
        ("gen_ai.choice", {"message": '[{"text": "sunny"}]', "id": "1"}),
    )
    assert content.tool_arguments(told)() == {"city": "Bern"}
    assert content.tool_result(told)() == [{"text": "sunny"}]


def test_a_tools_event_of_details_gives_what_it_was_given_and_returned():
    """The same within messages."""
    call = {"type": "tool_call", "name": "f", "id": "1", "arguments": {"city": "Bern"}}
    answer = {"type": "tool_call_response", "id": "1", "response": "sunny"}
    details = "gen_ai.client.inference.operation.details"
    told = span(
        {},
        (details, {"gen_ai.input.messages": json.dumps([{"role": "tool", "parts": [call]}])}),
        (details, {"gen_ai.output.messages": json.dumps([{"role": "tool", "parts": [answer]}])}),
    )
    assert content.tool_arguments(told)() == {"city": "Bern"}
    assert content.tool_result(told)() == "sunny"


@pytest.mark.parametrize(("said", "meant"), [('{"a": 1}', {"a": 1}), ("sunny", "sunny"), ("123", "123"), (7, 7)])
def test_data_is_decoded_where_it_is_an_object_or_a_list(said, meant):
    """A number that a tool returned as text stays text."""
    assert content.tool_result(span({"gen_ai.tool.call.result": said}))() == meant


def test_instructions_are_parts():
    """As a list of parts, or as mere text."""
    assert content.system_instructions(span({"gen_ai.system_instructions": json.dumps([text("Be brief")])}))() == [
        text("Be brief")
    ]
    assert content.system_instructions(span({"gen_ai.system_instructions": "Be brief"}))() == [text("Be brief")]
