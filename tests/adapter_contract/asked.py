"""What a request to the scripted model says, whichever of the three protocols it came in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from agentotel.demo.model_server import ModelRequest

Protocol = Literal["chat", "responses", "messages"]

_PROTOCOLS: dict[str, Protocol] = {
    "/v1/chat/completions": "chat",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
}
_QUESTION = re.compile(r"weather in ([\w -]+?)\?")
_RESULT = re.compile(r"canary-(?:result|exception)-(\w+)")


@dataclass(frozen=True)
class Asked:
    """One request to the model.

    Attributes:
        protocol: ``chat`` (OpenAI's chat completions), ``responses`` (OpenAI's) or ``messages`` (Anthropic's).
        model: The model that is asked for.
        question: The last text of the user.
        city: The city of the last question about the weather; empty if there was none.
        tools: Names of the tools that are offered.
        results: Results of tools since the last question, by the id of the call.
        stream: Whether the answer is wanted in pieces.
        include_usage: Whether a streamed chat completion has to say what it used.
    """

    protocol: Protocol
    model: str
    question: str
    city: str
    tools: tuple[str, ...]
    results: Mapping[str, str]
    stream: bool
    include_usage: bool

    def tool(self, name: str) -> str | None:
        """Return the offered tool called `name`, also if the library has put something before or behind its name."""
        return next((offered for offered in self.tools if name in offered), None)


def read(request: ModelRequest) -> Asked:
    """Return what a request says.

    Raises:
        KeyError: Its path belongs to none of the three protocols.
    """
    protocol, body = _PROTOCOLS[request.path], request.body
    question, city, results = "", "", {}
    for call_id, text in _turns(protocol, body):
        if call_id is not None:
            results[call_id] = text
            city = city or _found(_RESULT, text)
        else:
            question = text
            if found := _found(_QUESTION, text):
                city, results = found, {}
    return Asked(
        protocol=protocol,
        model=body["model"],
        question=question,
        city=city,
        tools=tuple(_tool_names(body.get("tools") or ())),
        results=results,
        stream=body.get("stream") is True,
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _found(pattern: re.Pattern[str], text: str) -> str:
    matches = pattern.findall(text)
    return matches[-1] if matches else ""


def _tool_names(tools: Any) -> Iterator[str]:
    for tool in tools:
        name = (tool.get("function") or tool).get("name")
        if name:
            yield name


def _turns(protocol: Protocol, body: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Yield what the user and the tools have said, in order: the tool call's id (None for the user) and the text."""
    items = body.get("input") if protocol == "responses" else body.get("messages")
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    for item in items or ():
        if item.get("type") == "function_call_output":
            yield item["call_id"], _text(item.get("output"))
        elif item.get("role") == "tool":
            yield item["tool_call_id"], _text(item.get("content"))
        elif item.get("role") == "user":
            yield from _user_turns(item.get("content"))


def _user_turns(content: Any) -> Iterator[tuple[str | None, str]]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    for block in blocks:
        if block.get("type") == "tool_result":
            yield block["tool_use_id"], _text(block.get("content"))
        elif text := block.get("text"):
            yield None, text


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(block.get("text") or "" for block in content or ())
