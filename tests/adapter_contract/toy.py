"""A small agent library, for tests of the contract itself: an agent with one tool, over the openai SDK.

It has all four ways, and its streams are plain generators: the smallest thing that the contract is about.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class Agent:
    """Asks a model, calls its tool, and asks again.

    Args:
        url: Base URL of the model.
        model: Its name.
        tool: The tool.
        conversation: Id of the conversation.
    """

    def __init__(self, url: str, model: str, tool: Callable[[str], str], conversation: str) -> None:
        self.url = url
        self.model = model
        self.tool = tool
        self.conversation = conversation

    def call_tool(self, city: str) -> str:
        """Call the tool."""
        return self.tool(city)

    def run(self, question: str) -> str:
        """Answer a question."""
        messages = [{"role": "user", "content": question}]
        with openai.OpenAI(base_url=self.url, api_key="none") as client:
            while True:
                answer: Any = client.chat.completions.create(**self._request(messages))
                if not answer.choices[0].message.tool_calls:
                    return str(answer.choices[0].message.content)
                messages += self._with_results(answer.choices[0].message.model_dump())

    async def arun(self, question: str) -> str:
        """Answer a question."""
        messages = [{"role": "user", "content": question}]
        async with openai.AsyncOpenAI(base_url=self.url, api_key="none") as client:
            while True:
                answer: Any = await client.chat.completions.create(**self._request(messages))
                if not answer.choices[0].message.tool_calls:
                    return str(answer.choices[0].message.content)
                messages += self._with_results(answer.choices[0].message.model_dump())

    def stream(self, question: str) -> Iterator[str]:
        """Answer a question in pieces."""
        messages = [{"role": "user", "content": question}]
        with openai.OpenAI(base_url=self.url, api_key="none") as client:
            while True:
                message = _Collected()
                for chunk in client.chat.completions.create(**self._request(messages, stream=True)):
                    yield from message.take(chunk)
                if not message.call:
                    return
                messages += self._with_results(message.as_message())

    async def astream(self, question: str) -> AsyncIterator[str]:
        """Answer a question in pieces."""
        messages = [{"role": "user", "content": question}]
        async with openai.AsyncOpenAI(base_url=self.url, api_key="none") as client:
            while True:
                message = _Collected()
                async for chunk in await client.chat.completions.create(**self._request(messages, stream=True)):
                    for piece in message.take(chunk):
                        yield piece
                if not message.call:
                    return
                messages += self._with_results(message.as_message())

    def _request(self, messages: list[Any], *, stream: bool = False) -> dict[str, Any]:
        options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        return {"model": self.model, "messages": list(messages), "tools": [_TOOL], **options}

    def _with_results(self, message: dict[str, Any]) -> list[Any]:
        call = message["tool_calls"][0]
        try:
            result = self.call_tool(**json.loads(call["function"]["arguments"]))
        except Exception as error:
            result = f"failed: {error}"
        return [message, {"role": "tool", "tool_call_id": call["id"], "content": result}]


class _Collected:
    """Puts together a streamed answer."""

    def __init__(self) -> None:
        self.call: dict[str, str] = {}

    def take(self, chunk: Any) -> Iterator[str]:
        """Take a chunk; yield its text, if it has any."""
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                self.call["id"] = call.id or self.call["id"]
                self.call["name"] = call.function.name or self.call["name"]
                self.call["arguments"] = self.call.get("arguments", "") + call.function.arguments
            if choice.delta.content:
                yield choice.delta.content

    def as_message(self) -> dict[str, Any]:
        """Return the answer as a message to send back."""
        function = {"name": self.call["name"], "arguments": self.call["arguments"]}
        return {
            "role": "assistant",
            "tool_calls": [{"id": self.call["id"], "type": "function", "function": function}],
        }
