"""What all agents of the company have in common, and the loop of those that work in the calling thread."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from workload.model import SCENARIO_HEADER
from workload.plan import Fault
from workload.tally import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openai import OpenAI

    from workload.plan import Scenario
    from workload.tally import Tally
    from workload.tools import Tool

TOKEN_LIMIT = 100_000
_NEAR_LIMIT = 95_000

logger = logging.getLogger("company.agents")


class NoAnswerError(Exception):
    """The agent has given up."""


class Agent:
    """An agent serves one conversation at a time, and remembers nothing of the one before.

    Args:
        number: Tells the agents of one name apart.
        tally: Where it counts what it does.
    """

    name: str
    template_id: str
    token_limit = TOKEN_LIMIT

    def __init__(self, number: int, tally: Tally) -> None:
        """Make an agent that serves nobody yet; `begin` gives it a scenario."""
        self.id = f"{self.name}-{number}"
        self.tokens_used = 0
        self.tally = tally
        self.scenario: Scenario | None = None

    @property
    def user_id(self) -> str | None:
        """Whom the agent serves at present."""
        return self.scenario.user if self.scenario else None

    @property
    def tenant_id(self) -> str | None:
        """The company that pays for it."""
        return self.scenario.tenant if self.scenario else None

    @property
    def session_id(self) -> str | None:
        """The conversation that the agent is in."""
        return self.scenario.session if self.scenario else None

    def begin(self, scenario: Scenario) -> None:
        """Start a conversation."""
        self.scenario = scenario
        self.tokens_used = _NEAR_LIMIT if scenario.near_limit else 0
        self.tally.see("users", scenario.user)
        self.tally.see("tenants", scenario.tenant)

    def first_request(self, scenario: Scenario, message: str) -> dict[str, Any]:
        """Return what the model is asked first."""
        logger.info("request taken", extra={"agent": self.id, "scenario": scenario.key})
        return {
            "model": scenario.model,
            "messages": [{"role": "user", "content": message}],
            "extra_headers": {SCENARIO_HEADER: scenario.key},
        }

    def read(self, scenario: Scenario, answer: Any) -> Any:
        """Account for an answer of the model and return its message."""
        self.tally.usage(scenario.model, answer.usage)
        return answer.choices[0].message

    def finish(self, scenario: Scenario, text: str) -> str:
        """Return the answer to the user, where the agent does not stumble at the very end."""
        if scenario.fault is Fault.AGENT_ERROR:
            raise NoAnswerError(f"{self.id} cannot answer request {scenario.number}")
        logger.info("request answered", extra={"agent": self.id, "scenario": scenario.key})
        return text


def reply_of_tool(call: Any, result: dict[str, Any]) -> dict[str, Any]:
    """Return what the model gets to know of a tool's result."""
    if "error" in result:
        logger.warning("tool failed", extra={"tool": call.function.name, "reason": result["error"]})
    return {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)}


class ToolAgent(Agent):
    """An agent with tools, which works in the calling thread.

    Args:
        number: Tells the agents of one name apart.
        tally: Where it counts what it does.
        client: Its way to the model.
        tools: What it can do.
    """

    def __init__(self, number: int, tally: Tally, client: OpenAI, tools: Iterable[Tool]) -> None:
        """Make an agent that serves nobody yet."""
        super().__init__(number, tally)
        self._client = client
        self._tools = {tool.name: tool for tool in tools}

    def converse(self, message: str) -> str:
        """Ask the model until it answers in words."""
        scenario = self.scenario
        if scenario is None:
            raise RuntimeError("the agent serves nobody: call begin() first")
        request = self.first_request(scenario, message)
        with self.tally.outcome("runs", self.name):
            while (answer := self._ask(request, scenario)).tool_calls:
                request["messages"].append(answer.model_dump(include={"role", "content", "tool_calls"}))
                request["messages"] += [reply_of_tool(call, self._use(call, scenario)) for call in answer.tool_calls]
            return self.finish(scenario, answer.content)

    def use(self, name: str, scenario: Scenario, arguments: dict[str, Any]) -> dict[str, Any]:
        """Use one of the agent's tools."""
        with self.tally.outcome("tool_calls", name) as outcome:
            result = self._tools[name].execute(scenario, **arguments)
            if not result["success"]:
                outcome.status = FAILED
                self.tally.add("errors", "tool_error")
            return result

    def _ask(self, request: dict[str, Any], scenario: Scenario) -> Any:
        with self.tally.outcome("model_calls", scenario.model):
            if not scenario.stream:
                return self.read(scenario, self._client.chat.completions.create(**request))
            self.tally.add("streams")
            with self._client.chat.completions.stream(**request, stream_options={"include_usage": True}) as events:
                return self.read(scenario, events.get_final_completion())

    def _use(self, call: Any, scenario: Scenario) -> dict[str, Any]:
        try:
            return self.use(call.function.name, scenario, json.loads(call.function.arguments))
        except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model is told
            return {"error": f"{type(error).__name__}: {error}"}
