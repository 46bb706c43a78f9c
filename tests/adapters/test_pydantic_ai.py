"""Pydantic AI, for real: what its runs become, with models that need no SDK underneath.

Everything that all adapters promise is in ``test_pydantic_ai_contract``.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import context
from packaging.version import Version

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent, ModelRetry, RunContext, UsageLimits
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.instrumented import InstrumentationSettings
from pydantic_ai.models.test import TestModel

from agentotel import patching, testing
from agentotel.adapters import pydantic_ai
from agentotel.model.contract import SUPPRESSED, NativeSpan
from agentotel.model.operations import AgentRun, ModelCall, Step, ToolCall

ADAPTER = pydantic_ai.ADAPTER
INSTALLED = Version(version("pydantic-ai-slim"))
CONTENT_ON = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only"}


def from_version(first):
    """Leave a test out where the installed version does not have what it is about."""
    return pytest.mark.skipif(Version(first) > INSTALLED, reason=f"new in {first}")


@dataclass
class Point:
    """What an agent may answer with."""

    x: int


@pytest.fixture(autouse=True)
def enabled():
    """Switch the library's spans on, as its import does under agentotel."""
    patching.patch_adapter(ADAPTER)
    before = Agent._instrument_default
    yield
    Agent.instrument_all(before)


@pytest.fixture
def telemetry():
    """Record the runs."""
    with testing.recording(adapters=[ADAPTER]) as recorded:
        yield recorded


def run(agent, prompt="Hello", **options):
    """Run an agent to its end and return its output."""
    return asyncio.run(agent.run(prompt, **options)).output


def tree(telemetry):
    """Return the names of all spans, each indented below its parent, in the order of starting."""
    spans = sorted(telemetry.spans(), key=lambda span: span.start_time)
    lines: list[str] = []

    def add(parent, depth):
        for span in spans:
            if (span.parent.span_id if span.parent else None) == parent:
                lines.append("  " * depth + span.name)
                add(span.context.span_id, depth + 1)

    add(None, 0)
    return lines


def only(telemetry, name):
    """Return the one span of a name."""
    (found,) = [span for span in telemetry.spans() if span.name == name]
    return found


def tokens(telemetry, kind):
    """Return how many tokens of a kind the metrics have, and in how many model calls."""
    points = [value for key, value in telemetry.metric("agent.token.usage").items() if dict(key)["type"] == kind]
    return sum(count for count, _ in points), sum(total for _, total in points)


def test_a_model_without_an_sdk_is_counted_by_the_librarys_own_numbers(telemetry):
    """A model call in which no SDK is seen has the framework's tokens, settings and provider."""
    agent = Agent(
        TestModel(), name="bot", model_settings={"temperature": 0.3, "max_tokens": 50, "seed": -3, "top_p": 0.9}
    )
    run(agent)
    assert tree(telemetry) == ["invoke_agent bot", "  chat test"]
    attributes = only(telemetry, "chat test").attributes
    settings = {"temperature": 0.3, "max_tokens": 50, "seed": -3, "top_p": 0.9}
    assert {name: attributes[f"gen_ai.request.{name}"] for name in settings} == settings
    assert attributes["gen_ai.provider.name"] == "test"
    assert attributes["gen_ai.usage.input_tokens"] == 51
    assert tokens(telemetry, "input") == (1, 51)
    assert only(telemetry, "invoke_agent bot").attributes["gen_ai.usage.input_tokens"] == 51


def test_the_librarys_own_metrics_and_attributes_go_nowhere(telemetry):
    """Cost is ours, its counts would be counted twice, and of its attributes only those of the conventions are kept."""
    run(Agent(TestModel(), name="bot"))
    assert not telemetry.metric("operation.cost")
    names = {name for span in telemetry.spans() for name in span.attributes}
    assert not [name for name in names if name.startswith(("pydantic_ai.", "logfire.", "operation."))]
    assert {span.instrumentation_scope.name for span in telemetry.spans()} == {"agentotel"}


@pytest.mark.parametrize("name", [None, "bot"])
def test_an_agent_has_its_name(telemetry, name):
    """An agent without a name has the one that the library finds for it."""
    agent = Agent(TestModel(), name=name)
    run(agent)
    assert tree(telemetry)[0] == f"invoke_agent {agent.name or 'agent'}"


def test_a_tool_that_asks_for_another_try_has_failed_once(telemetry):
    """``ModelRetry`` fails the call of the tool, not the run."""
    tries = []
    agent = Agent(TestModel(), name="bot")

    @agent.tool_plain
    def flaky(x: int) -> int:
        tries.append(x)
        if len(tries) == 1:
            raise ModelRetry("again, secret")
        return x

    run(agent)
    calls = "  chat test", "  execute_tool flaky"
    assert tree(telemetry) == ["invoke_agent bot", *calls, *calls, "  chat test"]
    failed = [span.attributes.get("error.type") for span in telemetry.spans() if span.name == "execute_tool flaky"]
    assert failed == ["ToolRetryError", None]
    assert only(telemetry, "invoke_agent bot").attributes["agent.status"] == "success"
    assert "secret" not in str([span.to_json() for span in telemetry.spans()])


def test_an_output_function_is_a_tool_and_an_output_type_is_not(telemetry):
    """Only where the user's code runs there is something to see."""

    def final(x: int) -> int:
        return x

    assert run(Agent(TestModel(), output_type=final, name="bot")) == 0
    run(Agent(TestModel(), output_type=int, name="typed"))
    assert tree(telemetry) == [
        "invoke_agent bot",
        "  chat test",
        "  execute_tool final_result",
        "invoke_agent typed",
        "  chat test",
    ]


def test_an_output_that_is_refused_is_asked_for_again(telemetry):
    """A validator's ``ModelRetry`` leads to another model call of the same run."""
    agent, tries = Agent(TestModel(), name="bot"), []

    @agent.output_validator
    def check(output: str) -> str:
        tries.append(output)
        if len(tries) == 1:
            raise ModelRetry("shorter")
        return output

    run(agent)
    assert tree(telemetry) == ["invoke_agent bot", "  chat test", "  chat test"]


def test_an_agent_that_a_tool_runs_is_inside_of_that_tool(telemetry):
    """Each agent has its own tokens; the outer one's include the inner one's, and nothing counts twice."""
    inner, outer = Agent(TestModel(), name="inner"), Agent(TestModel(), name="outer")

    @outer.tool
    async def ask(ctx: RunContext[None], question: str) -> str:
        return (await inner.run(question, usage=ctx.usage)).output

    run(outer)
    assert tree(telemetry) == [
        "invoke_agent outer",
        "  chat test",
        "  execute_tool ask",
        "    invoke_agent inner",
        "      chat test",
        "  chat test",
    ]
    used = {span.name: span.attributes.get("gen_ai.usage.input_tokens") for span in telemetry.spans()}
    assert used["invoke_agent inner"] == 51
    assert (3, used["invoke_agent outer"]) == tokens(telemetry, "input")


def test_an_agent_that_fails_before_it_has_asked_a_model_has_used_nothing(telemetry):
    """The usage that it was handed on is that of its caller, and has been counted there."""
    inner, outer = Agent(TestModel(), name="inner"), Agent(TestModel(), name="outer")

    @outer.tool
    async def ask(ctx: RunContext[None], question: str) -> str:
        with suppress(UsageLimitExceeded):
            await inner.run(question, usage=ctx.usage, usage_limits=UsageLimits(request_limit=1))
        return "no"

    run(outer)
    assert "gen_ai.usage.input_tokens" not in only(telemetry, "invoke_agent inner").attributes
    assert tokens(telemetry, "input")[0] == 2
    assert (
        tokens(telemetry, "input")[1] == only(telemetry, "invoke_agent outer").attributes["gen_ai.usage.input_tokens"]
    )


@pytest.mark.parametrize(
    ("error", "status"),
    [(ModelHTTPError(400, "m", {"a": "secret"}), "failed"), (UnexpectedModelBehavior("secret"), "failed")],
)
def test_an_error_of_the_model_fails_call_and_run_and_counts_once(telemetry, error, status):
    """Its type stands on both, its words nowhere."""

    def broken(messages: Any, info: Any) -> ModelResponse:
        raise error

    with pytest.raises(type(error)):
        run(Agent(FunctionModel(broken), name="bot"))
    assert {span.attributes["error.type"] for span in telemetry.spans()} == {type(error).__name__}
    assert only(telemetry, "invoke_agent bot").attributes["agent.status"] == status
    assert telemetry.metric("agent.errors") == {(("error_type", type(error).__name__),): 1}
    assert "secret" not in str([span.to_json() for span in telemetry.spans()])


def test_a_limit_that_is_reached_fails_the_run(telemetry):
    """``UsageLimitExceeded`` is the run's, no model call is made for it."""
    with pytest.raises(UsageLimitExceeded):
        run(Agent(TestModel(), name="bot"), usage_limits=UsageLimits(request_limit=0))
    assert tree(telemetry) == ["invoke_agent bot"]
    assert telemetry.spans()[0].attributes["error.type"] == "UsageLimitExceeded"


def test_a_second_model_that_answers_gives_the_call_its_name(telemetry):
    """A ``FallbackModel`` says at the end who has answered; the agent has no one model."""

    def broken(messages: Any, info: Any) -> ModelResponse:
        raise ModelHTTPError(503, "m")

    run(Agent(FallbackModel(FunctionModel(broken), TestModel()), name="bot"))
    call = only(telemetry, "chat test").attributes
    assert call["gen_ai.request.model"] == "test"
    assert "error.type" not in call
    assert "gen_ai.request.model" not in only(telemetry, "invoke_agent bot").attributes
    assert tokens(telemetry, "input") == (1, 51)


@pytest.mark.parametrize("way", ["iter", "stream"])
def test_all_ways_to_run_give_the_same_tree(telemetry, way):
    """Node by node, and streamed."""

    async def program():
        agent = Agent(TestModel(call_tools="all"), name="bot")

        @agent.tool_plain
        def tool() -> str:
            return "x"

        if way == "iter":
            async with agent.iter("Hello") as nodes:
                async for _ in nodes:
                    pass
        else:
            async with agent.run_stream("Hello") as result:
                await result.get_output()

    asyncio.run(program())
    assert tree(telemetry) == ["invoke_agent bot", "  chat test", "  execute_tool tool", "  chat test"]
    streamed = [
        span.attributes.get("gen_ai.request.stream", False) for span in telemetry.spans() if span.name[0] == "c"
    ]
    if Version("2.68") <= INSTALLED:  # earlier ones do not say so, only the SDK underneath does
        assert streamed == [way == "stream"] * 2


def test_a_stream_whose_reader_leaves_early_is_ended_with_what_is_known(telemetry):
    """The tokens so far count, it is no error, and nothing is left in the context of the program."""

    async def words(messages: Any, info: Any) -> Any:
        for word in ("It ", "is ", "sunny"):
            yield word

    async def program():
        before = context.get_current()
        async with Agent(FunctionModel(stream_function=words), name="bot").run_stream("Hello") as result:
            async for _ in result.stream_text(delta=True, debounce_by=None):
                break
        assert context.get_current() == before

    with suppress(RuntimeError):  # versions before 2 do not survive this themselves
        asyncio.run(program())
    assert sorted(span.name for span in telemetry.spans()) == ["chat function::words", "invoke_agent bot"]
    assert not telemetry.metric("agent.errors")


def test_tools_of_one_answer_are_beside_one_another(telemetry):
    """Also where the library wraps them into a span of its own."""

    def two(messages: Any, info: Any) -> ModelResponse:
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart("tool", {}, f"call-{number}") for number in (1, 2)])

    agent = Agent(FunctionModel(two), name="bot")

    @agent.tool_plain
    def tool() -> str:
        return "x"

    run(agent)
    assert [line for line in tree(telemetry) if "tool" in line] == ["  execute_tool tool"] * 2
    ids = {span.attributes.get("gen_ai.tool.call.id") for span in telemetry.spans() if "tool" in span.name}
    assert ids == {"call-1", "call-2"}


@from_version("1.90")
def test_a_conversation_goes_on_with_the_message_history(telemetry):
    """The id is the library's: the same in a run that continues another one."""
    agent = Agent(TestModel(), name="bot")

    async def program():
        first = await agent.run("Hello")
        await agent.run("You there?", message_history=first.all_messages())

    asyncio.run(program())
    found = {span.attributes["gen_ai.conversation.id"] for span in telemetry.spans()}
    assert len(found) == 1


def test_content_of_a_run_is_what_was_new_in_it():
    """Messages of earlier runs are not asked again; system prompt, question and answer are there."""
    agent = Agent(TestModel(), name="bot", instructions="Be brief", system_prompt="You are a bot")

    async def program():
        first = await agent.run("Hello")
        await agent.run("You there?", message_history=first.all_messages())

    with testing.recording(CONTENT_ON, [ADAPTER]) as telemetry:
        asyncio.run(program())
        first, second = [span.attributes for span in telemetry.spans() if span.name == "invoke_agent bot"]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "success (no tool calls)"}]}]
    asked = json.loads(first["gen_ai.input.messages"])
    assert [part["content"] for message in asked for part in message["parts"]] == ["You are a bot", "Hello"]
    assert json.loads(first["gen_ai.output.messages"]) == answer
    assert json.loads(first["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief"}]
    again = json.loads(second["gen_ai.input.messages"])
    assert again == [{"role": "user", "parts": [{"type": "text", "content": "You there?"}]}]
    assert json.loads(second["gen_ai.output.messages"]) == answer


def test_an_answer_that_is_no_text_is_the_result():
    """An agent with an output type answers with its output."""
    with testing.recording(CONTENT_ON, [ADAPTER]) as telemetry:
        run(Agent(TestModel(custom_output_args={"x": 3}), output_type=Point, name="bot"))
        (said,) = json.loads(only(telemetry, "invoke_agent bot").attributes["gen_ai.output.messages"])
    assert json.loads(said["parts"][0]["content"]) == {"x": 3}


@from_version("2")
def test_embeddings_are_model_calls(telemetry):
    """Embedders are switched on too."""
    from pydantic_ai import Embedder
    from pydantic_ai.embeddings.test import TestEmbeddingModel

    asyncio.run(Embedder(TestEmbeddingModel()).embed_query("secret"))
    (span,) = telemetry.spans()
    assert span.name == "embeddings test"
    assert span.attributes["gen_ai.embeddings.dimension.count"] == 8
    assert tokens(telemetry, "input") == (1, 1)
    assert "secret" not in span.to_json()


# --- the switch, and who sets it ---


def test_spans_that_the_users_own_settings_make_are_adopted(telemetry):
    """Settings of the user's with content do not let content out, nor give a second span."""
    Agent.instrument_all(InstrumentationSettings(include_content=True))
    run(Agent(TestModel(), name="bot"), "secret")
    assert tree(telemetry) == ["invoke_agent bot", "  chat test"]
    assert "secret" not in str([span.to_json() for span in telemetry.spans()])


@pytest.mark.filterwarnings("ignore:Instrumentation format versions")
def test_an_older_format_that_the_user_asks_for_is_understood():
    """Format 2 has other names for spans and attributes."""
    Agent.instrument_all(InstrumentationSettings(version=2))
    agent = Agent(TestModel(), name="bot")

    @agent.tool_plain
    def tool(x: int) -> str:
        return f"found {x}"

    with testing.recording(CONTENT_ON, [ADAPTER]) as telemetry:
        run(agent)
        assert tree(telemetry) == ["invoke_agent bot", "  chat test", "  execute_tool tool", "  chat test"]
        called = only(telemetry, "execute_tool tool").attributes
    assert json.loads(called["gen_ai.tool.call.arguments"]) == {"x": 0}
    assert json.loads(called["gen_ai.tool.call.result"]) == "found 0"


def test_an_agent_whose_user_wants_no_spans_has_none(telemetry):
    """``instrument = False`` of an agent is a decision, and it is the user's."""
    agent = Agent(TestModel(), name="bot")
    agent.instrument = False
    run(agent)
    assert not telemetry.spans()


class Owner:
    """Stands for a class of the library that can be switched on."""

    _instrument_default: Any = False
    settings: Any = None

    @classmethod
    def instrument_all(cls, settings):
        cls.settings = settings


@pytest.mark.parametrize("own", [True, InstrumentationSettings(include_content=False)])
def test_what_the_user_has_switched_on_before_is_left_alone(own):
    """Our settings come at the import, or later: then they find the user's."""

    class Mine(Owner):
        _instrument_default = own

    module = SimpleNamespace(Agent=Mine, InstrumentationSettings=InstrumentationSettings)
    pydantic_ai.enable(module, SimpleNamespace(wants_content=True))
    assert Mine.settings is None


@pytest.mark.parametrize("wants_content", [False, True])
def test_content_is_collected_where_it_is_recorded(wants_content):
    """Without, the library does not even put it together; bytes of files never."""
    module = SimpleNamespace(Agent=type("Mine", (Owner,), {}), InstrumentationSettings=InstrumentationSettings)
    pydantic_ai.enable(module, SimpleNamespace(wants_content=wants_content))
    settings = module.Agent.settings
    assert isinstance(settings, InstrumentationSettings)
    assert settings.include_content is wants_content
    assert settings.include_binary_content is False
    assert getattr(settings, "include_model_request_parameters", False) is False


@pytest.mark.parametrize("environment", [{}, CONTENT_ON])
def test_a_history_that_the_program_changes_in_place_is_no_reason_to_warn(environment):
    """The library warns of that only where it is instrumented: nobody may hear of it because of us."""
    agent = Agent(TestModel(), name="bot")

    @agent.tool
    def change(ctx: RunContext[None]) -> str:
        ctx.messages[0].parts[0].content = "another question"
        return "done"

    with testing.recording(environment, [ADAPTER]) as telemetry:
        run(agent)
        assert tree(telemetry)[-1] == "  chat test"


@pytest.mark.parametrize("wants_content", [False, True])
def test_messages_are_put_together_only_while_content_is_wanted(wants_content):
    """It is the most expensive part of instrumentation, and grows with the conversation."""
    put_together = []

    class Library:
        def __init__(self, **_: Any) -> None:
            """Take whatever is asked for."""

        def handle_messages(self, *args: Any, **kwargs: Any) -> None:
            put_together.append((args, kwargs))

        def messages_to_otel_messages(self, messages: list[str]) -> list[str]:
            return messages

    module = SimpleNamespace(Agent=type("Mine", (Owner,), {}), InstrumentationSettings=Library)
    pydantic_ai.enable(module, SimpleNamespace(wants_content=wants_content))
    module.Agent.settings.handle_messages("in", parameters=1, message_json_cache={})
    assert put_together == ([(("in",), {"parameters": 1})] if wants_content else [])
    assert module.Agent.settings.messages_to_otel_messages(["m"]) == (["m"] if wants_content else [])


def test_a_version_that_refuses_all_formats_gets_its_own_default():
    """What comes after the newest format is unknown."""

    class Settings:
        def __init__(self, version: int = 9) -> None:
            if version != 9:
                raise ValueError(version)

    module = SimpleNamespace(Agent=type("Mine", (Owner,), {}), InstrumentationSettings=Settings)
    pydantic_ai.enable(module, SimpleNamespace(wants_content=False))
    assert isinstance(module.Agent.settings, Settings)


# --- the map alone ---


@pytest.mark.parametrize(
    ("name", "attributes", "kind"),
    [
        ("agent run", {"agent_name": "bot"}, AgentRun),
        ("running tool", {"gen_ai.tool.name": "f"}, ToolCall),
        ("running output function", {"gen_ai.tool.name": "f"}, ToolCall),
        ("waiting for model concurrency", {}, Step),
        ("image_generation draw", {"gen_ai.operation.name": "image_generation"}, ModelCall),
        ("decide gpt", {"gen_ai.operation.name": "decide"}, type(None)),
        ("model request attempt gpt", {"gen_ai.request.model": "gpt"}, type(None)),
        ("user speech", {"pydantic_ai.realtime": True}, type(None)),
    ],
)
def test_each_span_of_the_library_is_what_it_is(name, attributes, kind):
    """Names of all formats; what is none of the conventions' operations stays the library's own span."""
    assert type(pydantic_ai.start(NativeSpan(name, "internal", attributes))) is kind


def test_the_wrapper_around_tools_is_left_out():
    """It says nothing that the tools do not say."""
    assert pydantic_ai.start(NativeSpan("running tools", "internal", {})) is SUPPRESSED


@pytest.mark.parametrize(("model", "shown"), [("gpt-5", "gpt-5"), ("no-model", None), ("fallback:a,b", None)])
def test_a_run_has_the_model_of_an_agent_that_has_exactly_one(model, shown):
    """``gen_ai.request.model`` of an agent is for agents with one model."""
    started = pydantic_ai.start(NativeSpan("invoke_agent bot", "internal", {"model_name": model}))
    assert started.request_model == shown


@pytest.mark.parametrize("history", ["[", "[]", "7", '[{"role": "user"}]', "x"])
@pytest.mark.parametrize("before", [0, 1, 2, 99, -1, "x"])
def test_a_history_of_any_shape_gives_messages(history, before):
    """A library's half-written attribute is no reason to lose the rest."""
    run = AgentRun(name="bot")
    said = {"pydantic_ai.all_messages": history, "pydantic_ai.new_message_index": before, "final_result": "done"}
    pydantic_ai.end(run, NativeSpan("invoke_agent bot", "internal", said))
    assert isinstance(run.input_messages(), list)
    assert run.output_messages()[0]["parts"][0]["content"] == "done"
