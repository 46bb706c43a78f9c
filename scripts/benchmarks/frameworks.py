"""The same agent on frameworks: LangChain and the OpenAI Agents SDK, each with the answers of the in-process model.

As programs have them: the framework's own agent, one tool as a plain function, two model calls. Imported only where
the workload is asked for and the framework is installed.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import openai

from benchmarks.answers import BASE_URL, MODEL, transport

if TYPE_CHECKING:
    from collections.abc import Callable

_INSTRUCTIONS: Final = "You help the customers of a shop."
_QUESTION: Final = "Where is order 7?"


def available() -> dict[str, Callable[[], Callable[[], None]]]:
    """Return what makes the operation of each workload whose framework is installed."""
    needed = {"W3": ("langchain", "langchain_openai"), "W5": ("agents",)}
    makers = {"W3": langchain_run, "W5": openai_agents_run}
    return {workload: makers[workload] for workload, modules in needed.items() if all(map(find_spec, modules))}


def search(query: str) -> str:
    """Look an order up."""
    return f"{query} is sent and takes 2 days"


def langchain_run() -> Callable[[], None]:
    """Return a run of an agent of LangChain, which is a graph of LangGraph."""
    # Here: whoever asks for another workload must not pay for the import.
    from langchain.agents import create_agent  # noqa: PLC0415
    from langchain_openai import ChatOpenAI  # noqa: PLC0415
    from pydantic import SecretStr  # noqa: PLC0415

    model = ChatOpenAI(
        model=MODEL,
        api_key=SecretStr("unused"),
        base_url=BASE_URL,
        http_client=openai.DefaultHttpxClient(transport=transport()),
    )
    agent: Any = create_agent(model, [search], system_prompt=_INSTRUCTIONS, name="support")
    question = {"messages": [{"role": "user", "content": _QUESTION}]}

    def run() -> None:
        assert agent.invoke(question)["messages"][-1].content

    return run


def openai_agents_run() -> Callable[[], None]:
    """Return a run of an agent of the OpenAI Agents SDK, in an event loop that goes on."""
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool  # noqa: PLC0415 - as above

    client = openai.AsyncOpenAI(
        api_key="unused", base_url=BASE_URL, http_client=openai.DefaultAsyncHttpxClient(transport=transport())
    )
    model = OpenAIChatCompletionsModel(MODEL, client)
    agent = Agent("support", instructions=_INSTRUCTIONS, tools=[function_tool(search)], model=model)
    loop = asyncio.new_event_loop()

    def run() -> None:
        assert loop.run_until_complete(Runner.run(agent, _QUESTION)).final_output

    return run
