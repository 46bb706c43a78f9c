"""Content in the form of the OpenAI protocol, as the message parts of the GenAI conventions.

Everything is read from dicts and from the library's objects alike, by attribute, so that nothing has to be
imported or dumped. Nothing here runs unless content is switched on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

Part = dict[str, Any]
Message = dict[str, Any]


def read(source: Any, name: str) -> Any:
    """Return ``source[name]`` of a dict or ``source.name`` of an object, None if it is missing."""
    return source.get(name) if isinstance(source, dict) else getattr(source, name, None)


def reader_of(source: Any) -> Callable[[Any, str, None], Any]:
    """Return what reads from `source` as `read` does, for whoever reads from it several times."""
    return dict.get if isinstance(source, dict) else getattr


def text_of(value: Any) -> str | None:
    """Return `value` if it is a text with something in it, else None."""
    return value if isinstance(value, str) and value else None


def plain(value: Any) -> Any:
    """Return `value` as JSON-able data: objects by their attributes, anything unknown by its type's name."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item) for item in value]
    if isinstance(value, type) or not hasattr(value, "__dict__"):
        return type(value).__name__ if not isinstance(value, type) else value.__name__
    return {name: plain(item) for name, item in vars(value).items() if not name.startswith("_") and item is not None}


def chat_messages(messages: Iterable[Any]) -> list[Message]:
    """Map the ``messages`` of a chat completion."""
    return [chat_message(message) for message in messages]


def chat_message(message: Any, finish_reason: str | None = None) -> Message:
    """Map one message of a chat completion, sent or received."""
    role = read(message, "role") or "user"
    if role in {"tool", "function"}:
        call_id = read(message, "tool_call_id") or read(message, "name")
        parts = [_tool_response(call_id, read(message, "content"))]
    else:
        parts = _reasoning_parts(message) + content_parts(read(message, "content"))
        if refusal := read(message, "refusal"):
            parts.append(_text(refusal))
        parts += [_chat_tool_call(call) for call in read(message, "tool_calls") or ()]
        if legacy := read(message, "function_call"):
            parts.append(_tool_call(None, read(legacy, "name"), read(legacy, "arguments")))
    return _message(role, parts, finish_reason)


def chat_choices(choices: Iterable[Any]) -> list[Message]:
    """Map the ``choices`` of a chat completion."""
    return [chat_message(read(choice, "message"), read(choice, "finish_reason")) for choice in choices]


def response_input(items: Any) -> list[Message]:
    """Map the ``input`` of a response: a text, or a list of messages, tool calls and tool results."""
    if isinstance(items, str):
        return [_message("user", [_text(items)])]
    return [_response_item(item, "user") for item in items]


def response_output(items: Iterable[Any], finish_reason: str | None = None) -> list[Message]:
    """Map the ``output`` of a response: one answer of the model, made of all its items."""
    parts = [part for item in items for part in _response_item(item, "assistant")["parts"]]
    return [_message("assistant", parts, finish_reason)] if parts else []


def _response_item(item: Any, role: str) -> Message:
    """Map one item of a response's input or output."""
    kind = read(item, "type") or "message"
    if kind == "message":
        return _message(read(item, "role") or role, content_parts(read(item, "content")))
    if kind == "reasoning":
        thoughts = [*(read(item, "summary") or ()), *(read(item, "content") or ())]
        return _message("assistant", [_reasoning(read(thought, "text")) for thought in thoughts])
    call_id = read(item, "call_id") or read(item, "id")
    if kind in {"function_call", "custom_tool_call"}:
        arguments = read(item, "arguments") if kind == "function_call" else read(item, "input")
        return _message("assistant", [_tool_call(call_id, read(item, "name"), arguments)])
    if kind.endswith("_call_output"):
        return _message("tool", [_tool_response(call_id, read(item, "output"))])
    if kind.endswith("_call"):
        name = kind.removesuffix("_call")
        call = {"type": "server_tool_call", "id": call_id, "name": name, "server_tool_call": plain(item)}
        return _message("assistant", [call])
    return _message(role, [{"type": kind, "content": plain(item)}])


def content_parts(content: Any) -> list[Part]:
    """Map the content of a message: a text or a list of parts."""
    if content is None:
        return []
    if isinstance(content, str):
        return [_text(content)] if content else []
    if not isinstance(content, Sequence):
        return [{"type": type(content).__name__}]
    return [_content_part(part) for part in content]


def _content_part(part: Any) -> Part:
    kind = "text" if isinstance(part, str) else read(part, "type")
    to_part = _CONTENT_PARTS.get(kind)
    return to_part(part) if to_part else {"type": str(kind), "content": plain(part)}


def _text_part(part: Any) -> Part:
    return _text(part if isinstance(part, str) else read(part, "text"))


def _reasoning_part(part: Any) -> Part:
    return _reasoning(read(part, "text"))


def _refusal(part: Any) -> Part:
    return _text(read(part, "refusal"))


def _audio(part: Any) -> Part:
    audio = read(part, "input_audio")
    return _blob("audio", f"audio/{read(audio, 'format')}", read(audio, "data"))


def _image(part: Any) -> Part:
    image = read(part, "image_url")
    url = image if isinstance(image, str) else read(image, "url")
    if url is None:
        return {"type": "file", "modality": "image", "file_id": read(part, "file_id")}
    return _by_url("image", url)


def _file(part: Any) -> Part:
    file = read(part, "file") or part
    if url := read(file, "file_url") or read(file, "file_data"):
        return _by_url("document", url)
    return {"type": "file", "modality": "document", "file_id": read(file, "file_id")}


_CONTENT_PARTS: Final[Mapping[str, Callable[[Any], Part]]] = {
    "text": _text_part,
    "input_text": _text_part,
    "output_text": _text_part,
    "reasoning_text": _reasoning_part,
    "summary_text": _reasoning_part,
    "refusal": _refusal,
    "image_url": _image,
    "input_image": _image,
    "input_audio": _audio,
    "file": _file,
    "input_file": _file,
}


def _by_url(modality: str, url: str) -> Part:
    """Map what stands behind a URL; one with the scheme ``data`` is the content itself."""
    if url.startswith("data:"):
        head, _, content = url.removeprefix("data:").partition(",")
        return _blob(modality, head.split(";")[0], content)
    if "://" not in url:
        return _blob(modality, None, url)
    return {"type": "uri", "modality": modality, "uri": url}


def _blob(modality: str, mime_type: str | None, content: Any) -> Part:
    return {"type": "blob", "modality": modality, "mime_type": mime_type, "content": content}


def _reasoning_parts(message: Any) -> list[Part]:
    """Map the reasoning that DeepSeek, OpenRouter and others add to the message of a chat completion."""
    text = read(message, "reasoning_content") or read(message, "reasoning")
    return [_reasoning(text)] if isinstance(text, str) and text else []


def _chat_tool_call(call: Any) -> Part:
    function = read(call, "function") or read(call, "custom")
    arguments = read(function, "arguments")
    return _tool_call(
        read(call, "id"), read(function, "name"), read(function, "input") if arguments is None else arguments
    )


def _tool_call(call_id: Any, name: Any, arguments: Any) -> Part:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": _decoded(arguments)}


def _tool_response(call_id: Any, response: Any) -> Part:
    return {"type": "tool_call_response", "id": call_id, "response": plain(response)}


def _decoded(arguments: Any) -> Any:
    """Return arguments as data where the model wrote JSON, else as the text that it wrote."""
    if not isinstance(arguments, str):
        return plain(arguments)
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _text(content: Any) -> Part:
    return {"type": "text", "content": content}


def _reasoning(content: Any) -> Part:
    return {"type": "reasoning", "content": content}


def _message(role: str, parts: list[Part], finish_reason: str | None = None) -> Message:
    message = {"role": role, "parts": parts}
    return {**message, "finish_reason": finish_reason} if finish_reason else message


def instructions(text: Any) -> list[Part]:
    """Map instructions that were given apart from the messages."""
    return (
        [_text(text)]
        if isinstance(text, str)
        else [part for item in text for part in _response_item(item, "system")["parts"]]
    )


def tool_definitions(tools: Iterable[Any]) -> list[dict[str, Any]]:
    """Map the tools that were offered: functions flat, as the conventions want them, others as they are."""
    return [_tool_definition(tool) for tool in tools]


def _tool_definition(tool: Any) -> dict[str, Any]:
    described = plain(tool)
    if not isinstance(described, dict):
        return {"type": str(described)}
    kind = described.get("type", "function")
    inner = described.get(kind)
    return {"type": kind, **(inner if isinstance(inner, dict) else described)}
