"""The mcp adapter keeps the contract of all adapters: an agent of the program's own, whose tool is on a server."""

from __future__ import annotations

import json
from typing import Any

import agentotel
from adapter_contract import MODEL, AdapterContract, Node, Recipe, Scene, ToolBroke
from adapters.mcp_programs import leaks
from agentotel.adapters import mcp, openai

pytestmark = leaks.ignored()

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": PARAMETERS}}]


def _server(scene: Scene) -> Any:
    from adapters.mcp_programs.server import ToolError, new_server

    server = new_server()

    @server.tool()
    async def get_weather(city: str) -> str:
        """Tell the weather."""
        try:
            return scene.weather(city)
        except ToolBroke as error:
            raise ToolError(str(error)) from error  # others are not told to clients by the SDK

    return server


class RefusedError(RuntimeError):
    """The server says that its tool has failed."""


class Helper:
    """An agent that asks a model, and a server for what the model wants to know."""

    name = "helper"

    def __init__(self, scene: Scene, way: str) -> None:
        self.scene = scene
        self.way = way

    @agentotel.agent
    async def chat(self, message: str) -> str:
        """Answer, with one round of tools."""
        from openai import AsyncOpenAI

        from adapters.mcp_programs.connections import connected

        async with AsyncOpenAI(base_url=self.scene.url, api_key="none") as model:
            async with connected(self.way, _server(self.scene)) as server:
                return await self._answer(model, server, message)

    async def _answer(self, model: Any, server: Any, message: str) -> str:
        messages: list[Any] = [{"role": "user", "content": message}]
        first = await self._ask(model, messages)
        messages.append(first.model_dump(exclude_none=True))
        for call in first.tool_calls or ():
            try:
                content = await self.get_weather(server, **json.loads(call.function.arguments))
            except RefusedError as error:
                content = str(error)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
        return str((await self._ask(model, messages)).content)

    async def _ask(self, model: Any, messages: list[Any]) -> Any:
        answer = await model.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
        return answer.choices[0].message

    async def get_weather(self, server: Any, city: str) -> str:
        """Let the server say it."""

        @agentotel.tool(name="get_weather")
        async def execute(city: str) -> str:
            result = await server.call_tool("get_weather", {"city": city})
            if getattr(result, "is_error", False) or getattr(result, "isError", False):
                raise RefusedError(result.content[0].text)
            return str(result.content[0].text)

        return await execute(city)


def _request(span: str, **attributes: Any) -> Node:
    """Return a request as its client sees it, and inside of it as its server does."""
    return Node("mcp", span, (Node("mcp", span, (), attributes),), attributes)


def _recipe(way: str, opening: str) -> Recipe:
    async def arun(scene: Scene) -> str:
        return await Helper(scene, way).chat(scene.question)

    model = Node("model", f"chat {MODEL}")
    called = {"mcp.method.name": "tools/call", "gen_ai.tool.name": "get_weather"}
    tool = Node("tool", "execute_tool get_weather", (_request("tools/call get_weather", **called),))
    tree = Node("agent", "invoke_agent helper", (_request(opening), _request("tools/list"), model, tool, model))
    return Recipe(
        mcp.ADAPTER, tree, arun=arun, below=[openai.ADAPTER], has_conversation=False, tool_error_type="RefusedError"
    )


class TestInMemory(AdapterContract):
    recipe = _recipe("memory", "initialize")
    teardown_method = leaks.collect


class TestOverHttp(AdapterContract):
    recipe = _recipe("http", "initialize")
    teardown_method = leaks.collect
