"""The company: pools of agents, their connections, and the desk at which requests are served."""

from __future__ import annotations

import asyncio
import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from openai import AsyncOpenAI, OpenAI

from workload import mcp_tools
from workload.plan import BILLING, CODER, MAX_RETRIES, RESEARCH, SUPPORT
from workload.staff import BillingAgent, CoderAgent, ResearchAgent, SupportAgent
from workload.tools import (
    EditFileTool,
    QueryLedgerTool,
    RefundTool,
    RetrieveTool,
    RunTestsTool,
    SearchOrdersTool,
    WebSearchTool,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from workload.agents import Agent
    from workload.plan import Scenario
    from workload.tally import Tally


class AgentPool:
    """Lends the agents of one name, one conversation each at a time."""

    def __init__(self, name: str, agents: Sequence[Agent], max_size: int) -> None:
        """Hold `agents`, who are all there from the start."""
        self.name = name
        self.size = len(agents)
        self.max_size = max_size
        self._idle: queue.SimpleQueue[Agent] = queue.SimpleQueue()
        for agent in agents:
            self._idle.put(agent)

    @contextmanager
    def agent_for(self, scenario: Scenario) -> Iterator[Any]:
        """Lend an agent for the length of a ``with`` block; wait for one if all are busy."""
        agent = self._idle.get()
        agent.begin(scenario)
        try:
            yield agent
        finally:
            self._idle.put(agent)


class _Background:
    """An event loop in a thread of its own, for what is asynchronous."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="background", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Company:
    """All pools, the model's clients and the event loop; use it as a context manager.

    Args:
        tally: Where the agents count what they do.
        model_url: Base URL of the model.
        workers: How many requests are served at the same time: each pool has as many agents.
        with_mcp: Whether currencies are converted by an MCP server.
    """

    def __init__(self, tally: Tally, model_url: str, workers: int, *, with_mcp: bool) -> None:
        """Employ everybody."""
        self._background = _Background()
        connection: dict[str, Any] = {"base_url": model_url, "api_key": "no-key-is-needed", "max_retries": MAX_RETRIES}
        self._client = OpenAI(**connection)
        self._async_client = AsyncOpenAI(**connection)
        self._tally = tally
        self._call_mcp = self._mcp_calls() if with_mcp else None
        staff = {SUPPORT: self._support, BILLING: self._billing, CODER: self._coder, RESEARCH: self._research}
        self._pools = {
            name: AgentPool(name, [make(number) for number in range(1, workers + 1)], workers * 2)
            for name, make in staff.items()
        }
        tally.add("agents", by=workers * len(staff))

    def __enter__(self) -> Self:
        """Open the doors."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections and end the thread."""
        self._client.close()
        self._background.run(self._async_client.close())
        self._background.close()

    def serve(self, scenario: Scenario) -> str:
        """Let an agent do what `scenario` says, and return its answer.

        Raises:
            Exception: Whatever the agent could not cope with.
        """
        message = f"Request {scenario.key}: please take care of it."
        with self._pools[scenario.agent].agent_for(scenario) as agent:
            if scenario.agent == RESEARCH:
                return str(self._background.run(agent.arun(message)))
            entrance = {SUPPORT: "chat", BILLING: "invoke", CODER: "run"}[scenario.agent]
            return str(getattr(agent, entrance)(message))

    def _support(self, number: int) -> SupportAgent:
        agent = SupportAgent(number, self._tally, self._client, [SearchOrdersTool(), RefundTool()])
        agent.delegate = self.serve
        return agent

    def _billing(self, number: int) -> BillingAgent:
        agent = BillingAgent(number, self._tally, self._client, [QueryLedgerTool()])
        agent.call_mcp = self._call_mcp
        return agent

    def _coder(self, number: int) -> CoderAgent:
        return CoderAgent(number, self._tally, self._client, [EditFileTool(), RunTestsTool()])

    def _research(self, number: int) -> ResearchAgent:
        tools: list[RetrieveTool | WebSearchTool] = [RetrieveTool(self._async_client, self._tally), WebSearchTool()]
        return ResearchAgent(number, self._tally, self._async_client, tools)

    def _mcp_calls(self) -> Callable[[str, dict[str, Any]], Any]:
        server = mcp_tools.make_server()
        return lambda tool, arguments: self._background.run(mcp_tools.call(server, tool, arguments))
