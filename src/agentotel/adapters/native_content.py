"""Content out of native spans, as thunks in the shape of the GenAI conventions: parsed only when somebody wants it.

Libraries write messages as JSON into attributes (``gen_ai.input.messages``), into the attributes of one span event
(``gen_ai.client.inference.operation.details``), or as one span event per message (``gen_ai.user.message``,
``gen_ai.choice``). What is no JSON, or was cut by the library, is kept as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters import native_attributes as reading
from agentotel.model import names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agentotel.model.contract import NativeSpan
    from agentotel.model.operations import Content

Message = dict[str, Any]
Part = dict[str, Any]

_DETAILS: Final = names.EVENT_INFERENCE_DETAILS
_CHOICE: Final = "gen_ai.choice"
_TOOL_MESSAGE: Final = "gen_ai.tool.message"
_SYSTEM_MESSAGE: Final = "gen_ai.system.message"
_ROLES: Final = {
    _SYSTEM_MESSAGE: "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    _TOOL_MESSAGE: "tool",
}


def input_messages(span: NativeSpan, *attributes: str) -> Content | None:
    """Return a thunk of what was sent, None where the span says nothing about it.

    Args:
        span: The native span.
        attributes: Names of attributes that hold the messages, besides that of the conventions.
    """
    written = _written(span, (names.INPUT_MESSAGES, *attributes))
    if written:
        return lambda: messages(written, "user")
    told = [(name, values) for name, values in span.events if name in _ROLES]
    return (lambda: [_event_message(name, values) for name, values in told]) if told else None


def output_messages(span: NativeSpan, *attributes: str) -> Content | None:
    """Return a thunk of what was answered, as `input_messages` does of what was sent."""
    written = _written(span, (names.OUTPUT_MESSAGES, *attributes))
    if written:
        return lambda: messages(written, "assistant")
    told = [values for name, values in span.events if name == _CHOICE]
    return (lambda: [_choice_message(values) for values in told]) if told else None


def system_instructions(span: NativeSpan, *attributes: str) -> Content | None:
    """Return a thunk of the instructions that were given apart from the messages."""
    written = _written(span, (names.SYSTEM_INSTRUCTIONS, *attributes))
    return (lambda: [part for found in written for part in parts(reading.decoded(found))]) if written else None


def data(span: NativeSpan, *attributes: str) -> Content | None:
    """Return a thunk of the first of `attributes`: as data where it is a JSON object or list, else as it is."""
    for name in attributes:
        value = span.attributes.get(name)
        if value is not None:
            return lambda: reading.decoded(value)
    return None


def tool_arguments(span: NativeSpan, *attributes: str) -> Content | None:
    """Return a thunk of what a tool was given."""
    return data(span, names.TOOL_CALL_ARGUMENTS, *attributes) or _of_tool_event(
        span, (names.INPUT_MESSAGES, "arguments"), (_TOOL_MESSAGE, "content")
    )


def tool_result(span: NativeSpan, *attributes: str) -> Content | None:
    """Return a thunk of what a tool returned."""
    return data(span, names.TOOL_CALL_RESULT, *attributes) or _of_tool_event(
        span, (names.OUTPUT_MESSAGES, "response"), (_CHOICE, "message")
    )


def _of_tool_event(span: NativeSpan, detailed: tuple[str, str], single: tuple[str, str]) -> Content | None:
    """Return a thunk of what the events of a tool's span say: within messages, or in an event of its own."""
    attribute, key = detailed
    written = _written(span, (attribute,))
    if written:
        return lambda: _first_of_parts(messages(written, "tool"), key)
    event, field = single
    found = next((values[field] for name, values in span.events if name == event and field in values), None)
    return None if found is None else lambda: reading.decoded(found)


def _first_of_parts(found: Sequence[Message], key: str) -> Any:
    return next((part[key] for message in found for part in message["parts"] if key in part), None)


def _written(span: NativeSpan, attributes: Sequence[str]) -> list[Any]:
    """Return the values under the first of `attributes` that the span has, else those in its events of details."""
    for name in attributes:
        if span.attributes.get(name) is not None:
            return [span.attributes[name]]
    return [values[attributes[0]] for name, values in span.events if name == _DETAILS and values.get(attributes[0])]


def messages(written: Iterable[Any], role: str) -> list[Message]:
    """Return messages that were written as JSON (or as data, or as mere text), in the shape of the conventions.

    Args:
        written: Each a list of messages, one message, or the text of one.
        role: Whose message it is, where it does not say.
    """
    found: list[Message] = []
    for value in written:
        data = reading.decoded(value)
        found.extend(_message(item, role) for item in (data if isinstance(data, list | tuple) else (data,)))
    return found


def _message(item: Any, role: str) -> Message:
    if not isinstance(item, Mapping):
        return {"role": role, "parts": parts(item)}
    body = next((item[key] for key in ("parts", "content", "message") if key in item), None)
    calls, said_role = item.get("tool_calls"), item.get("role")
    extra = [_tool_call(call) for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    said = {"role": said_role if isinstance(said_role, str) and said_role else role, "parts": parts(body) + extra}
    finish = item.get("finish_reason")
    return {**said, "finish_reason": finish} if finish else said


def _event_message(name: str, values: Mapping[str, Any]) -> Message:
    message = _message({"content": reading.decoded(values.get("content"))}, str(values.get("role") or _ROLES[name]))
    call_id = values.get("id")
    if name == _TOOL_MESSAGE and call_id and not any("id" in part for part in message["parts"]):
        response = reading.decoded(values.get("content"))
        message["parts"] = [{"type": "tool_call_response", "id": call_id, "response": response}]
    return message


def _choice_message(values: Mapping[str, Any]) -> Message:
    body = reading.decoded(values.get("message", values.get("content")))
    message = _message(body if isinstance(body, Mapping) else {"content": body}, "assistant")
    finish = values.get("finish_reason")
    return {**message, "finish_reason": finish} if finish else message


def parts(body: Any) -> list[Part]:
    """Return the content of a message as parts: of a text, one part, or a list of parts or blocks of a provider."""
    if body is None:
        return []
    items = body if isinstance(body, list | tuple) else (body,)
    return [_part(item) for item in items]


def _part(item: Any) -> Part:
    if not isinstance(item, Mapping):
        return {"type": "text", "content": item}
    kind = item.get("type")
    if kind is None:
        return _block(item)
    if kind == "tool_call":
        return {**item, "arguments": reading.decoded(item["arguments"])} if "arguments" in item else dict(item)
    if kind == "tool_call_response" and "result" in item and "response" not in item:
        return {("response" if key == "result" else key): value for key, value in item.items()}
    if kind == "text" and "content" not in item and "text" in item:
        return {("content" if key == "text" else key): value for key, value in item.items()}
    return dict(item)


def _block(item: Mapping[str, Any]) -> Part:
    """Map a block of content that is named by its only key, as Bedrock and Gemini write them."""
    for key, value in item.items():
        if key == "text":
            return {"type": "text", "content": value}
        if key in {"toolUse", "function_call", "functionCall"} and isinstance(value, Mapping):
            return _tool_call(value)
        if key in {"toolResult", "function_response", "functionResponse"} and isinstance(value, Mapping):
            return _tool_response(value)
    kind = next(iter(item), "unknown")
    return {"type": str(kind), "content": item.get(kind)}


def _tool_call(call: Mapping[str, Any]) -> Part:
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    arguments = next((inner[key] for key in ("arguments", "input", "args") if key in inner), None)
    return {
        "type": "tool_call",
        "id": call.get("id") or call.get("toolUseId"),
        "name": inner.get("name"),
        "arguments": reading.decoded(arguments),
    }


def _tool_response(answer: Mapping[str, Any]) -> Part:
    response = next((answer[key] for key in ("content", "response", "result") if key in answer), None)
    return {"type": "tool_call_response", "id": answer.get("id") or answer.get("toolUseId"), "response": response}
