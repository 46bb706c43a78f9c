"""The tools of the company's agents."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from workload.model import EMBEDDING_MODEL, SCENARIO_HEADER
from workload.plan import Fault

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from workload.plan import Scenario
    from workload.tally import Tally


class NotFoundError(Exception):
    """What a tool was asked for is not there."""


class Tool:
    """Something that a model can ask for by name."""

    name: ClassVar[str]
    seconds: ClassVar[float] = 0.01

    def execute(self, scenario: Scenario, **arguments: Any) -> dict[str, Any]:
        """Do it, and return what the model gets to know."""
        time.sleep(self.seconds)
        if scenario.fault is Fault.TOOL_ERROR:
            raise NotFoundError(f"{self.name} found nothing for {sorted(arguments)}")
        return {"success": True}


class SearchOrdersTool(Tool):
    """Looks an order up."""

    name = "search_orders"

    def execute(self, scenario: Scenario, **arguments: Any) -> dict[str, Any]:
        """Return the order, or say that there is none: this one fails without raising."""
        time.sleep(self.seconds)
        return {"success": scenario.fault is not Fault.TOOL_ERROR, "order": arguments["order_id"]}


class RefundTool(Tool):
    """Pays an order back."""

    name = "refund"


class QueryLedgerTool(Tool):
    """Reads an account."""

    name = "query_ledger"
    seconds = 0.03


class EditFileTool(Tool):
    """Changes a file."""

    name = "edit_file"


class RunTestsTool(Tool):
    """Runs the tests, which is what an agent that loops does again and again."""

    name = "run_tests"


class RetrieveTool:
    """Searches documents by their meaning."""

    name = "retrieve"

    def __init__(self, client: AsyncOpenAI, tally: Tally) -> None:
        """Use `client` to turn questions into vectors."""
        self._client = client
        self._tally = tally

    async def aexecute(self, scenario: Scenario, *, question: str) -> dict[str, Any]:
        """Return the documents that are nearest to `question`."""
        with self._tally.outcome("model_calls", EMBEDDING_MODEL):
            answer = await self._client.embeddings.create(
                model=EMBEDDING_MODEL,
                input=[question],
                encoding_format="float",
                extra_headers={SCENARIO_HEADER: scenario.key},
            )
            self._tally.usage(EMBEDDING_MODEL, answer.usage)
        if scenario.fault is Fault.TOOL_ERROR:
            raise NotFoundError("no document comes near")
        return {"success": True, "documents": ["returns.md"]}


class WebSearchTool:
    """Asks a search engine."""

    name = "web_search"

    async def aexecute(self, scenario: Scenario, *, query: str) -> dict[str, Any]:
        """Return what was found; never, where the run is to be cancelled."""
        if scenario.fault is Fault.CANCELLED:
            # The user closes the window while the search is on.
            task = asyncio.current_task()
            if task:
                task.cancel()
        await asyncio.sleep(0.02)
        return {"success": scenario.fault is not Fault.TOOL_ERROR, "pages": [query]}
