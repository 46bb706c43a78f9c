"""Content of the OpenAI protocol in the conventions' parts."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentotel.adapters.openai_protocol.messages import (
    chat_messages,
    content_parts,
    instructions,
    plain,
    response_input,
    response_output,
    tool_definitions,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@dataclass
class Point:
    x: int
    y: object = None


@settings(deadline=None)  # how long it takes is not the question
@given(JSON)
def test_data_stays_what_it_is(value):
    """JSON data passes through unchanged."""
    assert plain(value) == value


def test_objects_become_data():
    """Objects are read by their attributes, classes and what has none are named: nothing is dumped, nothing fails."""
    assert plain(Point(1, [Point(2)])) == {"x": 1, "y": [{"x": 2}]}
    assert plain({"class": Point, "bytes": b"x", 3: object()}) == {"class": "Point", "bytes": "bytes", "3": "object"}


@settings(deadline=None)  # how long it takes is not the question
@given(st.text(), st.lists(st.text()))
def test_texts_are_kept_whole(text, others):
    """No text is lost or changed on its way into the parts."""
    messages = [{"role": "user", "content": text}] + [{"role": "assistant", "content": other} for other in others]
    mapped = chat_messages(messages)
    assert [message["role"] for message in mapped] == [message["role"] for message in messages]
    assert ["".join(part["content"] for part in m["parts"]) for m in mapped] == [text, *others]


@settings(deadline=None)  # how long it takes is not the question
@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_arguments_are_decoded_where_they_are_json(arguments):
    """Arguments of a tool call come back as the data that the model wrote."""
    function = {"name": "f", "arguments": json.dumps(arguments)}
    call = {"id": "c", "type": "function", "function": function}
    [message] = chat_messages([{"role": "assistant", "tool_calls": [call]}])
    assert message["parts"] == [{"type": "tool_call", "id": "c", "name": "f", "arguments": arguments}]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("text", {"type": "text", "content": "text"}),
        ({"type": "refusal", "refusal": "no"}, {"type": "text", "content": "no"}),
        ({"type": "reasoning_text", "text": "hm"}, {"type": "reasoning", "content": "hm"}),
        ({"type": "input_image", "image_url": "https://x/y.png"},
         {"type": "uri", "modality": "image", "uri": "https://x/y.png"}),
        ({"type": "input_image", "file_id": "f1"}, {"type": "file", "modality": "image", "file_id": "f1"}),
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
         {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AA"}),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA"}},
         {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "AA"}),
        ({"type": "input_file", "file_id": "f1"}, {"type": "file", "modality": "document", "file_id": "f1"}),
        ({"type": "input_file", "file_data": "QUJD"},
         {"type": "blob", "modality": "document", "mime_type": None, "content": "QUJD"}),
        ({"type": "later", "x": 1}, {"type": "later", "content": {"type": "later", "x": 1}}),
    ],
)  # fmt: skip
def test_each_kind_of_part_has_its_form(part, expected):
    """Texts, images, audio and files get the conventions' types; an unknown part is kept as it is."""
    assert content_parts([part]) == [expected]


def test_items_of_the_responses_api():
    """Reasoning, tools that the provider runs, custom tools and their results are parts of the conversation."""
    items = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "content": None},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c1", "name": "run", "input": "print(1)"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"},
        {"type": "compaction", "id": "x"},
    ]
    parts = [part for message in response_input(items) for part in message["parts"]]
    assert parts == [
        {"type": "reasoning", "content": "hm"},
        {"type": "server_tool_call", "id": "ws_1", "name": "web_search", "server_tool_call": items[1]},
        {"type": "tool_call", "id": "c1", "name": "run", "arguments": "print(1)"},
        {"type": "tool_call_response", "id": "c1", "response": "1"},
        {"type": "compaction", "content": {"type": "compaction", "id": "x"}},
    ]
    assert response_output(items[:1], "stop") == [
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "hm"}], "finish_reason": "stop"}
    ]
    assert response_output([]) == []


def test_instructions_may_be_text_or_messages():
    """Instructions are parts without a role."""
    assert instructions("Be brief.") == [{"type": "text", "content": "Be brief."}]
    message = {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}
    assert instructions([message]) == [{"type": "text", "content": "Be brief."}]


def test_tools_are_flat_whatever_their_form():
    """The nested tools of chat completions and the flat ones of the responses API look the same."""
    nested = {"type": "function", "function": {"name": "f", "parameters": {}}}
    flat = {"type": "function", "name": "f", "parameters": {}}
    assert tool_definitions([nested, flat]) == [flat, flat]
    assert tool_definitions([{"type": "web_search"}, Point]) == [{"type": "web_search"}, {"type": "Point"}]
