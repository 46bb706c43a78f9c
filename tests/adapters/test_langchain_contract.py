"""The langchain adapter keeps the contract of all adapters: agents and chat models over OpenAI's SDK."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from adapter_contract import MODEL, AdapterContract, Node, Recipe, Scene
from agentotel.adapters.langchain import ADAPTER
from agentotel.adapters.openai import ADAPTER as OPENAI

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def model(scene: Scene) -> Any:
    """Return the chat model of all recipes."""
    from langchain_openai import ChatOpenAI

    # Newer versions wait for each chunk with asyncio.wait_for, which before Python 3.12 loses a cancellation that comes
    # together with a chunk, with and without us.
    patient = {"stream_chunk_timeout": 0} if "stream_chunk_timeout" in ChatOpenAI.model_fields else {}
    return ChatOpenAI(model=MODEL, base_url=scene.url, api_key="k", stream_usage=True, **patient)


def agent(scene: Scene) -> Any:
    """Return an agent with one tool."""
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    @tool
    def get_weather(city: str) -> str:
        """Tell the weather in a city."""
        return scene.weather(city)

    return create_agent(model(scene), [get_weather], name="Weather", system_prompt="Be brief.")


def asked(scene: Scene) -> tuple[Any, Any]:
    """Return the input and the configuration of a run."""
    return {"messages": [("user", scene.question)]}, {"configurable": {"thread_id": scene.conversation}}


def run_agent(scene: Scene) -> str:
    """Run the agent."""
    return agent(scene).invoke(*asked(scene))["messages"][-1].content


async def arun_agent(scene: Scene) -> str:
    """Run the agent."""
    return (await agent(scene).ainvoke(*asked(scene)))["messages"][-1].content


def stream_agent(scene: Scene) -> Iterator[Any]:
    """Stream the agent's messages."""
    for piece, _ in agent(scene).stream(*asked(scene), stream_mode="messages"):
        yield text(piece)


async def astream_agent(scene: Scene) -> AsyncIterator[Any]:
    """Stream the agent's messages."""
    async for piece, _ in agent(scene).astream(*asked(scene), stream_mode="messages"):
        yield text(piece)


def text(piece: Any) -> Any:
    """Return the text of a piece of the model's answer; other pieces as they are."""
    return piece.content if type(piece).__name__ == "AIMessageChunk" else piece


# Before Python 3.11 LangChain cannot hand its configuration on to the tasks that it starts: its `astream` of an agent
# then asks the model for the whole answer, and there is nothing between two pieces.
BEFORE_3_11 = {
    "test_a_stream_that_is_cancelled_between_pieces_is_ended_as_cancelled": "LangChain does not stream here",
}


class TestAgent(AdapterContract):
    recipe = Recipe(
        skip=BEFORE_3_11 if sys.version_info < (3, 11) else {},
        adapter=ADAPTER,
        below=(OPENAI,),
        run=run_agent,
        arun=arun_agent,
        stream=stream_agent,
        astream=astream_agent,
        tool_error_reaches_user=True,
        tree=Node(
            "agent",
            "invoke_agent Weather",
            (
                Node("model", f"chat {MODEL}"),
                Node("tool", "execute_tool get_weather"),
                Node("model", f"chat {MODEL}"),
            ),
        ),
    )


def ask_model(scene: Scene) -> str:
    """Ask the chat model alone."""
    return model(scene).invoke(scene.question).content


async def aask_model(scene: Scene) -> str:
    """Ask the chat model alone."""
    return (await model(scene).ainvoke(scene.question)).content


def stream_model(scene: Scene) -> Iterator[Any]:
    """Stream the chat model alone."""
    for piece in model(scene).stream(scene.question):
        yield piece.content


async def astream_model(scene: Scene) -> AsyncIterator[Any]:
    """Stream the chat model alone."""
    async for piece in model(scene).astream(scene.question):
        yield piece.content


class TestChatModel(AdapterContract):
    recipe = Recipe(
        adapter=ADAPTER,
        below=(OPENAI,),
        run=ask_model,
        arun=aask_model,
        stream=stream_model,
        astream=astream_model,
        input_tokens=80,
        output_tokens=9,
        cached_tokens=0,
        model_calls=1,
        has_conversation=False,
        tree=Node("model", f"chat {MODEL}", attributes={"gen_ai.provider.name": "openai"}),
    )
