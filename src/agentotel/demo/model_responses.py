"""Answers of the responses API in the form of the OpenAI protocol, whole or as its sequence of events."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from agentotel.demo.model_replies import MODEL, FunctionCall, Reply, halves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def response(
    text: str = "",
    *,
    model: str = MODEL,
    tool_calls: Sequence[FunctionCall] = (),
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
    status: str = "completed",
) -> Reply:
    """Return an answer of ``/responses``; any `status` but ``completed`` means cut off by a limit."""
    body = _response_head(model)
    return Reply(
        body={
            **body,
            "status": status,
            "incomplete_details": None if status == "completed" else {"reason": "max_output_tokens"},
            "output": _output_items(text, tool_calls),
            "usage": _response_usage(input_tokens, output_tokens, cached_tokens, reasoning_tokens),
        }
    )


def response_stream(
    pieces: Sequence[str] = (),
    *,
    model: str = MODEL,
    tool_calls: Sequence[FunctionCall] = (),
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
    status: str = "completed",
) -> Reply:
    """Return a streamed answer of ``/responses``: all events from the first to ``response.completed``."""
    final = response(
        "".join(pieces),
        model=model,
        tool_calls=tool_calls,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_tokens=cached_tokens,
        reasoning_tokens=reasoning_tokens,
        status=status,
    ).body
    assert final is not None
    started = {**final, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": started},
        {"type": "response.in_progress", "response": started},
    ]
    for index, item in enumerate(final["output"]):
        events += _item_events(index, item, pieces)
    events.append({"type": f"response.{status}", "response": final})
    return Reply(chunks=[{**event, "sequence_number": number} for number, event in enumerate(events)])


def _response_head(model: str) -> dict[str, Any]:
    return {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "error": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "service_tier": "default",
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }


def _response_usage(input_tokens: int, output_tokens: int, cached: int, reasoning: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input_tokens + output_tokens,
    }


def _output_items(text: str, tool_calls: Sequence[FunctionCall]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if text:
        part = {"type": "output_text", "text": text, "annotations": []}
        items.append({"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]})
    items += [
        {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": call.name,
            "arguments": json.dumps(dict(call.arguments)),
        }
        for call in tool_calls
    ]
    return items


def _item_events(index: int, item: dict[str, Any], pieces: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the events of one output item, from ``added`` to ``done``."""
    where = {"output_index": index, "item_id": item["id"]}
    empty: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
    started = {**item, "status": "in_progress", **empty}
    yield {"type": "response.output_item.added", "output_index": index, "item": started}
    yield from (_text_events(where, item, pieces) if item["type"] == "message" else _argument_events(where, item))
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _text_events(where: dict[str, Any], item: dict[str, Any], pieces: Sequence[str]) -> Iterator[dict[str, Any]]:
    at = {**where, "content_index": 0}
    part = item["content"][0]
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for piece in pieces:
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


def _argument_events(where: dict[str, Any], item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for piece in halves(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **where, "delta": piece}
    yield {
        "type": "response.function_call_arguments.done",
        **where,
        "arguments": item["arguments"],
        "name": item["name"],
    }
