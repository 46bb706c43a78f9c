"""What the answers of the OpenAI protocol say, whole or in pieces: they complete an operation."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

from agentotel.adapters.openai_protocol import messages as content
from agentotel.adapters.openai_protocol import streams
from agentotel.adapters.openai_protocol.messages import read, reader_of, text_of
from agentotel.model import names
from agentotel.model.operations import ModelCall, Usage

_TOOL_CALLS: Final = frozenset({"function_call", "custom_tool_call"})
_INCOMPLETE: Final = {"max_output_tokens": "length"}


def chat_response(operation: ModelCall, result: Any) -> None:
    """Complete the operation from a chat completion."""
    completion = _decoded(result)
    _identify(operation, completion)
    _count_chat_usage(operation, read(completion, "usage"))
    choices = read(completion, "choices") or ()
    operation.finish_reasons = tuple([reason for choice in choices if (reason := read(choice, "finish_reason"))])
    operation.output_messages = partial(content.chat_choices, choices)


def chat_chunk(operation: ModelCall, chunk: Any) -> None:
    """Fold one chunk of a chat completion into the operation; the content is put together only on demand."""
    if operation.wants_content:
        if operation.scratch is None:
            operation.scratch = []
            operation.output_messages = partial(streams.chat_chunks, operation.scratch)
        operation.scratch.append(chunk)
    if operation.response_id is None:
        _identify(operation, chunk)
    try:  # there are hundreds of them, and nearly all of them are nothing but a few letters
        usage = chunk.usage
        choices = chunk.choices
    except AttributeError:
        usage, choices = getattr(chunk, "usage", None), getattr(chunk, "choices", None)
    if usage is not None:
        _count_chat_usage(operation, usage)
    for choice in choices or ():
        try:
            reason = choice.finish_reason
        except AttributeError:
            continue
        if reason is not None:
            operation.finish_reasons += (reason,)


def responses_response(operation: ModelCall, result: Any) -> None:
    """Complete the operation from a response; one that failed or was cancelled says so in its status."""
    response = _decoded(result)
    _identify(operation, response)
    _count_response_usage(operation, read(response, "usage"))
    output = read(response, "output") or ()
    status = read(response, "status")
    operation.finish_reasons = _finish_reasons(response, status, output)
    operation.cancelled = status == "cancelled"
    if status == "failed":
        operation.failure = read(read(response, "error"), "code") or "failed"
    last = operation.finish_reasons[-1] if operation.finish_reasons else None
    operation.output_messages = partial(content.response_output, output, last)


def responses_chunk(operation: ModelCall, event: Any) -> None:
    """Fold one event of a streamed response into the operation; the last event carries the whole response."""
    if operation.wants_content:
        if operation.scratch is None:
            operation.scratch = []
            operation.output_messages = partial(streams.response_events, operation.scratch)
        operation.scratch.append(event)
    if (act := _EVENTS.get(getattr(event, "type", ""))) is not None:
        act(operation, event)


def embeddings_response(operation: ModelCall, result: Any) -> None:
    """Complete the operation from embeddings."""
    embeddings = _decoded(result)
    operation.response_model = text_of(read(embeddings, "model"))
    if usage := read(embeddings, "usage"):
        operation.usage = Usage(input_tokens=read(usage, "prompt_tokens"))


def _decoded(result: Any) -> Any:
    """Return the result, decoded where a program has read the raw body itself; None where that is no JSON."""
    if not isinstance(result, str | bytes):
        return result
    try:
        return json.loads(result)
    except ValueError:
        return None


def _identify(operation: ModelCall, answer: Any) -> None:
    get = reader_of(answer)
    operation.response_id = text_of(get(answer, "id", None))
    operation.response_model = text_of(get(answer, "model", None))
    if tier := text_of(get(answer, "service_tier", None)):
        operation.attributes[names.OPENAI_RESPONSE_SERVICE_TIER] = tier
    if fingerprint := text_of(get(answer, "system_fingerprint", None)):
        operation.attributes[names.OPENAI_RESPONSE_FINGERPRINT] = fingerprint


def _count_chat_usage(operation: ModelCall, usage: Any) -> None:
    if usage is not None:
        get = reader_of(usage)
        cached, written = get(usage, "prompt_tokens_details", None), get(usage, "completion_tokens_details", None)
        sent, received = get(usage, "prompt_tokens", None), get(usage, "completion_tokens", None)
        operation.usage = _usage(sent, received, cached, written)


def _count_response_usage(operation: ModelCall, usage: Any) -> None:
    if usage is not None:
        sent, received = read(usage, "input_tokens_details"), read(usage, "output_tokens_details")
        operation.usage = _usage(read(usage, "input_tokens"), read(usage, "output_tokens"), sent, received)


def _usage(input_tokens: Any, output_tokens: Any, input_details: Any, output_details: Any) -> Usage:
    get = reader_of(input_details)
    return Usage(
        input_tokens,
        output_tokens,
        get(input_details, "cached_tokens", None),
        get(input_details, "cache_write_tokens", None),
        read(output_details, "reasoning_tokens"),
    )


def _finish_reasons(response: Any, status: Any, output: Any) -> tuple[str, ...]:
    """Return why the model stopped, in the words of chat completions: the responses API has none."""
    if status == "incomplete":
        reason = read(read(response, "incomplete_details"), "reason")
        return (_INCOMPLETE.get(reason, text_of(reason) or "incomplete"),)
    if status in {"failed", "cancelled"}:
        return ("error",)
    kinds = [read(item, "type") for item in output]
    reasons = ["tool_calls"] if any(kind in _TOOL_CALLS for kind in kinds) else []
    if "message" in kinds or (not reasons and status == "completed"):
        reasons.insert(0, "stop")
    return tuple(reasons)


def _on_created(operation: ModelCall, event: Any) -> None:
    _identify(operation, event.response)


def _on_end(operation: ModelCall, event: Any) -> None:
    responses_response(operation, event.response)


def _on_error(operation: ModelCall, event: Any) -> None:
    operation.failure = text_of(event.code) or "error"


_EVENTS: Final = {
    "response.created": _on_created,
    "response.completed": _on_end,
    "response.incomplete": _on_end,
    "response.failed": _on_end,
    "error": _on_error,
}
