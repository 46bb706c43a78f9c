"""The scripted model of all recipes: it answers questions about the weather, by what it is asked and by nothing else.

Because it remembers nothing, runs may happen side by side, again, and in any order. What it answers where is fixed to
the last byte, its ids included.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from adapter_contract import anthropic_replies, asked
from adapter_contract.recipe import BROKEN, HOLD, PAUSE, answer_about
from agentotel.demo.model_server import (
    FunctionCall,
    ModelServer,
    Reply,
    completion,
    completion_stream,
    failure,
    response,
    response_stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from adapter_contract.asked import Asked
    from agentotel.demo.model_server import ModelRequest

TOOL_CALL_USAGE: Final = {"input_tokens": 50, "cached_tokens": 30, "output_tokens": 12}
"""What a call that ends in a tool call uses."""

ANSWER_USAGE: Final = {"input_tokens": 80, "cached_tokens": 0, "output_tokens": 9}
"""What a call that ends in an answer uses."""

_CHUNKS_BEFORE_PAUSE: Final = {"chat": 3, "responses": 6, "messages": 4}
"""Chunks after which two pieces of the text have been sent."""

_MEETING_S: Final = 20.0


class Gate(threading.Event):
    """Holds answers until it is set, and tells when one is being held.

    Attributes:
        reached: Set when an answer waits here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Say that somebody waits, and wait."""
        self.reached.set()
        return super().wait(timeout)


class WeatherModel(ModelServer):
    """The model server of a recipe; use it as a context manager.

    Args:
        decide: What to answer where a recipe needs more than the weather (a hand-off, a sub-agent): makes a reply
            with `say` or `call_tool`, or returns None to leave the answer to `weather`.
    """

    def __init__(self, decide: Callable[[Asked], Reply | None] = lambda _: None) -> None:
        super().__init__(self._respond_to)
        self._decide = decide
        self._gate = Gate()
        self._meeting: threading.Barrier | None = None

    @contextmanager
    def holding(self) -> Iterator[Gate]:
        """Hold the answers about the cities `HOLD` (before it) and `PAUSE` (after two pieces) until the end."""
        gate = self._gate = Gate()
        try:
            yield gate
        finally:
            gate.set()

    @contextmanager
    def meeting(self, count: int) -> Iterator[None]:
        """Let each answer wait until `count` requests for an answer are there: the runs are then open side by side."""
        self._meeting = threading.Barrier(count)
        try:
            yield
        finally:
            self._meeting = None

    def _respond_to(self, request: ModelRequest) -> Reply:
        question = asked.read(request)
        reply = self._decide(question) or weather(question)
        if wants_weather(question) or question.city == BROKEN:
            return reply
        if self._meeting is not None:
            self._meeting.wait(_MEETING_S)
        if question.city == HOLD:
            return replace(reply, hold=self._gate)
        if question.city == PAUSE and question.stream:
            return replace(reply, hold=self._gate, hold_after=_CHUNKS_BEFORE_PAUSE[question.protocol])
        return reply


def wants_weather(question: Asked) -> bool:
    """Tell whether the tool has still to be called."""
    return question.tool("get_weather") is not None and weather_call_id(question.city) not in question.results


def weather_call_id(city: str) -> str:
    """Return the id of the tool call about a city."""
    return f"call_weather_{re.sub('[^A-Za-z0-9]', '_', city)}"


def weather(question: Asked) -> Reply:
    """Return the answer to a question about the weather: a tool call first, where there is such a tool."""
    if question.city == BROKEN:
        return refuse(question, f"the model refused: canary-refusal-{question.city}")
    name = question.tool("get_weather")
    if name is not None and wants_weather(question):
        return call_tool(question, FunctionCall(name, {"city": question.city}, weather_call_id(question.city)))
    return say(question, answer_about(question.city))


def refuse(question: Asked, words: str) -> Reply:
    """Return an error that no client tries again after."""
    fail = anthropic_replies.message_failure if question.protocol == "messages" else failure
    return _closing(fail(400, "invalid_request_error", words))


def call_tool(question: Asked, *calls: FunctionCall) -> Reply:
    """Return an answer that asks for tools to be called, in the request's protocol."""
    return _reply(question, (), calls, TOOL_CALL_USAGE)


def say(question: Asked, text: str) -> Reply:
    """Return an answer in words, in the request's protocol: one piece per word, if it is streamed."""
    return _reply(question, tuple(re.findall(r"\S+\s*", text)), (), ANSWER_USAGE)


def _reply(question: Asked, pieces: Sequence[str], calls: Sequence[FunctionCall], usage: dict[str, int]) -> Reply:
    arguments: dict[str, Any] = {"model": question.model, "tool_calls": calls, **usage}
    whole, streamed = _MAKERS[question.protocol]
    if question.protocol == "chat" and question.stream:
        arguments["include_usage"] = question.include_usage
    reply = streamed(pieces, **arguments) if question.stream else whole("".join(pieces), **arguments)
    return _closing(_steady(reply, f"{question.protocol}_{'call' if calls else 'answer'}_{len(question.results)}"))


_MAKERS: Final[dict[str, tuple[Callable[..., Reply], Callable[..., Reply]]]] = {
    "chat": (completion, completion_stream),
    "responses": (response, response_stream),
    "messages": (anthropic_replies.message, anthropic_replies.message_stream),
}


def _closing(reply: Reply) -> Reply:
    """Let no connection be kept: a client that outlives its event loop would try to use it again."""
    return replace(reply, headers={**reply.headers, "Connection": "close"})


def _steady(reply: Reply, identifier: str) -> Reply:
    """Give the answer the same id and time whenever it is given."""
    if reply.chunks is None:
        return replace(reply, body=_fixed(reply.body or {}, identifier))
    chunks = [chunk if isinstance(chunk, str) else _fixed(chunk, identifier) for chunk in reply.chunks]
    return replace(reply, chunks=chunks)


def _fixed(data: dict[str, Any], identifier: str) -> dict[str, Any]:
    fixed = {key: _FIXED.get(key, value) for key, value in data.items()}
    if "id" in fixed:
        fixed["id"] = identifier
    for inner in ("response", "message"):
        if inner in fixed:
            fixed[inner] = _fixed(fixed[inner], identifier)
    return fixed


_FIXED: Final[dict[str, Any]] = {"created": 1_790_000_000, "created_at": 1_790_000_000}
