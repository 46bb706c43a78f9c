"""The openai-agents adapter against the installed library: what its contract test does not ask for."""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from typing import Any

import agents
import pytest
from openai import AsyncOpenAI
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)
from opentelemetry import trace

from adapter_contract import ToolBroke
from adapters.mcp_programs import server as mcp_server
from agentotel import patching, testing
from agentotel._base import failopen
from agentotel.adapters import mcp, openai
from agentotel.adapters.openai_agents import ADAPTER, library
from agentotel.demo.model_server import FunctionCall, Reply, completion, completion_stream, response, response_stream
from agentotel.model import names
from agentotel.patching.observation import CurrentObserver

MODEL = "gpt-5-mini"
CONTENT_ON = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only"}
CALL = f"chat {MODEL}"

for adapter in (openai.ADAPTER, ADAPTER):
    patching.patch_adapter(adapter)


class Scripted(agents.Model):
    """A model of the user's own that makes no spans: gives its answers in order.

    Attributes:
        model: Its name.
        seen: The span that was current at each call.
    """

    def __init__(self, *answers: Any) -> None:
        self.model = "own-model"
        self.answers = list(answers)
        self.seen: list[Any] = []

    def _next(self) -> Any:
        self.seen.append(trace.get_current_span())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, list) else [answer]

    async def get_response(self, *_args: Any, **_kwargs: Any) -> agents.ModelResponse:
        return agents.ModelResponse(output=self._next(), usage=_usage(), response_id=None)

    async def stream_response(self, *_args: Any, **_kwargs: Any) -> Any:
        counts = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}
        details = {
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 1},
        }
        answer = Response.model_validate(
            {
                "id": "r",
                "created_at": 0,
                "model": self.model,
                "object": "response",
                "output": [item.model_dump() for item in self._next()],
                "parallel_tool_calls": False,
                "tool_choice": "auto",
                "tools": [],
                "usage": {**counts, **details},
            }
        )
        yield ResponseCompletedEvent(response=answer, sequence_number=0, type="response.completed")


def _usage() -> agents.Usage:
    from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

    return agents.Usage(
        requests=1,
        input_tokens=10,
        input_tokens_details=InputTokensDetails.model_validate({"cached_tokens": 4, "cache_write_tokens": 0}),
        output_tokens=2,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=1),
        total_tokens=12,
    )


def says(text: str) -> ResponseOutputMessage:
    """Return an answer in words."""
    content = ResponseOutputText(annotations=[], text=text, type="output_text")
    return ResponseOutputMessage(id="m", content=[content], role="assistant", status="completed", type="message")


def calls(name: str, arguments: str = "{}", call_id: str = "call_1") -> ResponseFunctionToolCall:
    """Return an answer that asks for a tool."""
    return ResponseFunctionToolCall(arguments=arguments, call_id=call_id, name=name, type="function_call")


class Processor(agents.TracingProcessor):
    """A tracing processor of the user's: remembers what it gets, and raises if it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.got: list[str] = []
        self.error = error

    def _get(self, what: str) -> None:
        self.got.append(what)
        if self.error is not None:
            raise self.error

    def on_trace_start(self, trace: Any) -> None:
        self._get(f"start {trace.name}")

    def on_trace_end(self, trace: Any) -> None:
        self._get(f"end {trace.name}")

    def on_span_start(self, span: Any) -> None:
        self._get(f"start {span.span_data.type}")

    def on_span_end(self, span: Any) -> None:
        self._get(f"end {span.span_data.type}")

    def shutdown(self) -> None:
        """Nothing."""

    def force_flush(self) -> None:
        """Nothing."""


@pytest.fixture
def telemetry():
    """Record what happens in the test."""
    with testing.recording() as recorded:
        yield recorded


@pytest.fixture
def processors():
    """Set the library's processors for one test."""
    yield agents.set_trace_processors
    agents.set_trace_processors([])
    agents.set_tracing_disabled(False)


def tree(telemetry, root=None):
    """Return the names of the spans as ``[name, child, child...]``, in the order of starting."""
    spans = sorted(telemetry.spans(), key=lambda span: span.start_time)
    if root is None:
        roots = [span for span in spans if span.parent is None]
        assert len(roots) == 1, [span.name for span in roots]
        root = roots[0]
    children = [span for span in spans if span.parent is not None and span.parent.span_id == root.context.span_id]
    return [root.name, *(tree(telemetry, child) for child in children)]


async def run(agent, prompt="Hello", **options):
    """Run an agent to its end."""
    return await agents.Runner.run(agent, prompt, **options)


async def stream(agent, prompt="Hello", **options):
    """Run an agent to its end, streamed."""
    result = agents.Runner.run_streamed(agent, prompt, **options)
    async for _ in result.stream_events():
        pass
    return result


both_ways = pytest.mark.parametrize("way", [run, stream])


# --- what becomes of the library's spans ---


def _two_agents():
    second = agents.Agent("billing", model=Scripted(says("paid")), handoff_description="Knows bills.")
    first = agents.Agent("front", model=Scripted(calls("transfer_to_billing")), handoffs=[second])
    return first, second


@both_ways
def test_the_agent_that_is_handed_over_to_runs_inside_of_the_first_one(telemetry, way):
    """A hand-off is a step, and the second agent's run is nested: the first one is over when the second one is."""
    result = asyncio.run(way(_two_agents()[0]))
    assert result.final_output == "paid"
    assert tree(telemetry) == ["invoke_agent front", ["handoff billing"], ["invoke_agent billing"]]
    front, billing = telemetry.span("invoke_agent front"), telemetry.span("invoke_agent billing")
    assert front.start_time <= billing.start_time <= billing.end_time <= front.end_time
    assert billing.attributes[names.REQUEST_MODEL] == "own-model"
    assert billing.attributes[names.AGENT_DESCRIPTION] == "Knows bills."
    assert telemetry.span("handoff billing").attributes[names.STEP_NAME] == "handoff billing"


@both_ways
def test_a_failure_after_a_hand_off_ends_both_agents(telemetry, way):
    """What the second agent dies of is what the first one dies of."""
    first, second = _two_agents()
    second.model = Scripted(ToolBroke("no bills"))
    with pytest.raises(ToolBroke):
        asyncio.run(way(first))
    found = [telemetry.span(f"invoke_agent {name}").attributes[names.ERROR_TYPE] for name in ("front", "billing")]
    assert found == ["ToolBroke", "ToolBroke"]


def test_two_runs_after_one_another_do_not_nest(telemetry):
    """A run that ended with a hand-off leaves nothing behind: the next one is a trace of its own."""

    async def twice():
        await run(_two_agents()[0])
        assert not trace.get_current_span().get_span_context().is_valid
        await run(agents.Agent("other", model=Scripted(says("yes"))))

    asyncio.run(twice())
    roots = [span.name for span in telemetry.spans() if span.parent is None]
    assert roots == ["invoke_agent front", "invoke_agent other"]


@both_ways
@pytest.mark.parametrize("trips", [True, False])
def test_a_guardrail_is_a_step_that_tells_whether_it_was_triggered(telemetry, way, trips):
    """A guardrail that trips has not failed itself; the agent has, of the tripwire."""

    @agents.input_guardrail
    async def polite(*_args):
        return agents.GuardrailFunctionOutput(output_info=None, tripwire_triggered=trips)

    agent = agents.Agent("helper", model=Scripted(says("yes")), input_guardrails=[polite])
    if trips:
        with pytest.raises(agents.InputGuardrailTripwireTriggered):
            asyncio.run(way(agent))
    else:
        asyncio.run(way(agent))
    step, root = telemetry.span("guardrail polite"), telemetry.span("invoke_agent helper")
    assert step.attributes[names.GUARDRAIL_TRIGGERED] is trips
    assert names.ERROR_TYPE not in step.attributes
    assert root.attributes.get(names.ERROR_TYPE) == ("InputGuardrailTripwireTriggered" if trips else None)
    assert tree(telemetry)[0] == "invoke_agent helper"


@both_ways
def test_an_output_guardrail_that_trips_fails_the_agent(telemetry, way):
    """The tripwire of the output is told from the one of the input."""

    @agents.output_guardrail
    async def clean(*_args):
        return agents.GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    with pytest.raises(agents.OutputGuardrailTripwireTriggered):
        asyncio.run(way(agents.Agent("helper", model=Scripted(says("yes")), output_guardrails=[clean])))
    root = telemetry.span("invoke_agent helper")
    assert root.attributes[names.ERROR_TYPE] == "OutputGuardrailTripwireTriggered"


@pytest.mark.parametrize(("tool", "failure"), [("get_weather", None), ("broken", "tool_error")])
def test_a_tool_of_a_server_has_failed_when_the_server_says_so(telemetry, tool, failure):
    """The library gives the server's error to the model as a result: it is one failed call of the tool all the same."""
    patching.patch_adapter(mcp.ADAPTER)

    async def ask_server():
        command = {"command": sys.executable, "args": [mcp_server.__file__, "stdio"]}
        async with agents.mcp.MCPServerStdio(command, client_session_timeout_seconds=60) as server:
            model = Scripted(calls(tool, '{"city": "Bern"}'), says("done"))
            return await run(agents.Agent("helper", model=model, mcp_servers=[server]))

    assert asyncio.run(ask_server()).final_output == "done"
    (shown,) = [span for span in telemetry.spans() if span.name == f"execute_tool {tool}"]
    assert shown.attributes.get("error.type") == failure
    status = "failed" if failure else "success"
    assert telemetry.metric("agent.tool.calls") == {(("status", status), ("tool_name", tool)): 1}
    assert sum(telemetry.metric("agent.errors").values()) == (1 if failure else 0)


@both_ways
def test_an_agent_as_a_tool_is_a_run_inside_of_the_tool(telemetry, way):
    """The inner agent stands under the tool call that started it."""
    inner = agents.Agent("translator", model=Scripted(says("Hallo")))
    outer = agents.Agent(
        "helper",
        model=Scripted(calls("translate", '{"input": "Hello"}'), says("Hallo")),
        tools=[inner.as_tool("translate", "Translates.")],
    )
    asyncio.run(way(outer))
    assert tree(telemetry) == ["invoke_agent helper", ["execute_tool translate", ["invoke_agent translator"]]]


@both_ways
def test_tools_that_run_side_by_side_are_current_inside_of_themselves(telemetry, way):
    """Each tool's own span is the current one in its function, in a task as in a thread."""
    inside = {}
    together = threading.Barrier(2, timeout=10)

    @agents.function_tool
    async def in_task():
        inside["in_task"] = trace.get_current_span().get_span_context().span_id
        await asyncio.to_thread(together.wait)

    def in_thread():
        inside["in_thread"] = trace.get_current_span().get_span_context().span_id
        together.wait()

    @agents.function_tool
    async def threaded():
        await asyncio.to_thread(in_thread)

    model = Scripted([calls("in_task", call_id="a"), calls("threaded", call_id="b")], says("done"))
    asyncio.run(way(agents.Agent("helper", model=model, tools=[in_task, threaded])))
    assert tree(telemetry) == ["invoke_agent helper", ["execute_tool in_task"], ["execute_tool threaded"]]
    first, second = telemetry.span("execute_tool in_task"), telemetry.span("execute_tool threaded")
    assert inside == {"in_task": first.context.span_id, "in_thread": second.context.span_id}
    assert [span.attributes[names.TOOL_CALL_ID] for span in (first, second)] == ["a", "b"]


@both_ways
def test_a_tool_error_that_goes_to_the_user_fails_tool_and_agent(telemetry, way):
    """With ``failure_error_function=None`` the tool fails with its own exception, and the run too."""

    @agents.function_tool(failure_error_function=None)
    def broken():
        raise ToolBroke("no")

    with pytest.raises((agents.UserError, ToolBroke)):
        asyncio.run(way(agents.Agent("helper", model=Scripted(calls("broken")), tools=[broken])))
    assert telemetry.span("execute_tool broken").attributes[names.ERROR_TYPE] == "ToolBroke"
    assert names.ERROR_TYPE in telemetry.span("invoke_agent helper").attributes


@both_ways
def test_too_many_turns_fail_the_agent(telemetry, way):
    """The agent of a run that exceeds its turns has failed of that."""

    @agents.function_tool
    def again():
        return "again"

    agent = agents.Agent("helper", model=Scripted(*[calls("again") for _ in range(5)]), tools=[again])
    with pytest.raises(agents.MaxTurnsExceeded):
        asyncio.run(way(agent, max_turns=2))
    assert telemetry.span("invoke_agent helper").attributes[names.ERROR_TYPE] == "MaxTurnsExceeded"


def test_custom_spans_are_steps(telemetry):
    """A span that the user makes with the library's own means is a step at its place."""

    @agents.function_tool
    def search():
        with agents.custom_span("look up", {"secret": "x"}):
            return "found"

    model = Scripted(calls("search"), says("done"))
    asyncio.run(run(agents.Agent("helper", model=model, tools=[search])))
    assert tree(telemetry) == ["invoke_agent helper", ["execute_tool search", ["look up"]]]
    assert "secret" not in telemetry.span("look up").to_json()


def test_a_run_in_an_exception_handler_has_not_failed(telemetry):
    """The exception that the program is handling when it starts a run is none of the run's."""

    async def recover():
        try:
            raise ToolBroke("before")
        except ToolBroke:
            await run(agents.Agent("helper", model=Scripted(says("yes"))))

    asyncio.run(recover())
    assert names.ERROR_TYPE not in telemetry.span("invoke_agent helper").attributes


# --- traces ---


@pytest.mark.parametrize("disabled", [True, False])
def test_a_named_trace_around_several_runs_is_one_workflow(telemetry, processors, disabled):
    """``with trace("x")`` is the root of all runs inside, and its group their conversation; also while disabled."""
    agents.set_tracing_disabled(disabled)

    async def both():
        with agents.trace("order desk", group_id="thread-7"):
            await run(agents.Agent("first", model=Scripted(says("one"))))
            await stream(agents.Agent("second", model=Scripted(says("two"))))

    asyncio.run(both())
    assert tree(telemetry) == ["invoke_workflow order desk", ["invoke_agent first"], ["invoke_agent second"]]
    assert {span.attributes[names.CONVERSATION_ID] for span in telemetry.spans()} == {"thread-7"}


def test_a_run_with_a_name_of_its_own_is_a_workflow(telemetry):
    """A workflow name that the user has given is shown."""
    config = agents.RunConfig(workflow_name="refunds")
    asyncio.run(run(agents.Agent("helper", model=Scripted(says("yes"))), run_config=config))
    assert tree(telemetry) == ["invoke_workflow refunds", ["invoke_agent helper"]]


@both_ways
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"conversation_id": "conv_1"}, "conv_1"),
        ({"session": "session-1"}, "session-1"),
        ({"run_config": agents.RunConfig(group_id="group-1")}, "group-1"),
        ({}, None),
    ],
)
def test_the_conversation_is_the_one_that_the_library_was_told(telemetry, way, options, expected):
    """A conversation on the server, a session or a group, in this order; none is invented."""

    async def go():
        with closing(agents.SQLiteSession("session-1")) as session:
            given = {**options, "session": session} if "session" in options else options
            await way(agents.Agent("helper", model=Scripted(says("yes"))), **given)

    asyncio.run(go())
    assert telemetry.span("invoke_agent helper").attributes.get(names.CONVERSATION_ID) == expected


# --- the library's own settings ---


@both_ways
@pytest.mark.parametrize("by", ["globally", "for the run"])
def test_disabled_tracing_is_seen_by_us_alone(telemetry, processors, way, by):
    """Where the library's tracing is disabled nobody gets its spans, and ours are what they always are."""
    theirs = Processor()
    processors([theirs])
    options = {}
    if by == "globally":
        agents.set_tracing_disabled(True)
    else:
        options["run_config"] = agents.RunConfig(tracing_disabled=True)

    @agents.function_tool
    def broken():
        raise ToolBroke("no")

    second = agents.Agent("billing", model=Scripted(calls("broken", call_id="c"), says("paid")), tools=[broken])
    first = agents.Agent("front", model=Scripted(calls("transfer_to_billing")), handoffs=[second])
    seen = []
    second.instructions = lambda _context, _agent: seen.append(agents.get_current_trace()) or "Be kind."
    asyncio.run(way(first, **options))
    assert tree(telemetry) == [
        "invoke_agent front",
        ["handoff billing"],
        ["invoke_agent billing", ["execute_tool broken"]],
    ]
    tool = telemetry.span("execute_tool broken")
    assert (tool.attributes[names.ERROR_TYPE], tool.attributes[names.TOOL_CALL_ID]) == ("ToolBroke", "c")
    assert theirs.got == []
    assert {(found.trace_id, found.export()) for found in seen} == {("no-op", None)}


@both_ways
def test_processors_that_are_set_later_get_what_they_got_before(telemetry, processors, way):
    """Replacing the processors takes nothing from us, and ours takes nothing from them."""
    theirs = Processor()
    processors([theirs])
    asyncio.run(way(agents.Agent("helper", model=Scripted(says("yes")))))
    assert tree(telemetry) == ["invoke_agent helper"]
    with_us = [what for what in theirs.got if "agent" in what.lower()]
    assert with_us == ["start Agent workflow", "start agent", "end agent", "end Agent workflow"]


def test_a_processor_that_fails_changes_nothing(telemetry, processors):
    """Errors of the user's processor stay between him and the library."""
    theirs = Processor(ValueError("theirs"))
    processors([theirs])
    result = asyncio.run(run(_two_agents()[0]))
    assert result.final_output == "paid"
    assert theirs.got
    assert tree(telemetry) == ["invoke_agent front", ["handoff billing"], ["invoke_agent billing"]]


def test_data_that_the_user_keeps_out_of_traces_is_not_taken_from_them():
    """With ``trace_include_sensitive_data=False`` a tool has no arguments and no result, with content on too."""

    @agents.function_tool
    def search(word: str):
        return f"found {word}"

    def go(config):
        model = Scripted(calls("search", '{"word": "it"}'), says("done"))
        with testing.recording(CONTENT_ON) as telemetry:
            asyncio.run(run(agents.Agent("helper", model=model, tools=[search]), run_config=config))
        attributes = telemetry.span("execute_tool search").attributes
        return attributes.get(names.TOOL_CALL_ARGUMENTS), attributes.get(names.TOOL_CALL_RESULT)

    assert go(agents.RunConfig(trace_include_sensitive_data=False)) == (None, None)
    arguments, result = go(agents.RunConfig(trace_include_sensitive_data=True))
    assert (json.loads(arguments), json.loads(result)) == ({"word": "it"}, "found it")


# --- models ---


@both_ways
def test_a_model_without_spans_is_counted_by_the_runs_usage(telemetry, way):
    """The tokens of a model of the user's are the agent's: on its span, and in the metric, once."""

    @agents.function_tool
    def search():
        return "found"

    model = Scripted(calls("search"), says("done"))
    asyncio.run(way(agents.Agent("helper", model=model, tools=[search])))
    root = telemetry.span("invoke_agent helper")
    assert root.attributes[names.REQUEST_MODEL] == "own-model"
    counted = [root.attributes[name] for name in (names.USAGE_INPUT_TOKENS, names.USAGE_OUTPUT_TOKENS)]
    assert counted == [20, 4]
    assert root.attributes[names.USAGE_CACHE_READ_TOKENS] == 8
    points = telemetry.metric("agent.token.usage")
    assert sum(value[1] for key, value in points.items() if ("type", "input") in key) == 20
    assert all(span.name == "invoke_agent helper" for span in model.seen)


def _two_replies(request):
    make = response_stream if request.body.get("stream") else response
    if request.number:
        return make(["done"] if make is response_stream else "done", input_tokens=80, output_tokens=9)
    call = FunctionCall("search", {}, "call_1")
    counts = {"cached_tokens": 30, "reasoning_tokens": 5}
    return make(tool_calls=[call], input_tokens=50, output_tokens=12, **counts)


async def _nothing(_request):
    """Do nothing before a request."""


@contextmanager
def _agent_of(server, hook=_nothing):
    @agents.function_tool
    def search():
        return "found"

    client = AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0)
    client._client.event_hooks = {"request": [hook], "response": []}
    model = agents.OpenAIResponsesModel(MODEL, openai_client=client)
    yield agents.Agent("helper", model=model, tools=[search]), client


@both_ways
@pytest.mark.parametrize("disabled", [True, False])
def test_the_sdk_below_is_counted_once(telemetry, serve, way, disabled):
    """Framework and SDK see the same calls: one span each, exact tokens; also while the library's tracing is off."""
    current = []

    async def hook(_request):
        current.append(trace.get_current_span().get_span_context().span_id)

    async def go():
        with _agent_of(serve(_two_replies), hook) as (agent, client):
            async with client:
                await way(agent, run_config=agents.RunConfig(tracing_disabled=disabled))

    asyncio.run(go())
    assert tree(telemetry) == ["invoke_agent helper", [CALL], ["execute_tool search"], [CALL]]
    chats = sorted((span for span in telemetry.spans() if span.name == CALL), key=lambda span: span.start_time)
    assert [chat.attributes[names.USAGE_INPUT_TOKENS] for chat in chats] == [50, 80]
    assert [chat.attributes.get(names.USAGE_REASONING_TOKENS) for chat in chats] == [5, 0]
    assert [chat.attributes[names.USAGE_CACHE_READ_TOKENS] for chat in chats] == [30, 0]
    agent = telemetry.span("invoke_agent helper").attributes
    assert (agent[names.USAGE_OUTPUT_TOKENS], agent[names.RESPONSE_FINISH_REASONS]) == (21, ("stop",))
    assert current == [chat.context.span_id for chat in chats]


@both_ways
def test_the_agent_knows_why_its_last_call_ended_although_only_the_sdk_does(telemetry, serve, way):
    """With chat completions the library's spans do not say it."""

    def reply(request):
        counts = {"input_tokens": 50, "output_tokens": 12}
        if request.body.get("stream"):
            return completion_stream(["done"], include_usage=True, **counts)
        return completion("done", **counts)

    async def go():
        async with AsyncOpenAI(base_url=serve(reply).url, api_key="k", max_retries=0) as client:
            model = agents.OpenAIChatCompletionsModel(MODEL, openai_client=client)
            await way(agents.Agent("helper", model=model))

    asyncio.run(go())
    assert tree(telemetry) == ["invoke_agent helper", [CALL]]
    assert telemetry.span("invoke_agent helper").attributes[names.RESPONSE_FINISH_REASONS] == ("stop",)


ALONE = """
import asyncio, json, sys
from agentotel import patching, testing
from agentotel.adapters.openai_agents import ADAPTER
patching.patch_adapter(ADAPTER)
import agents
from openai import AsyncOpenAI

@agents.function_tool
def search() -> str:
    return "found"

async def go():
    async with AsyncOpenAI(base_url=sys.argv[1], api_key="k") as client:
        model = agents.OpenAIResponsesModel("gpt-5-mini", openai_client=client)
        agent = agents.Agent("helper", model=model, tools=[search])
        config = agents.RunConfig(tracing_disabled=sys.argv[3] == "disabled")
        if sys.argv[2] == "run":
            await agents.Runner.run(agent, "Hello", run_config=config)
        else:
            async for _ in agents.Runner.run_streamed(agent, "Hello", run_config=config).stream_events():
                pass

with testing.recording() as telemetry:
    asyncio.run(go())
print(json.dumps([{"name": span.name, **span.attributes} for span in telemetry.spans()]))
"""


def _program(text, *arguments, **environment):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OPENAI_", "OTEL_"))}
    command = [sys.executable, "-c", text, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**kept, **environment})
    assert done.returncode == 0, done.stderr
    assert "Failed to detach" not in done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("way", ["run", "stream"])
@pytest.mark.parametrize("tracing", ["disabled", "enabled"])
def test_without_the_sdks_adapter_the_numbers_are_the_same(serve, way, tracing):
    """The library's own words are enough: model, provider and tokens, with its tracing on and off."""
    spans = _program(ALONE, serve(_two_replies).url, way, tracing)
    assert [span["name"] for span in spans] == [CALL, "execute_tool search", CALL, "invoke_agent helper"]
    assert [span[names.PROVIDER_NAME] for span in spans if span["name"] == CALL] == ["openai", "openai"]
    root = spans[-1]
    assert (root[names.USAGE_INPUT_TOKENS], root[names.USAGE_OUTPUT_TOKENS]) == (130, 21)
    assert (root[names.USAGE_CACHE_READ_TOKENS], root[names.USAGE_REASONING_TOKENS]) == (30, 5)


def test_tracing_that_is_disabled_by_the_environment_is_seen_by_us(serve):
    """The library's environment variable switches off the library's tracing, and nothing of ours."""
    spans = _program(ALONE, serve(_two_replies).url, "run", "enabled", OPENAI_AGENTS_DISABLE_TRACING="1")
    assert [span["name"] for span in spans] == [CALL, "execute_tool search", CALL, "invoke_agent helper"]


# --- nothing is sent to the vendor ---

SENDING = """
import asyncio, json, sys
from agentotel import patching, testing
from agentotel.adapters.openai_agents import ADAPTER
if sys.argv[2] == "installed late":
    import agents
if sys.argv[2] != "not installed":
    patching.patch_adapter(ADAPTER)
import agents
from agents.tracing.processors import default_exporter, default_processor
if sys.argv[3] == "added":
    agents.add_trace_processor(default_processor())
default_exporter().endpoint = sys.argv[1]
with agents.trace("x"), agents.custom_span("y"):
    pass
default_processor().force_flush()
print("[]")
"""


@pytest.mark.parametrize(
    ("installed", "added", "is_sent"),
    [
        ("installed", "not added", False),
        ("installed late", "not added", False),
        ("installed", "added", True),
        ("not installed", "not added", True),
    ],
)
def test_the_vendor_gets_traces_only_when_the_program_says_so(serve, installed, added, is_sent):
    """With an API key set the library would send its traces: with us it does not, unless the code asks for it."""
    server = serve(Reply(204))
    _program(SENDING, f"{server.url}/traces/ingest", installed, added, OPENAI_API_KEY="k")
    assert bool(server.requests) is is_sent


# --- contexts ---


def test_a_span_that_ends_in_another_context_breaks_nothing(telemetry):
    """What was current in either context stays as it was; the span ends, and what follows is not inside of it."""
    tracer = telemetry.tracer_provider.get_tracer("the program")
    with agents.trace("outer"):
        span = agents.custom_span("wanders")
        started = contextvars.copy_context()
        started.run(span.start, mark_as_current=True)
        with tracer.start_as_current_span("own") as own:
            span.finish()
            assert trace.get_current_span() is own
        with agents.custom_span("after"):
            pass
        late = agents.custom_span("late")
        started.run(late.start)
    assert tree(telemetry) == ["invoke_workflow outer", ["wanders"], ["own"], ["after"]]
    started.run(late.finish)


def test_a_span_whose_parent_is_named_stands_under_it(telemetry):
    """A parent that is given to the library counts, in a thread that knows of nothing."""
    with agents.trace("outer"), agents.custom_span("parent") as parent:
        thread = threading.Thread(target=lambda: agents.custom_span("child", parent=parent).__enter__().finish())
        thread.start()
        thread.join()
    assert tree(telemetry) == ["invoke_workflow outer", ["parent", ["child"]]]


def test_a_span_that_is_started_and_finished_twice_is_one(telemetry):
    """The library only warns of it, and so is nothing counted twice."""
    with agents.trace("outer"):
        span = agents.custom_span("twice")
        for _ in range(2):
            span.start()
        for _ in range(2):
            span.finish()
    assert tree(telemetry) == ["invoke_workflow outer", ["twice"]]


def test_a_streamed_run_that_is_cancelled_by_its_result_is_ended(telemetry, serve):
    """``result.cancel()`` in the middle of the answer ends what is open, and nothing counts as failed."""
    gate = threading.Event()

    def held(request):
        reply = response_stream(["one ", "two"], input_tokens=80, output_tokens=9)
        return Reply(chunks=reply.chunks, hold=gate, hold_after=5)

    async def go():
        with _agent_of(serve(held)) as (agent, client):
            async with client:
                result = agents.Runner.run_streamed(agent, "Hello")
                async for event in result.stream_events():
                    if event.type == "raw_response_event":
                        result.cancel()
                        gate.set()

    asyncio.run(go())
    assert tree(telemetry) == ["invoke_agent helper", [CALL]]
    assert not telemetry.metric("agent.errors")


def test_runs_side_by_side_do_not_mix_their_hand_offs(telemetry):
    """Runs of one event loop that hand over at the same time keep to themselves."""

    async def several():
        return await asyncio.gather(*(run(_two_agents()[0]) for _ in range(4)))

    asyncio.run(several())
    roots = [span for span in telemetry.spans() if span.parent is None]
    assert len(roots) == 4
    for root in roots:
        assert tree(telemetry, root) == ["invoke_agent front", ["handoff billing"], ["invoke_agent billing"]]


def test_runs_that_are_made_before_any_is_awaited_keep_their_own_beginnings():
    """What each run was asked, of which conversation, is its own where ``gather`` gets the library's coroutines."""

    def made(name):
        agent = agents.Agent(name, model=Scripted(says(f"from {name}")))
        return agents.Runner.run(agent, f"hello {name}", conversation_id=f"talk {name}")

    async def several():
        await asyncio.gather(made("first"), made("second"))
        late = made("third"), made("fourth")
        for run_ in late:
            await run_

    with testing.recording(CONTENT_ON) as recorded:
        asyncio.run(several())
    found = {span.name: span.attributes for span in recorded.spans()}
    for name in ("first", "second", "third", "fourth"):
        attributes = found[f"invoke_agent {name}"]
        assert attributes[names.CONVERSATION_ID] == f"talk {name}"
        assert f"hello {name}" in attributes[names.INPUT_MESSAGES]


# --- the adapter itself ---


def test_installing_again_watches_nothing_twice(telemetry):
    """A second installation leaves the library's functions as they are."""
    impl = agents.tracing.spans.SpanImpl
    before = impl.start, impl.finish, impl.set_error
    library.install(agents, CurrentObserver())
    assert (impl.start, impl.finish, impl.set_error) == before
    asyncio.run(run(agents.Agent("helper", model=Scripted(says("yes")))))
    assert tree(telemetry) == ["invoke_agent helper"]


def test_while_nobody_observes_the_library_is_alone(processors):
    """Without an observer everything passes through, and nothing fails."""
    theirs = Processor()
    processors([theirs])
    result = asyncio.run(run(_two_agents()[0]))
    assert result.final_output == "paid"
    assert "start handoff" in theirs.got


def test_what_cannot_be_read_at_its_end_has_ended_all_the_same(telemetry, monkeypatch):
    """An error of ours does not leave an operation open for ever."""
    monkeypatch.setattr("agentotel.adapters.openai_agents.tracking.spans.complete", lambda *_: 1 / 0)
    failopen.configure(strict=False)
    failopen.reset()
    with agents.trace("outer"):
        with agents.custom_span("broken"):
            pass
        monkeypatch.undo()
    assert failopen.errors() == {"openai-agents.finish": 1}
    failopen.reset()
    assert {span.name for span in telemetry.spans()} == {"invoke_workflow outer", "broken"}
