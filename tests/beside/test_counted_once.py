"""Each token, call and cost is counted once, whatever stands above, below or beside.

Frameworks over SDKs over MCP, the program's own classes around them, and the official or OpenInference instrumentations
installed with us. Run in an environment that has all of them (``scripts/environment beside``), under the plain
launcher, which loads every instrumentation that is installed.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import textwrap
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from adapter_contract.weather import WeatherModel
from agentotel.adapters.registry import ADAPTERS
from agentotel.local import query
from agentotel.local.server import LocalBackend

pytestmark = [pytest.mark.e2e, pytest.mark.beside]

BIN = Path(sys.executable).parent

OPENAI = """
import openai

def ask(question):
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    messages = [{"role": "user", "content": question}]
    with openai.OpenAI() as client:
        first = client.chat.completions.create(model="gpt-5-mini", messages=messages, tools=tools).choices[0].message
        call = first.tool_calls[0]
        messages += [first, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
        second = client.chat.completions.create(model="gpt-5-mini", messages=messages, tools=tools)
    return second.choices[0].message.content
"""

ANTHROPIC = """
import anthropic

def ask(question):
    tools = [{"name": "get_weather", "input_schema": {"type": "object"}}]
    messages = [{"role": "user", "content": question}]
    with anthropic.Anthropic() as client:
        request = {"model": "claude-sonnet-4-5", "max_tokens": 50, "tools": tools}
        first = client.messages.create(messages=messages, **request)
        call = first.content[-1]
        messages += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}]
        return client.messages.create(messages=messages, **request).content[0].text
"""

OPENAI_AGENTS = """
from agents import Agent, Runner, function_tool

@function_tool
def get_weather(city: str) -> str:
    "Weather now."
    return "sunny"

def ask(question):
    agent = Agent(name="weather", model="gpt-5-mini", tools=[get_weather])
    return Runner.run_sync(agent, question).final_output
"""

LANGCHAIN = """
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

@tool
def get_weather(city: str) -> str:
    "Weather now."
    return "sunny"

def ask(question):
    agent = create_agent(ChatOpenAI(model="gpt-5-mini"), [get_weather], name="weather")
    return agent.invoke({"messages": [("user", question)]})["messages"][-1].content
"""

PYDANTIC_AI = """
from pydantic_ai import Agent

agent = Agent("openai:gpt-5-mini", name="weather")

@agent.tool_plain
def get_weather(city: str) -> str:
    "Weather now."
    return "sunny"

def ask(question):
    return agent.run_sync(question).output
"""

MCP = """
import asyncio
from agents import Agent, Runner
from agents.mcp import MCPServerStdio
import sys

SERVER = '''
from mcp.server.mcpserver import MCPServer
server = MCPServer("weather")

@server.tool()
def get_weather(city: str) -> str:
    "Weather now."
    return "sunny"

server.run()
'''

async def run(question):
    async with MCPServerStdio({"command": sys.executable, "args": ["-c", SERVER]}) as server:
        agent = Agent(name="weather", model="gpt-5-mini", mcp_servers=[server])
        return (await Runner.run(agent, question)).final_output

def ask(question):
    return asyncio.run(run(question))
"""

PLAIN = "print(ask('What is the weather in Bern?'))\n"

OWN_CLASSES = """
class WeatherClient:
    def complete(self, question):
        return ask(question)

class AnswerTool:
    def execute(self, question):
        return WeatherClient().complete(question)

class DeskAgent:
    def chat(self, question):
        return AnswerTool().execute(question)

if __name__ == "__main__":
    print(DeskAgent().chat("What is the weather in Bern?"))
"""

PROGRAMS = {
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "openai-agents": OPENAI_AGENTS,
    "langchain": LANGCHAIN,
    "pydantic-ai": PYDANTIC_AI,
    "mcp": MCP,
}
RUNS_TOOLS = {"openai-agents", "langchain", "pydantic-ai", "mcp"}

INSTALLED = sorted(
    distribution.name
    for distribution in importlib.metadata.distributions()
    if distribution.name.startswith(("openinference-instrumentation-", "opentelemetry-instrumentation-genai-"))
)
"""What is installed beside us."""


class Ran:
    """A program that has run, and what arrived of it."""

    def __init__(self, done, db):
        self.done = done
        self.db = db

    def metric(self, name):
        """Return the points of a metric by their attributes."""
        return [(series.attributes, series.point) for series in query.metrics(self.db) if series.name == name]

    def sums(self, name, label):
        """Return the sums of a histogram or a counter by one attribute."""
        found = Counter()
        for attributes, point in self.metric(name):
            found[attributes.get(label)] += point.get("sum", point.get("value"))
        return found

    def count(self, name):
        """Return how many values a histogram has got."""
        return sum(point["count"] for _, point in self.metric(name))

    def spans(self):
        """Return all spans of ours."""
        summaries = query.traces(self.db)
        spans = [span for summary in summaries for span in query.trace(self.db, summary.trace_id).spans]
        return [span for span in spans if span.origin.scope.name == "agentotel"]


@pytest.fixture
def run(tmp_path):
    """Run a program's source under the launcher against the scripted model."""

    def launch(source, **settings):
        (tmp_path / "program.py").write_text(textwrap.dedent(source), encoding="utf-8")
        db = tmp_path / "telemetry.db"
        backend = LocalBackend(db, otlp_http_port=0, otlp_grpc_port=0, port=0)
        with backend, WeatherModel() as model:
            clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "AGENTOTEL_"))}
            environment = {
                **clean,
                "OTEL_EXPORTER_OTLP_ENDPOINT": backend.addresses.otlp_http,
                "OPENAI_BASE_URL": model.url,
                "OPENAI_API_KEY": "none",
                "ANTHROPIC_BASE_URL": model.url.removesuffix("/v1"),
                "ANTHROPIC_API_KEY": "none",
                "NO_PROXY": "127.0.0.1,localhost",
                "PYTHONPATH": "",
                **settings,
            }
            command = [str(BIN / "opentelemetry-instrument"), sys.executable, "program.py"]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=110)
        return Ran(done, db)

    return launch


def check(ran, *, tools):
    """Check that one run of two model calls was counted once in everything that counts."""
    assert ran.done.returncode == 0, ran.done.stderr
    assert "sunny in Bern" in ran.done.stdout
    calls = [span for span in ran.spans() if span.operation == "chat"]
    shown = [span.name for span in ran.spans()]
    assert len(calls) == 2, shown
    assert ran.sums("agent.token.usage", "type")["input"] == 130, shown
    assert ran.sums("agent.token.usage", "type")["output"] == 21
    assert ran.sums("gen_ai.client.token.usage", "gen_ai.token.type") == {"input": 130, "output": 21}
    assert ran.count("gen_ai.client.operation.duration") == 2
    on_spans = sum(span.attributes["agent.cost"] for span in calls)
    assert sum(ran.sums("agent.cost", "currency").values()) == pytest.approx(on_spans)
    assert on_spans > 0
    assert sum(ran.sums("agent.tool.calls", "status").values()) == tools


def test_the_packages_are_installed_beside_us():
    """Else nothing here would say anything."""
    assert {name.rpartition("-")[2] for name in INSTALLED if name.startswith("openinference")} >= {
        "openai", "agents", "langchain", "anthropic", "mcp",
    }  # fmt: skip
    assert {name.partition("genai-")[2] for name in INSTALLED if "genai" in name} >= {
        "openai", "openai-agents", "langchain", "anthropic",
    }  # fmt: skip


def test_every_instrumentation_of_a_library_that_we_map_gives_way():
    """The launcher loads it by its entry point unless an adapter names that."""
    points = importlib.metadata.entry_points(group="opentelemetry_instrumentor")
    found = {f"{point.dist.name}:{point.name}" for point in points if point.dist.name in INSTALLED}
    assert len(found) >= 9
    assert found == {entry for adapter in ADAPTERS for entry in adapter.replaces} & found


@pytest.mark.parametrize("library", PROGRAMS)
def test_a_library_over_what_is_below_it_is_counted_once(run, library):
    """With the official and the OpenInference instrumentation of each library installed, which the launcher loads."""
    check(run(PROGRAMS[library] + PLAIN), tools=1 if library in RUNS_TOOLS else 0)


@pytest.mark.parametrize("library", PROGRAMS)
def test_the_programs_own_classes_around_it_count_nothing_twice(run, library):
    """An agent, a tool and a client of the user's own, seen by discovery and by a target, around each library."""
    targets = "model=__main__:WeatherClient.complete"
    ran = run(PROGRAMS[library] + OWN_CLASSES, AGENTOTEL_TARGETS=targets)
    inner = 1 if library in RUNS_TOOLS else 0
    assert ran.done.returncode == 0, ran.done.stderr
    assert ran.sums("agent.token.usage", "type")["input"] == 130, [span.name for span in ran.spans()]
    assert ran.sums("agent.token.usage", "type")["output"] == 21
    assert sum(ran.sums("agent.tool.calls", "status").values()) == inner + 1
    (desk,) = [span for span in ran.spans() if span.name == "invoke_agent DeskAgent"]
    assert desk.attributes["gen_ai.usage.input_tokens"] == 130


OFFICIAL = {
    "openai": "opentelemetry.instrumentation.genai.openai:OpenAIInstrumentor",
    "anthropic": "opentelemetry.instrumentation.genai.anthropic:AnthropicInstrumentor",
    "langchain": "opentelemetry.instrumentation.genai.langchain:LangChainInstrumentor",
    "openai-agents": "opentelemetry.instrumentation.genai.openai_agents:OpenAIAgentsInstrumentor",
}
OPENINFERENCE = {
    "openai": "openinference.instrumentation.openai:OpenAIInstrumentor",
    "anthropic": "openinference.instrumentation.anthropic:AnthropicInstrumentor",
    "langchain": "openinference.instrumentation.langchain:LangChainInstrumentor",
    "openai-agents": "openinference.instrumentation.openai_agents:OpenAIAgentsInstrumentor",
    "mcp": "openinference.instrumentation.mcp:MCPInstrumentor",
}


def instrumented(*instrumentors):
    """Return the lines of a program that instruments itself."""
    lines = ["import pkgutil"]
    lines += [f"pkgutil.resolve_name({name!r})().instrument()" for name in instrumentors]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("library", PROGRAMS)
def test_the_official_instrumentations_switched_on_by_the_program_count_nothing_twice(run, library):
    """Both families of metrics hold each call once, whoever measured it: a framework's or that of the SDK below."""
    ran = run(instrumented(*OFFICIAL.values()) + PROGRAMS[library] + PLAIN)
    assert ran.done.returncode == 0, ran.done.stderr
    assert ran.sums("agent.token.usage", "type")["input"] == 130
    assert ran.sums("gen_ai.client.token.usage", "gen_ai.token.type") == {"input": 130, "output": 21}
    assert ran.count("gen_ai.client.operation.duration") == 2


@pytest.mark.parametrize("library", PROGRAMS)
def test_openinference_switched_on_by_the_program_counts_nothing_twice(run, library):
    """Its spans are its own, of all layers; tokens, calls and cost are counted by us once."""
    ran = run(instrumented(*OPENINFERENCE.values()) + PROGRAMS[library] + PLAIN)
    check(ran, tools=1 if library in RUNS_TOOLS else 0)


PAIRS = tuple(combinations(sorted(PROGRAMS.keys() - {"mcp"}), 2))


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_libraries_in_one_program_are_counted_once_each(run, pair):
    """Whatever they share underneath."""
    parts = [f"{PROGRAMS[library]}\nprint(ask('What is the weather in Bern?'))\n" for library in pair]
    ran = run("\n".join(parts))
    assert ran.done.returncode == 0, ran.done.stderr
    assert ran.sums("agent.token.usage", "type")["input"] == 260, [span.name for span in ran.spans()]
    assert ran.sums("gen_ai.client.token.usage", "gen_ai.token.type") == {"input": 260, "output": 42}
    assert ran.count("gen_ai.client.operation.duration") == 4
    assert sum(ran.sums("agent.tool.calls", "status").values()) == len(RUNS_TOOLS.intersection(pair))
