"""Streamed answers give the same content as whole ones, however they are cut."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from agentotel.adapters.openai_protocol.messages import chat_choices, response_output
from agentotel.adapters.openai_protocol.streams import chat_chunks, response_events
from agentotel.demo.model_server import FunctionCall, completion, completion_stream, response, response_stream

PIECES = st.lists(st.text(min_size=1), max_size=5)
CALLS = st.lists(
    st.builds(
        FunctionCall,
        name=st.sampled_from(["weather", "time"]),
        arguments=st.dictionaries(st.text(), st.none() | st.integers() | st.text(), max_size=3),
        id=st.uuids().map(str),
    ),
    max_size=3,
)
COUNTS = {"input_tokens": 1, "output_tokens": 1}


@settings(deadline=None)  # how long it takes is not the question
@given(PIECES, CALLS)
def test_chat_chunks_give_what_the_whole_completion_gives(pieces, calls):
    """Text and tool calls are put together as the model wrote them."""
    streamed = completion_stream(pieces, tool_calls=calls, **COUNTS, include_usage=True)
    whole = completion("".join(pieces), tool_calls=calls, **COUNTS)
    assert chat_chunks(streamed.chunks[:-1]) == chat_choices(whole.body["choices"])


@settings(deadline=None)  # how long it takes is not the question
@given(PIECES, CALLS)
def test_events_without_an_end_give_what_the_whole_response_gives(pieces, calls):
    """A streamed response whose last event is missing has its content all the same."""
    streamed = response_stream(pieces, tool_calls=calls, **COUNTS)
    whole = response("".join(pieces), tool_calls=calls, **COUNTS)
    assert response_events(streamed.chunks[:-1]) == response_output(whole.body["output"])


@settings(deadline=None)  # how long it takes is not the question
@given(st.lists(st.text(min_size=1), min_size=1, max_size=5), st.data())
def test_broken_off_response_keeps_the_text_that_had_arrived(pieces, data):
    """After any number of pieces the text is that of these pieces, and nothing else."""
    events = response_stream(pieces, **COUNTS).chunks
    first = next(i for i, event in enumerate(events) if event["type"].endswith("text.delta"))
    arrived = data.draw(st.integers(1, len(pieces)))
    [message] = response_events(events[: first + arrived])
    assert message["parts"] == [{"type": "text", "content": "".join(pieces[:arrived])}]


def test_broken_off_tool_call_keeps_the_text_of_its_arguments():
    """Arguments that are no complete JSON yet are kept as the text that had arrived."""
    events = response_stream(tool_calls=[FunctionCall("weather", {"city": "Bern"}, "c1")], **COUNTS).chunks
    first = next(i for i, event in enumerate(events) if event["type"].endswith("arguments.delta"))
    arguments = json.dumps({"city": "Bern"})
    assert response_events(events[: first + 1])[0]["parts"] == [
        {"type": "tool_call", "id": "c1", "name": "weather", "arguments": arguments[: len(arguments) // 2]}
    ]


def test_choices_and_reasoning_are_kept_apart():
    """Several choices stay several messages, and reasoning goes before the text."""

    def chunk(index, **delta):
        return {"choices": [{"index": index, "delta": delta, "finish_reason": None}]}

    chunks = [chunk(1, content="b"), chunk(0, reasoning_content="hm"), chunk(0, content="a"), chunk(1, content="c")]
    assert chat_chunks(chunks) == [
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "hm"}, {"type": "text", "content": "a"},
        ]},
        {"role": "assistant", "parts": [{"type": "text", "content": "bc"}]},
    ]  # fmt: skip
