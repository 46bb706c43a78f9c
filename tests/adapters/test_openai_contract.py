"""The openai adapter keeps the contract of all adapters: chat completions and responses, sync, async and streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapter_contract import MODEL, AdapterContract, Node, Recipe, Scene
from agentotel.adapters.openai import ADAPTER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def _client(scene: Scene) -> Any:
    import openai

    return openai.OpenAI(base_url=scene.url, api_key="none")


def _async_client(scene: Scene) -> Any:
    import openai

    return openai.AsyncOpenAI(base_url=scene.url, api_key="none")


def _chat(scene: Scene) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": scene.question}]}


def _streamed_chat(scene: Scene) -> dict[str, Any]:
    return {**_chat(scene), "stream": True, "stream_options": {"include_usage": True}}


def chat(scene: Scene) -> str:
    """Ask once, sync."""
    with _client(scene) as client:
        return str(client.chat.completions.create(**_chat(scene)).choices[0].message.content)


async def achat(scene: Scene) -> str:
    """Ask once, async."""
    async with _async_client(scene) as client:
        return str((await client.chat.completions.create(**_chat(scene))).choices[0].message.content)


def chat_stream(scene: Scene) -> Iterator[Any]:
    """Yield the chunks of an answer."""
    with _client(scene) as client:
        yield from client.chat.completions.create(**_streamed_chat(scene))


async def achat_stream(scene: Scene) -> AsyncIterator[Any]:
    """Yield the chunks of an answer, async."""
    async with _async_client(scene) as client:
        async for chunk in await client.chat.completions.create(**_streamed_chat(scene)):
            yield chunk


def _response(scene: Scene) -> dict[str, Any]:
    return {"model": MODEL, "input": scene.question, "conversation": scene.conversation}


def respond(scene: Scene) -> str:
    """Ask once, sync."""
    with _client(scene) as client:
        return str(client.responses.create(**_response(scene)).output_text)


async def arespond(scene: Scene) -> str:
    """Ask once, async."""
    async with _async_client(scene) as client:
        return str((await client.responses.create(**_response(scene))).output_text)


def respond_stream(scene: Scene) -> Iterator[str]:
    """Yield the pieces of the text."""
    with _client(scene) as client:
        for event in client.responses.create(**_response(scene), stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta


async def arespond_stream(scene: Scene) -> AsyncIterator[str]:
    """Yield the pieces of the text, async."""
    async with _async_client(scene) as client:
        async for event in await client.responses.create(**_response(scene), stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta


ONE_CALL: dict[str, Any] = {"input_tokens": 80, "output_tokens": 9, "cached_tokens": 0, "model_calls": 1}
ONE_SPAN = Node(
    "model",
    f"chat {MODEL}",
    attributes={
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.finish_reasons": ("stop",),
        "server.address": "127.0.0.1",
    },
)


class TestChatCompletions(AdapterContract):
    recipe = Recipe(
        ADAPTER,
        tree=ONE_SPAN,
        run=chat,
        arun=achat,
        stream=chat_stream,
        astream=achat_stream,
        has_conversation=False,
        **ONE_CALL,
    )


class TestResponses(AdapterContract):
    recipe = Recipe(
        ADAPTER,
        tree=ONE_SPAN,
        run=respond,
        arun=arespond,
        stream=respond_stream,
        astream=arespond_stream,
        **ONE_CALL,
    )
