"""Content in the form of Anthropic's messages API, as the message parts of the GenAI conventions.

Everything is read from dicts and from the library's objects alike. Nothing here runs unless content is switched on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from agentotel.adapters.openai_protocol.messages import text_of

Part = dict[str, Any]
Message = dict[str, Any]

_TOOL_RESULT: Final = "tool_result"
"""How the kinds of all results end: the program's own tools, the server's and those of MCP."""


def read(source: Any, name: str) -> Any:
    """Return ``source[name]`` of a dict or ``source.name`` of an object, None if it is missing."""
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)


def messages(sent: Iterable[Any]) -> list[Message]:
    """Map the ``messages`` of a request."""
    return [{"role": read(message, "role") or "user", "parts": parts(read(message, "content"))} for message in sent]


def instructions(system: Any) -> list[Part]:
    """Map ``system``: a text or blocks of text."""
    return parts(system)


def tool_definitions(tools: Iterable[Any]) -> list[dict[str, Any]]:
    """Map the ``tools`` of a request; a tool of the server has only a type and a name."""
    return [
        {
            "type": "function" if read(tool, "input_schema") else read(tool, "type"),
            "name": read(tool, "name"),
            "description": read(tool, "description"),
            "parameters": read(tool, "input_schema"),
        }
        for tool in tools
    ]


def answer(content: Any, stop_reason: str | None) -> list[Message]:
    """Map the ``content`` of an answer."""
    found = parts(content)
    return [{"role": "assistant", "parts": found, "finish_reason": stop_reason}] if found else []


def streamed_answer(events: Iterable[Any], stop_reason: str | None) -> list[Message]:
    """Put the events of a streamed answer together, as far as they have arrived, and map the result."""
    blocks: dict[int, dict[str, Any]] = {}
    for event in events:
        kind, index = read(event, "type"), read(event, "index")
        if kind == "content_block_start":
            blocks[index] = {**_own(read(event, "content_block")), "json": ""}
        elif kind == "content_block_delta" and index in blocks:
            _add_delta(blocks[index], read(event, "delta"))
    return answer([_finished(blocks[index]) for index in sorted(blocks)], stop_reason)


def _own(block: Any) -> dict[str, Any]:
    return dict(block) if isinstance(block, Mapping) else dict(vars(block))


def _add_delta(block: dict[str, Any], delta: Any) -> None:
    for name in ("text", "thinking"):
        if isinstance(piece := read(delta, name), str):
            block[name] = (block.get(name) or "") + piece
    block["json"] += read(delta, "partial_json") or ""


def _finished(block: dict[str, Any]) -> dict[str, Any]:
    written = block.pop("json")
    if written:
        try:
            block["input"] = json.loads(written)
        except ValueError:  # the stream was left in the middle of it
            block["input"] = written
    return block


def parts(content: Any) -> list[Part]:
    """Map the content of a message: a text, or a list of blocks."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if not isinstance(content, Sequence):
        return []
    return [_part(block) for block in content]


def _part(block: Any) -> Part:
    kind = read(block, "type")
    if kind == "text":
        return {"type": "text", "content": read(block, "text")}
    if kind in {"thinking", "redacted_thinking"}:
        return {"type": "reasoning", "content": read(block, "thinking") or ""}
    if kind in {"tool_use", "server_tool_use", "mcp_tool_use"}:
        arguments = read(block, "input")
        return {"type": "tool_call", "id": read(block, "id"), "name": read(block, "name"), "arguments": arguments}
    if isinstance(kind, str) and kind.endswith(_TOOL_RESULT):
        return {"type": "tool_call_response", "id": read(block, "tool_use_id"), "response": _result(block)}
    # Images and documents: that there was one, and of which kind, not its bytes.
    return {"type": "blob" if kind in {"image", "document"} else str(kind), "mime_type": _media_type(block)}


def _result(block: Any) -> Any:
    content = read(block, "content")
    found = parts(content)
    if len(found) == 1 and found[0]["type"] == "text":
        return found[0]["content"]
    return found or None


def _media_type(block: Any) -> str | None:
    return text_of(read(read(block, "source"), "media_type"))
