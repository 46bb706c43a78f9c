"""Messages, documents and states of LangChain, as the message parts of the GenAI conventions.

Nothing here runs unless content is switched on. Messages may be given in every form that LangChain takes: objects,
dicts, pairs of role and text, or plain text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agentotel.adapters.openai_protocol.messages import Message, Part, chat_message, content_parts, plain, read

_ROLES: Final[Mapping[str, str]] = {
    "human": "user",
    "ai": "assistant",
    "AIMessageChunk": "assistant",
    "HumanMessageChunk": "user",
    "SystemMessageChunk": "system",
    "ToolMessageChunk": "tool",
    "developer": "system",
    "function": "tool",
}
_REPEATED: Final = frozenset(
    {"tool_use", "tool_call", "tool_call_chunk", "invalid_tool_call", "function_call", "input_json_delta"}
)
"""Blocks of content that say again what ``tool_calls`` says."""


def messages(found: Any) -> list[Message]:
    """Map what a model or an agent was given: one or many messages, in any form, or a prompt value."""
    if hasattr(found, "to_messages"):
        found = found.to_messages()
    if isinstance(found, str | Mapping) or hasattr(found, "content"):
        found = [found]
    return [message(item) for item in found]


def message(found: Any, finish_reason: str | None = None) -> Message:
    """Map one message."""
    if isinstance(found, str):
        return _made("user", content_parts(found), None)
    if isinstance(found, tuple):
        role, text = found
        return _made(_role(role), content_parts(text), None)
    role = _role(read(found, "role") or read(found, "type") or "user")
    if role == "tool":
        return _made(role, [_tool_response(found)], None)
    parts = [part for block in _blocks(read(found, "content")) for part in _parts(block)]
    parts += [_tool_call(call) for call in read(found, "tool_calls") or ()]
    parts += [_tool_call(call) for call in read(found, "invalid_tool_calls") or ()]
    return _made(role, parts, finish_reason)


def generations(found: Iterable[Any], finish_reasons: Sequence[str] = ()) -> list[Message]:
    """Map the answers of a model: generations with a message (chat models) or with a text (completion models)."""
    reasons = [*finish_reasons]
    mapped = []
    for position, generation in enumerate(found):
        answer = read(generation, "message")
        reason = reasons[position] if position < len(reasons) else None
        text = content_parts(read(generation, "text"))
        mapped.append(_made("assistant", text, reason) if answer is None else message(answer, reason))
    return mapped


def streamed(pieces: Sequence[Any], finish_reasons: Sequence[str] = ()) -> list[Message]:
    """Map the answer that came in pieces: message chunks, or texts."""
    if not pieces:
        return []
    reason = finish_reasons[0] if finish_reasons else None
    if isinstance(pieces[0], str):
        return [_made("assistant", content_parts("".join(pieces)), reason)]
    whole = pieces[0] if len(pieces) == 1 else pieces[0] + list(pieces[1:])
    return [message(whole, reason)]


def told(blocks: Sequence[Any], finish_reasons: Sequence[str] = ()) -> list[Message]:
    """Map the answer that came as blocks of content, calls of tools among them."""
    if not blocks:
        return []
    calls = [block for block in blocks if read(block, "type") in {"tool_call", "invalid_tool_call"}]
    whole = {"role": "assistant", "content": list(blocks), "tool_calls": calls}
    return [message(whole, finish_reasons[0] if finish_reasons else None)]


def asked(state: Any) -> list[Message]:
    """Map what a graph or a chain was started with."""
    found = _messages_in(state, "input")
    return [_made("user", [_data(state)], None)] if found is None else messages(found)


def answered(state: Any) -> list[Message]:
    """Map what a graph or a chain has answered: the last message of its state, or all that it returned."""
    found = _messages_in(state, "output")
    if found is None or isinstance(found, str):
        return [_made("assistant", [_data(state if found is None else found)], None)]
    return messages(found)[-1:]


def documents(found: Iterable[Any]) -> list[dict[str, Any]]:
    """Map documents that were retrieved."""
    return [_document(document) for document in found]


def tool_result(found: Any) -> Any:
    """Return what a tool gave back: the content of a `ToolMessage`, the update of a `Command`, or the value."""
    if read(found, "type") == "tool" and hasattr(found, "content"):
        return plain(found.content)
    if type(found).__name__ == "Command":
        return {"goto": plain(found.goto), "update": _update(found.update)}
    return plain(found)


def _update(update: Any) -> Any:
    found = _messages_in(update, "messages")
    return plain(update) if found is None else messages(found)


def _messages_in(state: Any, name: str) -> Any:
    """Return the messages that `state` is or holds, as LangGraph's do; else its text called `name`, or None."""
    if isinstance(state, Mapping):
        text = state.get(name)
        return state.get("messages") or (text if isinstance(text, str) else None)
    if (
        isinstance(state, str)
        or hasattr(state, "to_messages")
        or (hasattr(state, "content") and hasattr(state, "type"))
    ):
        return state
    if isinstance(state, list) and state and hasattr(state[0], "content"):
        return state
    return getattr(state, "messages", None)


def _document(document: Any) -> dict[str, Any]:
    metadata = read(document, "metadata") or {}
    mapped = {"id": read(document, "id"), "content": read(document, "page_content"), "metadata": plain(metadata)}
    score = metadata.get("score", metadata.get("relevance_score"))
    if score is not None:
        mapped["score"] = plain(score)
    return {name: value for name, value in mapped.items() if value not in (None, {})}


def _role(name: str) -> str:
    return _ROLES.get(name, name)


def _blocks(content: Any) -> list[Any]:
    if content is None or content == "":
        return []
    return [content] if isinstance(content, str | Mapping) else list(content)


def _parts(block: Any) -> list[Part]:
    """Map one block of content, in LangChain's standard form, in OpenAI's or in Anthropic's."""
    kind = "text" if isinstance(block, str) else block.get("type")
    if kind in _REPEATED:
        return []
    if kind in {"reasoning", "thinking"}:
        return [{"type": "reasoning", "content": text} for text in _thoughts(block)]
    if kind in {"image", "audio", "video"} or (kind == "file" and "file" not in block):
        return [_media(kind, block)]
    return content_parts([block])


def _thoughts(block: Any) -> list[str]:
    text = block.get("reasoning") or block.get("thinking") or block.get("text")
    if isinstance(text, str):
        return [text]
    return [thought for item in block.get("summary") or () if isinstance(thought := read(item, "text"), str)]


def _media(kind: str, block: Any) -> Part:
    modality = "document" if kind == "file" else kind
    source: Any = block.get("source") if isinstance(block.get("source"), Mapping) else block
    if url := source.get("url"):
        return {"type": "uri", "modality": modality, "uri": url}
    if file_id := source.get("file_id") or source.get("id"):
        return {"type": "file", "modality": modality, "file_id": file_id}
    mime_type = source.get("mime_type") or source.get("media_type")
    data = source.get("base64") or source.get("data")
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": plain(data)}


def _tool_call(call: Any) -> Part:
    if read(call, "function"):  # of a message that was given as a dict in OpenAI's form
        parts: list[Part] = chat_message({"role": "assistant", "tool_calls": [call]})["parts"]
        return parts[0]
    arguments = plain(read(call, "args"))
    return {"type": "tool_call", "id": read(call, "id"), "name": read(call, "name"), "arguments": arguments}


def _tool_response(found: Any) -> Part:
    return {
        "type": "tool_call_response",
        "id": read(found, "tool_call_id"),
        "response": plain(read(found, "content")),
    }


def _data(value: Any) -> Part:
    """Return a state as text: programs put anything into it."""
    shown = plain(value)
    return {"type": "text", "content": shown if isinstance(shown, str) else json.dumps(shown, default=str)}


def _made(role: str, parts: list[Part], finish_reason: str | None) -> Message:
    made = {"role": role, "parts": parts}
    return {**made, "finish_reason": finish_reason} if finish_reason else made
