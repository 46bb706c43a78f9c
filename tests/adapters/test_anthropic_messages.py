"""Content of Anthropic's messages API in the shape of the conventions, from dicts and from objects alike."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agentotel.adapters import anthropic_messages as content


@pytest.mark.parametrize("made", [dict, SimpleNamespace], ids=["dicts", "objects"])
def test_blocks_become_parts(made):
    """Whatever the program has passed or the library has made."""
    blocks = [
        made(type="text", text="hello"),
        made(type="redacted_thinking", data="x"),
        made(type="image", source=made(type="base64", media_type="image/png", data="canary")),
        made(type="server_tool_use", id="s1", name="web_search", input={"query": "q"}),
        made(type="tool_result", tool_use_id="t1", content="sunny"),
        made(type="tool_result", tool_use_id="t2", content=[made(type="text", text="a"), made(type="text", text="b")]),
        made(type="web_search_tool_result", tool_use_id="s1", content=[]),
    ]
    assert content.parts(blocks) == [
        {"type": "text", "content": "hello"},
        {"type": "reasoning", "content": ""},
        {"type": "blob", "mime_type": "image/png"},
        {"type": "tool_call", "id": "s1", "name": "web_search", "arguments": {"query": "q"}},
        {"type": "tool_call_response", "id": "t1", "response": "sunny"},
        {
            "type": "tool_call_response",
            "id": "t2",
            "response": [{"type": "text", "content": "a"}, {"type": "text", "content": "b"}],
        },
        {"type": "tool_call_response", "id": "s1", "response": None},
    ]


def test_a_streamed_tool_call_is_put_together():
    """Its arguments come as pieces of JSON."""
    events = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Let "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "me"}},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}},
        },
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a'}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '": 1}'}},
    ]
    assert content.streamed_answer(events, "tool_use") == [
        {
            "role": "assistant",
            "finish_reason": "tool_use",
            "parts": [
                {"type": "text", "content": "Let me"},
                {"type": "tool_call", "id": "t", "name": "f", "arguments": {"a": 1}},
            ],
        }
    ]


def test_a_stream_that_was_left_in_the_middle_shows_what_had_come():
    """Half an object is no JSON: it is kept as it is."""
    events = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"a'}},
        {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "of no block"}},
    ]
    (message,) = content.streamed_answer(events, None)
    assert message["parts"] == [{"type": "tool_call", "id": "t", "name": "f", "arguments": '{"a'}]


@pytest.mark.parametrize("nothing", [None, 5, []])
def test_no_content_gives_no_parts(nothing):
    """An answer without content is no message."""
    assert content.parts(nothing) == []
    assert content.answer(nothing, "end_turn") == []
