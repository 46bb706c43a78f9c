"""The program that is measured: a user's agent with a tool, on the real openai SDK. It knows nothing of telemetry.

Each workload is a function that does one operation, made when it is first asked for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from benchmarks import frameworks
from benchmarks.answers import CHUNKS, MODEL, client

if TYPE_CHECKING:
    from collections.abc import Callable

    from openai import OpenAI

_INSTRUCTIONS: Final[dict[str, Any]] = {"role": "system", "content": "You help the customers of a shop."}
_MESSAGES: Final[list[Any]] = [_INSTRUCTIONS, {"role": "user", "content": "Where is order 7?"}]
_TOOLS: Final[list[Any]] = [
    {
        "type": "function",
        "function": {
            "name": "search",
            "description": "Look an order up.",
            "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
        },
    }
]


class SearchTool:
    """Looks an order up."""

    name = "search"

    def execute(self, query: str) -> dict[str, Any]:
        """Return the state of an order."""
        return {"query": query, "state": "sent", "days": 2}


class SupportAgent:
    """Answers a customer with two model calls and a tool between them."""

    name = "support"
    template_id = "support-v1"

    def __init__(self, openai_client: OpenAI) -> None:
        """Make an agent that talks to the model through `openai_client`."""
        self.id = "agent-1"
        self.user_id = "user-1"
        self.tenant_id = "tenant-1"
        self.session_id = "session-1"
        self._client = openai_client
        self._search = SearchTool()

    def chat(self, message: str) -> str:
        """Return the answer to `message`."""
        messages: list[Any] = [_INSTRUCTIONS, {"role": "user", "content": message}]
        while True:
            completion = self._client.chat.completions.create(model=MODEL, messages=messages, tools=_TOOLS)
            answer = completion.choices[0].message
            if not answer.tool_calls:
                return answer.content or ""
            messages.append({"role": "assistant", "content": None, "tool_calls": [_asked(answer.tool_calls[0])]})
            messages.append(self._use_tool(answer.tool_calls[0]))

    def _use_tool(self, call: Any) -> dict[str, Any]:
        result = self._search.execute(**json.loads(call.function.arguments))
        return {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)}


def _asked(call: Any) -> dict[str, Any]:
    function = {"name": call.function.name, "arguments": call.function.arguments}
    return {"id": call.id, "type": "function", "function": function}


def workloads() -> dict[str, Callable[[], Callable[[], None]]]:
    """Return what makes the operation of each workload that can be done here."""
    return {"W1": model_call, "W2": agent_run, "W4": stream, **frameworks.available()}


def model_call() -> Callable[[], None]:
    """Return one chat completion."""
    create = client().chat.completions.create

    def call() -> None:
        completion = create(model=MODEL, messages=_MESSAGES, temperature=0.2, max_tokens=200)
        assert completion.choices[0].message.content

    return call


def agent_run() -> Callable[[], None]:
    """Return one run of the agent."""
    agent = SupportAgent(client())

    def run() -> None:
        assert agent.chat("Where is order 7?")

    return run


def stream() -> Callable[[], None]:
    """Return one streamed answer."""
    create = client().chat.completions.create

    def read() -> None:
        chunks = create(model=MODEL, messages=_MESSAGES, stream=True, stream_options={"include_usage": True})
        assert sum(1 for _ in chunks) == CHUNKS

    return read
