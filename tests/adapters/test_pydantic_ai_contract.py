"""The pydantic_ai adapter keeps the contract of all adapters: agents with a tool over the openai SDK, in all ways."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing, asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from adapter_contract import MODEL, AdapterContract, Node, Recipe, Scene
from agentotel.adapters import openai, pydantic_ai

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@asynccontextmanager
async def _agent(scene: Scene) -> AsyncIterator[Any]:
    import openai
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    async with openai.AsyncOpenAI(base_url=scene.url, api_key="none") as client:
        agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)), name="forecaster")

        @agent.tool_plain
        def get_weather(city: str) -> str:
            """Return the weather in a city."""
            return scene.weather(city)

        yield agent


def _conversation(agent: Any, scene: Scene) -> dict[str, str]:
    known = inspect.signature(agent.run).parameters
    return {"conversation_id": scene.conversation} if "conversation_id" in known else {}


def run(scene: Scene) -> str:
    """Run the agent from sync code."""
    with _event_loop() as loop:  # `run_sync` takes the thread's own and leaves it open
        context = _agent(scene)
        agent = loop.run_until_complete(context.__aenter__())
        try:
            return str(agent.run_sync(scene.question, **_conversation(agent, scene)).output)
        finally:
            loop.run_until_complete(context.__aexit__(None, None, None))


@contextmanager
def _event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def arun(scene: Scene) -> str:
    """Run the agent."""
    async with _agent(scene) as agent:
        return str((await agent.run(scene.question, **_conversation(agent, scene))).output)


async def astream(scene: Scene) -> AsyncIterator[str]:
    """Stream the text of the answer."""
    async with (
        _agent(scene) as agent,
        agent.run_stream(scene.question, **_conversation(agent, scene)) as result,
    ):
        async for piece in result.stream_text(delta=True, debounce_by=None):
            yield piece


async def aevents(scene: Scene) -> AsyncIterator[str]:
    """Stream all events of the run, and give those that are text."""
    async with _agent(scene) as agent, _events(agent, scene) as events:
        async for event in events:
            text = getattr(event, "part", None) or getattr(event, "delta", None)
            if event.event_kind == "part_start" and text.part_kind == "text":
                yield text.content
            elif event.event_kind == "part_delta" and text.part_delta_kind == "text":
                yield text.content_delta


@asynccontextmanager
async def _events(agent: Any, scene: Scene) -> AsyncIterator[Any]:
    events = agent.run_stream_events(scene.question, **_conversation(agent, scene))
    if hasattr(events, "__aenter__"):
        async with events as entered:
            yield entered
    else:
        async with aclosing(events):
            yield events


INSTALLED = Version(version("pydantic-ai-slim"))
HAS_CONVERSATION = Version("1.90") <= INSTALLED
CALL = {"gen_ai.provider.name": "openai", "gen_ai.request.model": MODEL, "gen_ai.response.model": MODEL}
TREE = Node(
    "agent",
    "invoke_agent forecaster",
    (
        Node("model", f"chat {MODEL}", attributes={**CALL, "gen_ai.response.finish_reasons": ("tool_call",)}),
        Node("tool", "execute_tool get_weather", attributes={"gen_ai.tool.type": "function"}),
        Node("model", f"chat {MODEL}", attributes={**CALL, "gen_ai.response.finish_reasons": ("stop",)}),
    ),
    {"gen_ai.agent.name": "forecaster", "gen_ai.request.model": MODEL},
)


_ITS_OWN_CONTEXT = "`run_stream` is a context manager whose body belongs to the run: the library makes its span current"
_ITS_OWN_TASK = (
    "the library's context managers cannot be left in another task than they were entered in, with or without us"
)


_LEFT_EVENTS = (
    "test_a_stream_that_is_cancelled_between_pieces_is_ended_as_cancelled",
    "test_an_async_stream_that_is_closed_early_is_ended",
)
_ITS_OWN_ERROR = "before 2.0 the run behind the events fails with BrokenResourceError when nobody takes them any more"


class TestRuns(AdapterContract):
    recipe = Recipe(
        pydantic_ai.ADAPTER,
        below=(openai.ADAPTER,),
        tree=TREE,
        run=run,
        arun=arun,
        tool_error_reaches_user=True,
        has_conversation=HAS_CONVERSATION,
    )


class TestStreamedText(AdapterContract):
    recipe = Recipe(
        pydantic_ai.ADAPTER,
        below=(openai.ADAPTER,),
        tree=TREE,
        astream=astream,
        tool_error_reaches_user=True,
        has_conversation=HAS_CONVERSATION,
        skip={
            "test_the_programs_own_span_stays_the_current_one": _ITS_OWN_CONTEXT,
            "test_an_async_stream_that_is_dropped_is_ended": _ITS_OWN_TASK,
        },
    )


class TestStreamedEvents(AdapterContract):
    recipe = Recipe(
        pydantic_ai.ADAPTER,
        below=(openai.ADAPTER,),
        tree=TREE,
        astream=aevents,
        tool_error_reaches_user=True,
        has_conversation=HAS_CONVERSATION,
        skip={} if Version("2") <= INSTALLED else dict.fromkeys(_LEFT_EVENTS, _ITS_OWN_ERROR),
    )
