"""The adapter and the recipe of the toy library: an example of both."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from adapter_contract.recipe import MODEL, Node, Recipe, Scene
from agentotel.adapters import openai
from agentotel.model.contract import Adapter, Call, Intercepted
from agentotel.model.operations import AgentRun, ToolCall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CHAT: Final = f"chat {MODEL}"
TREE: Final = Node(
    "agent",
    "invoke_agent toy",
    (Node("model", CHAT), Node("tool", "execute_tool get_weather"), Node("model", CHAT)),
    {"gen_ai.agent.name": "toy"},
)


def agent_run(call: Intercepted) -> AgentRun:
    """Make the operation of a run."""
    question = call.argument("question", 0)
    run = AgentRun(name="toy", conversation_id=call.instance.conversation)
    run.input_messages = partial(_messages, "user", question)
    run.scratch = []
    return run


def agent_answer(run: AgentRun, answer: str) -> None:
    """Complete it from the answer."""
    run.output_messages = partial(_messages, "assistant", answer)


def agent_piece(run: AgentRun, piece: str) -> None:
    """Complete it from a piece of the answer."""
    run.scratch.append(piece)
    run.output_messages = lambda: _messages("assistant", "".join(run.scratch))


def _messages(role: str, text: str) -> list[dict[str, Any]]:
    return [{"role": role, "parts": [{"type": "text", "content": text}]}]


def tool_call(call: Intercepted) -> ToolCall:
    """Make the operation of a tool call."""
    city = call.argument("city", 0)
    return ToolCall(name="get_weather", arguments=lambda: {"city": city})


def tool_result(operation: ToolCall, result: str) -> None:
    """Complete it from the result."""
    operation.result = lambda: result


_RUN: Final[dict[str, Any]] = {"request": agent_run, "response": agent_answer, "chunk": agent_piece}

ADAPTER: Final = Adapter(
    name="toy",
    distribution="agentotel-toy",
    supports=">=1",
    trigger="adapter_contract.toy",
    choice="patch: it is a toy",
    calls=(
        *(Call(f"adapter_contract.toy:Agent.{way}", **_RUN) for way in ("run", "arun", "stream", "astream")),
        Call("adapter_contract.toy:Agent.call_tool", tool_call, tool_result),
    ),
)


def _agent(scene: Scene) -> Any:
    from adapter_contract.toy import Agent

    return Agent(scene.url, MODEL, scene.weather, scene.conversation)


def run(scene: Scene) -> str:
    """Run the agent."""
    return str(_agent(scene).run(scene.question))


async def arun(scene: Scene) -> str:
    """Run the agent."""
    return str(await _agent(scene).arun(scene.question))


def stream(scene: Scene) -> Iterator[str]:
    """Stream the agent's answer."""
    yield from _agent(scene).stream(scene.question)


async def astream(scene: Scene) -> AsyncIterator[str]:
    """Stream the agent's answer."""
    async for piece in _agent(scene).astream(scene.question):
        yield piece


RECIPE: Final = Recipe(ADAPTER, tree=TREE, run=run, arun=arun, stream=stream, astream=astream, below=(openai.ADAPTER,))
