"""The four agents that the company employs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workload import mcp_tools
from workload.agents import Agent, ToolAgent, reply_of_tool
from workload.plan import BILLING, CODER, RESEARCH, SUPPORT, Fault
from workload.tally import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from openai import AsyncOpenAI

    from workload.plan import Scenario
    from workload.tally import Tally
    from workload.tools import RetrieveTool, WebSearchTool


class SupportAgent(ToolAgent):
    """Answers customers, often in pieces, and leaves the books to the billing agent."""

    name = SUPPORT
    template_id = "support-v2"
    delegate: Callable[[Scenario], str] | None = None

    def chat(self, message: str) -> str:
        """Answer a customer."""
        answer = self.converse(message)
        if self.delegate and self.scenario and self.scenario.delegates:
            return f"{answer} {self.delegate(self.scenario.delegated())}"
        return answer


class BillingAgent(ToolAgent):
    """Keeps the books; currencies are converted by an MCP server."""

    name = BILLING
    template_id = "billing-v1"
    call_mcp: Callable[[str, dict[str, Any]], Any] | None = None

    def invoke(self, message: str) -> str:
        """Answer an accountant."""
        return self.converse(message)

    def use(self, name: str, scenario: Scenario, arguments: dict[str, Any]) -> dict[str, Any]:
        """Use a tool of the agent's own, or the one of the MCP server."""
        if name != mcp_tools.TOOL:
            return super().use(name, scenario, arguments)
        if self.call_mcp is None:
            return {"error": "there is no MCP server"}
        with self.tally.outcome("tool_calls", name) as outcome:
            self.tally.add("mcp_calls")
            result = self.call_mcp(name, {**arguments, "fail": scenario.fault is Fault.TOOL_ERROR})
            if mcp_tools.has_failed(result):
                outcome.status = FAILED
                self.tally.add("errors", "tool_error")
                return {"error": "the MCP server could not do it"}
            return {"success": True}


class CoderAgent(ToolAgent):
    """Changes programs until their tests pass; sometimes they never do."""

    name = CODER
    template_id = "coder-v1"

    def run(self, message: str) -> str:
        """Do what a developer asks for."""
        return self.converse(message)


class ResearchAgent(Agent):
    """Reads documents and the web, asynchronously."""

    name = RESEARCH
    template_id = "research-v3"

    def __init__(
        self, number: int, tally: Tally, client: AsyncOpenAI, tools: Iterable[RetrieveTool | WebSearchTool]
    ) -> None:
        """Make an agent that serves nobody yet."""
        super().__init__(number, tally)
        self._client = client
        self._tools = {tool.name: tool for tool in tools}

    async def arun(self, message: str) -> str:
        """Answer a question."""
        scenario = self.scenario
        if scenario is None:
            raise RuntimeError("the agent serves nobody: call begin() first")
        request = self.first_request(scenario, message)
        with self.tally.outcome("runs", self.name):
            while (answer := await self._ask(request, scenario)).tool_calls:
                request["messages"].append(answer.model_dump(include={"role", "content", "tool_calls"}))
                results = [reply_of_tool(call, await self._use(call, scenario)) for call in answer.tool_calls]
                request["messages"] += results
            return self.finish(scenario, answer.content)

    async def _ask(self, request: dict[str, Any], scenario: Scenario) -> Any:
        with self.tally.outcome("model_calls", scenario.model):
            return self.read(scenario, await self._client.chat.completions.create(**request))

    async def _use(self, call: Any, scenario: Scenario) -> dict[str, Any]:
        name, arguments = call.function.name, json.loads(call.function.arguments)
        try:
            with self.tally.outcome("tool_calls", name) as outcome:
                result = await self._tools[name].aexecute(scenario, **arguments)
                if not result["success"]:
                    outcome.status = FAILED
                    self.tally.add("errors", "tool_error")
                return result
        except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model is told
            return {"error": f"{type(error).__name__}: {error}"}
