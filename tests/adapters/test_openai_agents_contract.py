"""The openai-agents adapter keeps the contract of all adapters, over both of OpenAI's protocols."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from adapter_contract import MODEL, AdapterContract, Node, Recipe, Scene
from agentotel.adapters import openai
from agentotel.adapters.openai_agents import ADAPTER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def _client(scene: Scene) -> Any:
    from openai import AsyncOpenAI

    return AsyncOpenAI(base_url=scene.url, api_key="none")


@contextmanager
def _call(scene: Scene, model_class: str, client: Any) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Yield how `Runner` is called: with a session, or with the group of the run's traces."""
    import agents

    @agents.function_tool
    def get_weather(city: str) -> str:
        return scene.weather(city)

    agent = agents.Agent(
        "helper",
        instructions="Be kind.",
        tools=[get_weather],
        model=getattr(agents, model_class)(MODEL, openai_client=client),
        model_settings=agents.ModelSettings(include_usage=True),
    )
    if model_class == "OpenAIResponsesModel":
        with closing(agents.SQLiteSession(scene.conversation)) as session:
            yield (agent, scene.question), {"session": session}
    else:
        yield (agent, scene.question), {"run_config": agents.RunConfig(group_id=scene.conversation)}


@contextmanager
def _new_loop(client: Any) -> Iterator[None]:
    """Give `run_sync` an event loop of its own: it warns when it uses the thread's one for a second time."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        loop.run_until_complete(client.close())
        asyncio.set_event_loop(None)
        loop.close()


def _recipe(model_class: str, **changes: Any) -> Recipe:
    def run(scene: Scene) -> str:
        import agents

        client = _client(scene)
        with _new_loop(client), _call(scene, model_class, client) as (args, options):
            return str(agents.Runner.run_sync(*args, **options).final_output)

    async def arun(scene: Scene) -> str:
        import agents

        async with _client(scene) as client:
            with _call(scene, model_class, client) as (args, options):
                return str((await agents.Runner.run(*args, **options)).final_output)

    async def astream(scene: Scene) -> AsyncIterator[Any]:
        import agents

        async with _client(scene) as client:
            with _call(scene, model_class, client) as (args, options):
                async for event in agents.Runner.run_streamed(*args, **options).stream_events():
                    data: Any = getattr(event, "data", None)
                    if getattr(data, "type", "") == "response.output_text.delta":
                        yield data.delta

    return Recipe(ADAPTER, run=run, arun=arun, astream=astream, skip=_skipped(), **changes)


def _skipped() -> dict[str, str]:
    """Return what cannot hold in older versions: they catch the cancellation of whoever reads a stream."""
    if Version(version("openai-agents")) >= Version("0.24"):
        return {}
    return dict.fromkeys(
        (
            "test_a_run_that_is_cancelled_before_the_answer_is_ended_as_cancelled",
            "test_a_stream_that_is_cancelled_between_pieces_is_ended_as_cancelled",
        ),
        "this version of the library goes on to the end of the answer when its stream is cancelled",
    )


CHAT = Node("model", f"chat {MODEL}", attributes={"gen_ai.provider.name": "openai", "gen_ai.request.model": MODEL})
TREE = Node(
    "agent",
    "invoke_agent helper",
    (
        CHAT,
        Node("tool", "execute_tool get_weather", attributes={"gen_ai.tool.call.id": "call_weather_Bern"}),
        CHAT,
    ),
    {"gen_ai.agent.name": "helper", "gen_ai.request.model": MODEL},
)


class TestOverResponses(AdapterContract):
    recipe = _recipe("OpenAIResponsesModel", tree=TREE, below=[openai.ADAPTER])


class TestOverChatCompletions(AdapterContract):
    recipe = _recipe("OpenAIChatCompletionsModel", tree=TREE, below=[openai.ADAPTER])
