"""Answers in the form of the OpenAI protocol: chat completions, embeddings and errors."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping, Sequence

MODEL = "gpt-5-mini"


@dataclass(frozen=True)
class Reply:
    """What the server answers.

    Attributes:
        status: HTTP status.
        body: JSON body of an answer in one piece.
        chunks: Server-sent events of a streamed answer; takes the place of `body`. A string is sent as it is
            (``[DONE]``); an event with a ``type`` is announced by that name, as the responses API does.
        headers: Additional headers.
        delay_s: Seconds to wait before the status line.
        chunk_delay_s: Seconds to wait before each chunk.
        cut_after: Drop the connection after so many chunks; 0 drops it before the status line, also for an
            answer in one piece.
        hold: Wait for this event: before the status line, or within a stream after `hold_after` chunks.
        hold_after: Chunks to send before waiting for `hold`.
    """

    status: int = 200
    body: dict[str, Any] | None = None
    chunks: Sequence[dict[str, Any] | str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    chunk_delay_s: float = 0.0
    cut_after: int | None = None
    hold: threading.Event | None = None
    hold_after: int = 0


@dataclass(frozen=True)
class FunctionCall:
    """A tool call that the scripted model asks for."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = "call_1"


def completion(
    text: str = "",
    *,
    model: str = MODEL,
    tool_calls: Sequence[FunctionCall] = (),
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
    finish_reason: str | None = None,
) -> Reply:
    """Return an answer of ``/chat/completions``; `finish_reason` is what such an answer naturally has."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if tool_calls:
        message["tool_calls"] = [_chat_tool_call(call) for call in tool_calls]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": finish_reason or _finish(tool_calls),
    }
    usage = _chat_usage(input_tokens, output_tokens, cached_tokens, reasoning_tokens)
    return Reply(body={**_chat_head("chat.completion", model), "choices": [choice], "usage": usage})


def completion_stream(  # noqa: PLR0913 - the keywords are those of `completion`
    pieces: Sequence[str] = (),
    *,
    model: str = MODEL,
    tool_calls: Sequence[FunctionCall] = (),
    input_tokens: int,
    output_tokens: int,
    cached_tokens: int = 0,
    reasoning_tokens: int = 0,
    finish_reason: str | None = None,
    include_usage: bool,
) -> Reply:
    """Return a streamed answer of ``/chat/completions``, one chunk per piece of text.

    `include_usage` says whether the last chunk carries the usage, as the request's ``stream_options`` asked.
    """
    head = _chat_head("chat.completion.chunk", model)
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces]
    deltas += [delta for index, call in enumerate(tool_calls) for delta in _chat_tool_deltas(index, call)]
    chunks: list[dict[str, Any] | str] = [_chat_chunk(head, delta, None) for delta in deltas]
    chunks.append(_chat_chunk(head, {}, finish_reason or _finish(tool_calls)))
    if include_usage:
        usage = _chat_usage(input_tokens, output_tokens, cached_tokens, reasoning_tokens)
        chunks.append({**head, "choices": [], "usage": usage})
    return Reply(chunks=[*chunks, "[DONE]"])


def embeddings(
    vectors: Sequence[Sequence[float]], *, model: str = "text-embedding-3-small", input_tokens: int
) -> Reply:
    """Return an answer of ``/embeddings``: one vector per input (for ``encoding_format="float"``)."""
    data = [{"object": "embedding", "index": index, "embedding": [*vector]} for index, vector in enumerate(vectors)]
    usage = {"prompt_tokens": input_tokens, "total_tokens": input_tokens}
    return Reply(body={"object": "list", "data": data, "model": model, "usage": usage})


def rate_limited(retry_after_ms: int = 1) -> Reply:
    """Return a 429 that asks the client to wait `retry_after_ms` milliseconds."""
    reply = failure(429, "rate_limit_exceeded", "Rate limit reached")
    return Reply(429, reply.body, headers={"retry-after-ms": str(retry_after_ms)})


def failure(status: int, kind: str, message: str) -> Reply:
    """Return an error in the protocol's form."""
    return Reply(status, {"error": {"message": message, "type": kind, "param": None, "code": kind}})


def _chat_head(kind: str, model: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_demo",
    }


def _chat_usage(input_tokens: int, output_tokens: int, cached: int, reasoning: int) -> dict[str, Any]:
    return {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


def _chat_chunk(head: dict[str, Any], delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**head, "choices": [choice]}


def _chat_tool_call(call: FunctionCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
    }


def _chat_tool_deltas(index: int, call: FunctionCall) -> Iterator[dict[str, Any]]:
    function = {"name": call.name, "arguments": ""}
    yield {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": function}]}
    for piece in halves(json.dumps(dict(call.arguments))):
        yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _finish(tool_calls: Sequence[FunctionCall]) -> str:
    return "tool_calls" if tool_calls else "stop"


def halves(text: str) -> tuple[str, str]:
    """Return `text` cut in two, as a streamed answer delivers its arguments."""
    return text[: len(text) // 2], text[len(text) // 2 :]
