"""Answers in the form of Anthropic's messages API, whole or as its sequence of events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentotel.demo.model_replies import FunctionCall, Reply, halves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def message(
    text: str = "",
    *,
    model: str,
    tool_calls: Sequence[FunctionCall] = (),
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
) -> Reply:
    """Return an answer of ``/v1/messages``; `input_tokens` includes the cached ones, which the answer tells apart."""
    return Reply(
        body={
            **_head(model),
            "content": _blocks(text, tool_calls),
            "stop_reason": "tool_use" if tool_calls else "end_turn",
            "usage": _usage(input_tokens, output_tokens, cached_tokens),
        }
    )


def message_stream(
    pieces: Sequence[str] = (),
    *,
    model: str,
    tool_calls: Sequence[FunctionCall] = (),
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
) -> Reply:
    """Return a streamed answer of ``/v1/messages``: all events from ``message_start`` to ``message_stop``."""
    start = {**_head(model), "content": [], "stop_reason": None, "usage": _usage(input_tokens, 1, cached_tokens)}
    events: list[dict[str, Any] | str] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(_blocks("".join(pieces), tool_calls)):
        events += _block_events(index, block, pieces)
    stop = {"stop_reason": "tool_use" if tool_calls else "end_turn", "stop_sequence": None}
    usage = _usage(input_tokens, output_tokens, cached_tokens)
    events += [{"type": "message_delta", "delta": stop, "usage": usage}, {"type": "message_stop"}]
    return Reply(chunks=events)


def message_failure(status: int, kind: str, words: str) -> Reply:
    """Return an error in the protocol's form."""
    return Reply(status, {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_demo"})


def _head(model: str) -> dict[str, Any]:
    return {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def _usage(input_tokens: int, output_tokens: int, cached_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens - cached_tokens,
        "cache_read_input_tokens": cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _blocks(text: str, tool_calls: Sequence[FunctionCall]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)} for call in tool_calls
    ]
    return blocks


def _block_events(index: int, block: dict[str, Any], pieces: Sequence[str]) -> Iterator[dict[str, Any]]:
    empty: dict[str, Any] = {"text": ""} if block["type"] == "text" else {"input": {}}
    yield {"type": "content_block_start", "index": index, "content_block": {**block, **empty}}
    if block["type"] == "text":
        for piece in pieces:
            yield {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": piece}}
    else:
        for piece in halves(json.dumps(block["input"])):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}
