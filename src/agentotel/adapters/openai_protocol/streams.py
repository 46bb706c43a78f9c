"""Puts the pieces of a streamed answer of the OpenAI protocol together, when its content is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from agentotel.adapters.openai_protocol.messages import Message, chat_choices, read, response_output


def chat_chunks(chunks: Iterable[Any]) -> list[Message]:
    """Put the chunks of a streamed chat completion together, and map the result."""
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        for choice in read(chunk, "choices") or ():
            index = read(choice, "index") or 0
            target = choices.setdefault(index, {"message": {"role": "assistant", "tool_calls": {}}})
            target["finish_reason"] = read(choice, "finish_reason") or target.get("finish_reason")
            _add_delta(target["message"], read(choice, "delta"))
    for choice in choices.values():
        calls = choice["message"]["tool_calls"]
        choice["message"]["tool_calls"] = [calls[index] for index in sorted(calls)]
    return chat_choices(choices[index] for index in sorted(choices))


def _add_delta(message: dict[str, Any], delta: Any) -> None:
    for name in ("content", "refusal", "reasoning_content", "reasoning"):
        if isinstance(piece := read(delta, name), str):
            message[name] = message.get(name, "") + piece
    if legacy := read(delta, "function_call"):
        _add_function(message.setdefault("function_call", {}), legacy)
    for call in read(delta, "tool_calls") or ():
        target = message["tool_calls"].setdefault(read(call, "index") or 0, {"function": {}})
        target["id"] = target.get("id") or read(call, "id")
        _add_function(target["function"], read(call, "function"))


def _add_function(target: dict[str, Any], delta: Any) -> None:
    for name in ("name", "arguments"):
        target[name] = target.get(name, "") + (read(delta, name) or "")


def response_events(events: Iterable[Any]) -> list[Message]:
    """Put the events of a streamed response that did not complete together, and map what had arrived."""
    items: dict[int, Any] = {}
    for event in events:
        kind, index = read(event, "type"), read(event, "output_index") or 0
        if kind in {"response.output_item.added", "response.output_item.done"}:
            item = read(event, "item")
            items[index] = {**_own(item), "content": [], "deltas": {}} if kind.endswith("added") else item
        elif kind in _DELTAS and isinstance(items.get(index), dict):
            _add_event(items[index], event)
    return response_output([_unfinished(items[index]) for index in sorted(items)])


_DELTAS: Final = {
    "response.output_text.delta": "output_text",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning_text",
    "response.reasoning_summary_text.delta": "summary_text",
    "response.function_call_arguments.delta": "arguments",
}


def _own(item: Any) -> dict[str, Any]:
    return dict(item) if isinstance(item, Mapping) else dict(vars(item))


def _add_event(item: dict[str, Any], event: Any) -> None:
    kind = _DELTAS[read(event, "type")]
    deltas = item["deltas"]
    deltas[kind] = deltas.get(kind, "") + (read(event, "delta") or "")


def _unfinished(item: Any) -> Any:
    """Return an item whose end has not arrived with what its deltas have brought."""
    if not isinstance(item, dict) or "deltas" not in item:
        return item
    deltas = item.pop("deltas")
    if "arguments" in deltas:
        item["arguments"] = deltas.pop("arguments")
    item["content"] = [{"type": kind, "text": text, "refusal": text} for kind, text in deltas.items()]
    return item
