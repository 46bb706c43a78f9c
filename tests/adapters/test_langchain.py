"""The langchain adapter against the installed LangChain, LangGraph and deepagents: models in memory and over HTTP."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, before_model
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.language_models.llms import LLM, BaseLLM
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    ChatResult,
    Generation,
    GenerationChunk,
    LLMResult,
)
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough, chain
from langchain_core.tools import InjectedToolArg, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from opentelemetry import context, trace

from agentotel import testing
from agentotel.adapters.langchain import ADAPTER
from agentotel.patching import patch_adapter

patch_adapter(ADAPTER)

WITH_CONTENT = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
QUESTION = {"messages": [("user", "What is the weather in Bern?")]}


# --- what the tests share ---


@pytest.fixture
def telemetry():
    """Record everything, content included."""
    with testing.recording(WITH_CONTENT) as recorded:
        yield recorded


@pytest.fixture(params=["sync", "async"])
def call(request):
    """Return a function that calls a method of a runnable, or its async twin, for its result or its pieces."""

    async def in_async(runnable, method, *args, **kwargs):
        if method == "stream":
            return [piece async for piece in runnable.astream(*args, **kwargs)]
        return await getattr(runnable, f"a{method}")(*args, **kwargs)

    def in_sync(runnable, method, *args, **kwargs):
        result = getattr(runnable, method)(*args, **kwargs)
        return list(result) if method == "stream" else result

    if request.param == "sync":
        return in_sync
    return lambda *args, **kwargs: asyncio.run(in_async(*args, **kwargs))


def tree(telemetry):
    """Return the spans as nested pairs of name and children, in the order of starting."""
    spans = sorted(telemetry.spans(), key=lambda span: span.start_time)
    known = {span.context.span_id for span in spans}

    def inside(parent):
        return [
            (span.name, inside(span.context.span_id))
            for span in spans
            if (span.parent.span_id if span.parent and span.parent.span_id in known else None) == parent
        ]

    return inside(None)


def content_of(span, attribute):
    """Return an attribute that holds JSON."""
    return json.loads(span.attributes[attribute])


def said(span, attribute="gen_ai.output.messages"):
    """Return the texts in the messages of a span."""
    parts = [part for message in content_of(span, attribute) for part in message["parts"]]
    return [part["content"] for part in parts if part["type"] == "text"]


def usage(sent, received, **details):
    """Return the tokens of an answer in LangChain's form."""
    return {"input_tokens": sent, "output_tokens": received, "total_tokens": sent + received, **details}


class Scripted(BaseChatModel):
    """A chat model of a program's own, without any SDK: gives the answers of a script, one after another."""

    answers: list[Any]
    model_name: str = "script-1"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[{"type": "function", "function": {"name": found.name}} for found in tools], **kwargs)

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return ChatResult(generations=[ChatGeneration(message=answer)])


class Streaming(Scripted):
    """The same, able to stream: gives the pieces of the next answer, all at once where it is not asked to stream."""

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        for piece in self.answers.pop(0):
            if isinstance(piece, BaseException):
                raise piece
            yield ChatGenerationChunk(message=piece)


def wants(name, /, **arguments):
    """Return an answer that calls a tool."""
    call = {"name": name, "args": arguments, "id": f"call_{name}", "type": "tool_call"}
    return AIMessage(
        "", tool_calls=[call], usage_metadata=usage(10, 2), response_metadata={"finish_reason": "tool_calls"}
    )


def answers(text):
    """Return an answer in words."""
    return AIMessage(text, usage_metadata=usage(20, 3), response_metadata={"finish_reason": "stop"}, id="answer-1")


def pieces(*texts, **last):
    """Return an answer in pieces."""
    found = [AIMessageChunk(text) for text in texts]
    return [
        *found,
        AIMessageChunk("", usage_metadata=usage(20, 3), response_metadata={"finish_reason": "stop"}, **last),
    ]


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"sunny in {city}"


def weather_agent(tools=(get_weather,), answer="It is sunny.", **options):
    """Return an agent that calls its tool once and answers."""
    model = Scripted(answers=[wants("get_weather", city="Bern"), answers(answer)])
    return create_agent(model, list(tools), name=options.pop("name", "Weather"), **options)


WEATHER = [("chat script-1", []), ("execute_tool get_weather", []), ("chat script-1", [])]


class Shelf(BaseRetriever):
    """A retriever that finds one document."""

    k: int = 3

    def _get_relevant_documents(self, query, *, run_manager):
        if query == "broken":
            raise LookupError(query)
        return [Document("about " + query, id="doc-1", metadata={"score": 0.5, "page": 7})]


def rag(*texts, name=None):
    """Return a chain that looks something up and asks a model."""
    model = Streaming(answers=[pieces(text) for text in texts])
    prompt = ChatPromptTemplate.from_template("{context} {question}")
    found = {"context": Shelf(), "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
    return found if name is None else found.with_config(run_name=name)


# --- patching ---


def test_all_targets_of_imported_modules_are_patched():
    """No target is missing in this version of LangChain, but for optional ones."""
    states = {report.target: report.status for report in patch_adapter(ADAPTER) if not report.optional}
    assert "failed" not in states.values()
    assert "missing" not in states.values()
    assert states["langgraph.pregel.main:Pregel.stream"] == "patched"


# --- agents ---


@pytest.mark.parametrize("method", ["invoke", "stream"])
def test_an_agent_run_is_one_tree_with_exact_tokens(call, telemetry, method):
    """An agent run is its model calls and tools in order, with the tokens of all of them, however it is called."""
    call(weather_agent(), method, QUESTION)
    assert tree(telemetry) == [("invoke_agent Weather", WEATHER)]
    run = telemetry.span("invoke_agent Weather")
    assert (run.attributes["gen_ai.usage.input_tokens"], run.attributes["gen_ai.usage.output_tokens"]) == (30, 5)
    assert run.attributes["agent.message.length"] == len("What is the weather in Bern?")
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 35
    assert telemetry.metric("agent.requests") == {(("agent_name", "Weather"), ("status", "success")): 1}


@pytest.mark.parametrize("mode", ["values", "updates", "messages", ["updates", "messages"], "custom"])
def test_an_agent_says_the_same_in_all_modes_of_streaming(call, telemetry, mode):
    """What an agent was asked and has answered is on its span, whatever its stream shows to the program."""
    call(weather_agent(), "stream", QUESTION, stream_mode=mode)
    run = telemetry.span("invoke_agent Weather")
    assert said(run, "gen_ai.input.messages") == ["What is the weather in Bern?"]
    assert said(run) == ["It is sunny."]


def test_events_of_an_agent_are_one_run(telemetry):
    """``astream_events`` of an agent is one run like any other."""

    async def program():
        return [event async for event in weather_agent().astream_events(QUESTION, version="v2")]

    asyncio.run(program())
    assert tree(telemetry) == [("invoke_agent Weather", WEATHER)]


def test_a_batch_of_agent_runs_is_one_run_per_input(call, telemetry):
    """Each input of a batch of an agent is a run, and a trace, of its own."""
    model = Scripted(answers=[answers("one"), answers("two")])
    call(create_agent(model, [], name="Bot"), "batch", [QUESTION, QUESTION], {"max_concurrency": 1})
    assert tree(telemetry) == [("invoke_agent Bot", [("chat script-1", [])])] * 2


@pytest.mark.parametrize(
    ("config", "conversation"),
    [
        ({"configurable": {"thread_id": "thread-7"}}, "thread-7"),
        ({"configurable": {"thread_id": 7}}, "7"),
        ({"configurable": {"session_id": "session-7"}}, "session-7"),
        ({"metadata": {"conversation_id": "talk-7"}}, "talk-7"),
    ],
)
def test_the_conversation_is_on_all_spans_of_a_run(telemetry, config, conversation):
    """The thread, session or conversation of the configuration is on the run and on everything inside."""
    weather_agent().invoke(QUESTION, config)
    assert {span.attributes["gen_ai.conversation.id"] for span in telemetry.spans()} == {conversation}


def test_who_a_run_is_for_is_read_from_its_configuration(telemetry):
    """A user and a tenant that the program puts into the configuration are on the spans."""
    weather_agent().invoke(QUESTION, {"configurable": {"user_id": "user-7", "tenant_id": "shop"}})
    assert {(span.attributes["user.id"], span.attributes["tenant.id"]) for span in telemetry.spans()} == {
        ("user-7", "shop")
    }


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("Weather", {}, "invoke_agent Weather"),
        ("Weather", {"run_name": "Morning"}, "invoke_agent Morning"),
        (None, {"run_name": "Morning"}, "invoke_agent Morning"),
        (None, {}, "invoke_agent LangGraph"),
    ],
)
def test_an_agent_is_called_as_the_program_calls_it(telemetry, name, config, expected):
    """The name that the program gives to a run goes before that of the agent."""
    create_agent(Scripted(answers=[answers("Hi")]), [], name=name).invoke(QUESTION, config)
    assert tree(telemetry)[0][0] == expected


def test_tools_that_run_side_by_side_stay_inside_their_run(call, telemetry):
    """Two tools that a model calls at once are both inside the run, each with the id of its call."""
    both = AIMessage(
        "", tool_calls=[{"name": "get_weather", "args": {"city": city}, "id": city} for city in ("A", "B")]
    )
    model = Scripted(answers=[both, answers("Both sunny.")])
    call(create_agent(model, [get_weather], name="Weather"), "invoke", QUESTION)
    tools = [span for span in telemetry.spans() if span.name.startswith("execute_tool")]
    assert {span.attributes["gen_ai.tool.call.id"] for span in tools} == {"A", "B"}
    assert {span.parent.span_id for span in tools} == {telemetry.span("invoke_agent Weather").context.span_id}


def test_runs_in_threads_do_not_mix(telemetry):
    """Runs in several threads at the same time have a trace each."""
    met = threading.Barrier(4)

    @tool("get_weather")
    def meet(city: str) -> str:
        """Wait until all runs are here."""
        met.wait(20)
        return "sunny"

    threads = [
        threading.Thread(target=weather_agent([meet], name=f"W{number}").invoke, args=(QUESTION,))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tree(telemetry)) == [(f"invoke_agent W{number}", WEATHER) for number in range(4)]


def test_runs_of_one_loop_do_not_mix(telemetry):
    """Runs of one event loop at the same time have a trace each, though they wait inside of each other."""
    arrived = []

    async def program():
        all_here = asyncio.Event()

        @tool("get_weather")
        async def meet(city: str) -> str:
            """Wait until all runs are here."""
            arrived.append(city)
            if len(arrived) == 3:
                all_here.set()
            await all_here.wait()
            return "sunny"

        await asyncio.gather(*(weather_agent([meet], name=f"W{number}").ainvoke(QUESTION) for number in range(3)))

    asyncio.run(program())
    assert sorted(tree(telemetry)) == [(f"invoke_agent W{number}", WEATHER) for number in range(3)]


def test_the_consumer_of_a_stream_is_not_inside_the_run(telemetry):
    """Between the pieces of a stream nothing of the run is current, so what the program does there is its own."""
    before = context.get_current()
    for _ in weather_agent().stream(QUESTION):
        assert context.get_current() == before
    model = Streaming(answers=[pieces("It ", "is ", "sunny.")])
    for _ in model.stream("hi"):
        assert context.get_current() == before
    for _ in rag("It ").stream("hi"):
        assert context.get_current() == before


def test_an_agent_inside_of_async_code_leaves_nothing_current(telemetry):
    """After each way to run something async, the context of the task is what it was."""

    async def program():
        before = context.get_current()
        await weather_agent().ainvoke(QUESTION)
        assert context.get_current() == before
        await Shelf().ainvoke("x")
        assert context.get_current() == before
        async for _ in rag("It").astream("x"):
            assert context.get_current() == before
        await get_weather.ainvoke({"city": "Bern"})
        assert context.get_current() == before

    asyncio.run(program())
    assert len(tree(telemetry)) == 4


def test_what_a_tool_does_is_inside_its_span(call, telemetry):
    """The span of the tool is current in the tool, also where an async agent runs a sync tool in a thread."""
    current = []

    @tool("get_weather")
    def look(city: str) -> str:
        """Look which span is current."""
        current.append(trace.get_current_span().get_span_context().span_id)
        return "sunny"

    call(weather_agent([look]), "invoke", QUESTION)
    assert current == [telemetry.span("execute_tool get_weather").context.span_id]


# --- graphs, sub-agents, middleware ---


def test_other_graphs_are_workflows_with_their_agents_inside(call, telemetry):
    """A graph without tools is a workflow; an agent that is one of its nodes keeps its own name."""
    graph = StateGraph(MessagesState)
    graph.add_node("first", weather_agent(name="Weather"))
    graph.add_node("last", lambda _: {"messages": [Scripted(answers=[answers("Bye")]).invoke("x")]})
    graph.add_edge(START, "first")
    graph.add_edge("first", "last")
    call(graph.compile(name="Trip"), "invoke", QUESTION)
    assert tree(telemetry) == [("invoke_workflow Trip", [("invoke_agent Weather", WEATHER), ("chat script-1", [])])]
    workflow = telemetry.span("invoke_workflow Trip")
    assert said(workflow) == ["Bye"]
    assert workflow.attributes["gen_ai.usage.input_tokens"] == 50


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # langgraph-prebuilt 1.0 warns of a name of its own
def test_a_graph_in_which_a_model_has_tools_is_an_agent(telemetry):
    """A loop of a model and a tool node that the program has built itself is an agent."""
    from langgraph.prebuilt import ToolNode, tools_condition

    model = Scripted(answers=[wants("get_weather", city="Bern"), answers("Sunny.")])
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([get_weather]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    graph.compile(name="Loop").invoke(QUESTION)
    assert tree(telemetry) == [("invoke_agent Loop", WEATHER)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # it is to be replaced by create_agent
@pytest.mark.parametrize("tools", [[], [get_weather]])
def test_agents_made_by_create_react_agent_are_agents(telemetry, tools):
    """The older way to make an agent gives one as well, with tools or without."""
    from langgraph.prebuilt import create_react_agent

    create_react_agent(Scripted(answers=[answers("Hi")]), tools, name="React").invoke(QUESTION)
    assert tree(telemetry) == [("invoke_agent React", [("chat script-1", [])])]


def test_sub_agents_that_are_tools_nest(call, telemetry):
    """An agent that a tool of another agent runs is inside that tool, and its tokens are counted for both."""
    inner = weather_agent(name="Weather")

    @tool
    def ask_weather(city: str) -> str:
        """Ask the other agent."""
        return inner.invoke(QUESTION)["messages"][-1].content

    boss = create_agent(
        Scripted(answers=[wants("ask_weather", city="Bern"), answers("Sunny!")]), [ask_weather], name="Boss"
    )
    call(boss, "invoke", QUESTION)
    nested = ("execute_tool ask_weather", [("invoke_agent Weather", WEATHER)])
    assert tree(telemetry) == [("invoke_agent Boss", [("chat script-1", []), nested, ("chat script-1", [])])]
    assert telemetry.span("invoke_agent Boss").attributes["gen_ai.usage.input_tokens"] == 60
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 70


def test_sub_agents_of_deepagents_nest(call, telemetry):
    """The task tool of a deep agent holds the run of its sub-agent; middleware that deepagents adds is not shown."""
    deepagents = pytest.importorskip("deepagents")
    task = wants("task", description="Find the weather.", subagent_type="forecaster")
    inner = Scripted(answers=[wants("get_weather", city="Bern"), answers("Sunny.")])
    forecaster = {
        "name": "forecaster",
        "description": "Knows the weather.",
        "system_prompt": "You know it.",
        "tools": [get_weather],
        "model": inner,
    }
    boss = deepagents.create_deep_agent(
        Scripted(answers=[task, answers("It is sunny.")]), [], name="Boss", subagents=[forecaster]
    )
    call(boss, "invoke", QUESTION, {"configurable": {"thread_id": "t"}})
    inner_name = (
        "forecaster" if "invoke_agent forecaster" in str(tree(telemetry)) else "LangGraph"
    )  # older ones give none
    nested = ("execute_tool task", [(f"invoke_agent {inner_name}", WEATHER)])
    shown = without_steps(tree(telemetry))  # older ones add a step that the program could have added itself
    assert shown == [("invoke_agent Boss", [("chat script-1", []), nested, ("chat script-1", [])])]
    assert {span.attributes["gen_ai.conversation.id"] for span in telemetry.spans()} == {"t"}
    assert said(telemetry.span(f"invoke_agent {inner_name}"), "gen_ai.input.messages") == ["Find the weather."]


def without_steps(nodes):
    """Return a tree without LangChain's own middleware that sums up long conversations."""
    return [(name, without_steps(inner)) for name, inner in nodes if not name.startswith("SummarizationMiddleware")]


class Look(AgentMiddleware):
    """Middleware of a program's own, in three places."""

    def before_agent(self, state, runtime):
        Scripted(answers=[answers("hm")]).invoke("What is this about?")

    def before_model(self, state, runtime):
        """Do nothing."""

    def after_model(self, state, runtime):
        """Do nothing."""


def test_middleware_of_the_program_is_a_step(call, telemetry):
    """Hooks around agent and model are steps, with what they do inside; nothing else of the graph is shown."""
    model = Scripted(answers=[answers("Hi")])
    call(create_agent(model, [], name="Bot", middleware=[Look()]), "invoke", QUESTION)
    chat = ("chat script-1", [])
    steps = [("Look.before_agent", [chat]), ("Look.before_model", []), chat, ("Look.after_model", [])]
    assert tree(telemetry) == [("invoke_agent Bot", steps)]


def test_functions_made_into_middleware_are_steps_also_in_streams(call, telemetry):
    """A function with a decorator of LangChain's is a step under its name, in a stream of messages as well."""

    @before_model
    def look(state, runtime):
        """Do nothing."""

    agent = create_agent(Scripted(answers=[answers("Hi")]), [], name="Bot", middleware=[look])
    call(agent, "stream", QUESTION, stream_mode="messages")
    steps = [("look.before_model", []), ("chat script-1", [])]
    assert tree(telemetry) == [("invoke_agent Bot", steps)]


def test_a_pause_for_a_human_is_no_failure(call, telemetry):
    """A tool that waits for a human is cancelled, not failed, its run is a success; it goes on in a run of its own."""

    @tool("get_weather")
    def ask(city: str) -> str:
        """Ask a human."""
        return interrupt("Shall I look?")

    agent, config = weather_agent([ask], checkpointer=InMemorySaver()), {"configurable": {"thread_id": "t"}}
    call(agent, "invoke", QUESTION, config)
    call(agent, "invoke", Command(resume="yes"), config)
    tool_call = ("execute_tool get_weather", [])
    chat = ("chat script-1", [])
    assert tree(telemetry) == [("invoke_agent Weather", [chat, tool_call]), ("invoke_agent Weather", [tool_call, chat])]
    statuses = {dict(key)["status"]: count for key, count in telemetry.metric("agent.tool.calls").items()}
    assert statuses == {"cancelled": 1, "success": 1}
    assert telemetry.metric("agent.requests") == {(("agent_name", "Weather"), ("status", "success")): 2}
    assert not telemetry.metric("agent.errors")


def test_a_hand_off_is_no_failure(call, telemetry):
    """An agent whose tool hands over to another agent of the graph has ended well."""

    @tool
    def hand_over() -> Command:
        """Hand over."""
        return Command(
            goto="second",
            graph=Command.PARENT,
            update={"messages": [ToolMessage("over", tool_call_id="call_hand_over")]},
        )

    first = create_agent(Scripted(answers=[wants("hand_over")]), [hand_over], name="first")
    second = create_agent(Scripted(answers=[answers("Here I am.")]), [], name="second")
    graph = StateGraph(MessagesState)
    graph.add_node("first", first, destinations=("second",))
    graph.add_node("second", second)
    graph.add_edge(START, "first")
    call(graph.compile(name="Team"), "invoke", QUESTION)
    chat = ("chat script-1", [])
    team = [("invoke_agent first", [chat, ("execute_tool hand_over", [])]), ("invoke_agent second", [chat])]
    assert tree(telemetry) == [("invoke_workflow Team", team)]
    statuses = {dict(key)["status"] for key in telemetry.metric("agent.requests")}
    assert statuses == {"success"}
    assert not telemetry.metric("agent.errors")


@pytest.mark.parametrize("method", ["invoke", "stream"])
def test_the_agent_executor_of_langchain_classic_is_an_agent(call, telemetry, method):
    """An agent of the kind that LangChain had before LangGraph is one run, with its calls and tools inside."""
    agents = pytest.importorskip("langchain_classic.agents")
    prompt = ChatPromptTemplate.from_messages([("user", "{input}"), ("placeholder", "{agent_scratchpad}")])
    model = Scripted(answers=[wants("get_weather", city="Bern"), answers("It is sunny.")])
    agent = agents.create_tool_calling_agent(model, [get_weather], prompt)
    executor = agents.AgentExecutor(agent=agent, tools=[get_weather], stream_runnable=False)
    call(executor, method, {"input": "Weather?"}, {"run_name": "Old", "configurable": {"session_id": "s"}})
    assert tree(telemetry) == [("invoke_agent Old", WEATHER)]
    run = telemetry.span("invoke_agent Old")
    assert (said(run, "gen_ai.input.messages"), said(run)) == (["Weather?"], ["It is sunny."])
    assert run.attributes["agent.message.length"] == len("Weather?")


def test_graphs_of_the_functional_interface_are_workflows(telemetry):
    """An entry point made of a function is a workflow under the function's name; its tasks are plumbing."""

    @task
    def ask(question):
        return Scripted(answers=[answers("Hi")]).invoke(question).content

    @entrypoint()
    def greet(question):
        return ask(question).result()

    assert greet.invoke("hello") == "Hi"
    assert tree(telemetry) == [("invoke_workflow greet", [("chat script-1", [])])]
    workflow = telemetry.span("invoke_workflow greet")
    assert (said(workflow, "gen_ai.input.messages"), said(workflow)) == (["hello"], ["Hi"])


# --- failures and interruptions ---


def test_an_error_of_a_tool_is_shown_where_it_happened(call, telemetry):
    """A tool that raises is failed, and so is the run that it ends; the error is counted once."""

    @tool("get_weather")
    def broken(city: str) -> str:
        """Fail."""
        raise LookupError(city)

    with pytest.raises(LookupError):
        call(weather_agent([broken]), "invoke", QUESTION)
    for name in ("execute_tool get_weather", "invoke_agent Weather"):
        assert telemetry.span(name).attributes["error.type"] == "LookupError"
    assert sum(telemetry.metric("agent.errors").values()) == 1


def test_an_error_that_a_tool_tells_the_model_is_a_failure_of_the_tool(call, telemetry):
    """A tool whose error is made into a text for the model has failed; its run has not."""

    def broken(city: str) -> str:
        """Fail."""
        raise ToolException("no such city")

    from langchain_core.tools import StructuredTool

    kind = StructuredTool.from_function(broken, name="get_weather", handle_tool_error=True)
    call(weather_agent([kind]), "invoke", QUESTION)
    assert telemetry.span("execute_tool get_weather").attributes["error.type"] == "ToolException"
    assert telemetry.span("invoke_agent Weather").attributes["agent.status"] == "success"


def test_an_error_of_a_model_is_shown_and_counted_once(call, telemetry):
    """A model that fails is failed, with the run around it, and its error is one error."""
    with pytest.raises(ConnectionError):
        call(create_agent(Scripted(answers=[ConnectionError("gone")]), [], name="Bot"), "invoke", QUESTION)
    assert telemetry.span("chat script-1").attributes["error.type"] == "ConnectionError"
    assert sum(telemetry.metric("agent.errors").values()) == 1


def test_a_run_that_fails_has_no_answer(call, telemetry):
    """What a node of a graph has returned is not the answer of the graph, if it fails later."""

    def fail(state):
        raise LookupError("lost")

    graph = StateGraph(MessagesState)
    graph.add_node("first", lambda _: {"messages": [AIMessage("half way")]})
    graph.add_node("last", fail)
    graph.add_edge(START, "first")
    graph.add_edge("first", "last")
    with pytest.raises(LookupError):
        call(graph.compile(name="Trip"), "invoke", QUESTION)
    assert "gen_ai.output.messages" not in telemetry.span("invoke_workflow Trip").attributes


def test_a_stream_that_breaks_in_the_middle_keeps_what_it_has(call, telemetry):
    """A streamed answer that ends in an error is failed, with its pieces until then."""
    broken = Streaming(answers=[[AIMessageChunk("It is "), ConnectionError("gone")]])
    with pytest.raises(ConnectionError):
        call(broken, "stream", "hi")
    span = telemetry.span("chat script-1")
    assert span.attributes["error.type"] == "ConnectionError"
    assert said(span) == ["It is "]


@pytest.mark.parametrize("what", ["tool", "retriever", "agent"])
def test_a_cancelled_operation_is_ended_as_cancelled(telemetry, what):
    """Cancelling a task ends what is open in it at once, also where LangChain tells no callback."""

    async def program():
        started = asyncio.Event()

        @tool("get_weather")
        async def wait(city: str) -> str:
            """Wait for ever."""
            started.set()
            await asyncio.Event().wait()
            return ""

        class Waiting(BaseRetriever):
            def _get_relevant_documents(self, query, *, run_manager):
                raise NotImplementedError

            async def _aget_relevant_documents(self, query, *, run_manager):
                started.set()
                await asyncio.Event().wait()
                return []

        runs = {
            "tool": lambda: wait.ainvoke({"city": "Bern"}),
            "retriever": lambda: Waiting().ainvoke("x"),
            "agent": lambda: weather_agent([wait]).ainvoke(QUESTION),
        }
        task = asyncio.create_task(runs[what]())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(program())
    ended = [span for span in telemetry.spans() if not span.name.startswith("chat")]
    assert ended
    assert {span.attributes["error.type"] for span in ended} == {"CancelledError"}
    assert not telemetry.metric("agent.errors")


def test_an_abandoned_stream_is_ended(telemetry):
    """A stream of an agent that is let go of is ended, and says so."""
    stream = weather_agent().stream(QUESTION)
    next(stream)
    del stream
    gc.collect()
    assert telemetry.span("invoke_agent Weather").attributes["agentotel.abandoned"] is True


# --- model calls ---


def test_a_model_of_ones_own_is_a_model_call(call, telemetry):
    """A chat model without any SDK gives a call with its model, tokens, id, and finish reason."""
    rich = usage(
        50, 20, input_token_details={"cache_read": 30, "cache_creation": 5}, output_token_details={"reasoning": 8}
    )
    answer = AIMessage(
        "Hi", id="msg-7", usage_metadata=rich, response_metadata={"finish_reason": "stop", "model_name": "script-1b"}
    )
    call(
        Scripted(answers=[answer]),
        "invoke",
        [("system", "Be brief."), ("user", "Hello")],
        {"configurable": {"thread_id": "t"}},
    )
    span = telemetry.span("chat script-1")
    expected = {
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "script-1",
        "gen_ai.response.model": "script-1b",
        "gen_ai.response.id": "msg-7",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_write.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 8,
    }
    found = dict(span.attributes)
    assert {name: found.get(name) for name in expected} == expected
    assert [message["role"] for message in content_of(span, "gen_ai.input.messages")] == ["system", "user"]
    assert content_of(span, "gen_ai.output.messages")[0]["finish_reason"] == "stop"


def test_tokens_as_older_integrations_report_them_are_read(call, telemetry):
    """Tokens that stand on the whole answer only, in OpenAI's words, count as well."""

    class Old(Scripted):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            found = ChatResult(generations=[ChatGeneration(message=AIMessage("Hi"))])
            found.llm_output = {"token_usage": {"prompt_tokens": 11, "completion_tokens": 4}, "model_name": "old-1"}
            return found

    call(Old(answers=[]), "invoke", "hi")
    span = telemetry.span("chat script-1")
    assert (span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.output_tokens"]) == (11, 4)
    assert span.attributes["gen_ai.response.model"] == "old-1"


def test_a_streamed_answer_is_one_call_with_all_its_tokens(call, telemetry):
    """The tokens of all pieces add up, and the answer is put together."""
    first = AIMessageChunk("It ", usage_metadata=usage(20, 1))
    rest = [
        AIMessageChunk("is.", usage_metadata=usage(0, 4)),
        AIMessageChunk("", response_metadata={"finish_reason": "stop"}),
    ]
    call(Streaming(answers=[[first, *rest]]), "stream", "hi")
    span = telemetry.span("chat script-1")
    assert (span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.output_tokens"]) == (20, 5)
    assert said(span) == ["It is."]
    assert span.attributes["gen_ai.response.time_to_first_chunk"] >= 0


def test_streaming_a_model_that_cannot_is_one_call(call, telemetry):
    """``stream`` of a model that cannot stream is one call with its tokens, not two."""
    call(Scripted(answers=[answers("Hi")]), "stream", "hi")
    assert tree(telemetry) == [("chat script-1", [])]
    assert telemetry.span("chat script-1").attributes["gen_ai.usage.input_tokens"] == 20


def test_a_batch_of_a_model_is_one_call_per_input(call, telemetry):
    """Each input of a batch of a model is a call and a trace of its own."""
    call(Scripted(answers=[answers("a"), answers("b")]), "batch", ["a", "b"], {"max_concurrency": 1})
    assert tree(telemetry) == [("chat script-1", [])] * 2


def test_several_prompts_of_one_generate_are_calls_of_their_own(telemetry):
    """``generate`` with two lists of messages is two calls of the model."""
    Scripted(answers=[answers("a"), answers("b")]).generate([[HumanMessage("a")], [HumanMessage("b")]])
    assert tree(telemetry) == [("chat script-1", [])] * 2


def test_an_answer_from_the_cache_uses_no_tokens(call, telemetry):
    """The second time an answer comes from LangChain's cache: no token is counted for it."""
    from langchain_core.caches import InMemoryCache

    model = Scripted(answers=[answers("Hi")], cache=InMemoryCache())
    call(model, "invoke", "hi")
    assert call(model, "invoke", "hi").content == "Hi"
    assert sorted(span.attributes["gen_ai.usage.input_tokens"] for span in telemetry.spans()) == [0, 20]
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 23


def test_each_try_of_a_retry_is_a_call(call, telemetry):
    """``with_retry`` at the root is one workflow with a call per try."""
    model = Scripted(answers=[ConnectionError("gone"), answers("Hi")])
    call(model.with_retry(wait_exponential_jitter=False), "invoke", "hi")
    assert tree(telemetry) == [("invoke_workflow Scripted", [("chat script-1", [])] * 2)]
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 23


def test_a_fallback_is_a_call_of_its_own(call, telemetry):
    """``with_fallbacks`` at the root is one workflow: the call that failed, and the one that answered."""
    model = Scripted(answers=[ConnectionError("gone")]).with_fallbacks(
        [Scripted(model_name="spare", answers=[answers("Hi")])]
    )
    call(model, "invoke", "hi")
    assert tree(telemetry) == [("invoke_workflow RunnableWithFallbacks", [("chat script-1", []), ("chat spare", [])])]
    assert telemetry.span("chat script-1").attributes["error.type"] == "ConnectionError"


def test_fake_models_of_langchain_are_model_calls(call, telemetry):
    """The models that LangChain has for tests are seen like all others."""
    call(FakeListChatModel(responses=["Hi"]), "invoke", "hi")
    call(FakeListChatModel(responses=["Hi"]), "stream", "hi")
    call(GenericFakeChatModel(messages=iter(["Hi you"])), "stream", "hi")
    assert [said(span) for span in telemetry.spans()] == [["Hi"], ["Hi"], ["Hi you"]]


def test_structured_output_is_only_a_model_call(telemetry):
    """A model with a parser behind it is the call of the model; under a name of the program's it is a workflow."""
    model = Scripted(answers=[answers("Hi"), answers("Hi")])
    (model | StrOutputParser()).invoke("hi")
    (model | StrOutputParser()).with_config(run_name="Greet").invoke("hi")
    chat = ("chat script-1", [])
    assert tree(telemetry) == [chat, ("invoke_workflow Greet", [chat])]


def test_a_model_is_asked_to_stream_exactly_where_the_program_asks(call):
    """Being observed does not make a model stream that would not: the requests stay what they are."""

    class Telling(Streaming):
        def _generate(self, messages, stop=None, run_manager=None, **kwargs):
            streamed.append(False)
            return ChatResult(generations=[ChatGeneration(message=answers("Hi"))])

        def _stream(self, messages, stop=None, run_manager=None, **kwargs):
            streamed.append(True)
            yield from super()._stream(messages, stop, run_manager, **kwargs)

    def program():
        agent = create_agent(Telling(answers=[pieces("Hi")]), [], name="Bot")
        call(agent, "invoke", QUESTION)
        call(agent, "stream", QUESTION, stream_mode="updates")
        call(agent, "stream", QUESTION, stream_mode="messages")

    streamed: list[bool] = []
    program()
    alone, streamed = streamed, []
    with testing.recording() as recorded:
        program()
    assert streamed == alone
    assert tree(recorded) == [("invoke_agent Bot", [("chat script-1", [])])] * 3


@pytest.mark.skipif(not hasattr(BaseChatModel, "_iter_v2_events"), reason="this version has no stream of events")
@pytest.mark.filterwarnings("ignore:.*:langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_the_events_of_a_model_are_one_call(telemetry):
    """The stream of protocol events is one call with its tokens and its answer, sync (when let go of) and async."""

    async def program():
        stream = await Streaming(answers=[pieces("It ", "is.")]).astream_events("hi", version="v3")
        return [piece async for piece in stream.text]

    assert list(Streaming(answers=[pieces("It ", "is.")]).stream_events("hi", version="v3").text) == ["It ", "is."]
    gc.collect()
    assert asyncio.run(program()) == ["It ", "is."]
    assert tree(telemetry) == [("chat script-1", [])] * 2
    for span in telemetry.spans():
        assert said(span) == ["It is."]
        assert span.attributes["gen_ai.usage.input_tokens"] == 20
        assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)


# --- completion models ---


class Completing(LLM):
    """A completion model of the simple kind."""

    @property
    def _llm_type(self) -> str:
        return "completing"

    def _call(self, prompt, stop=None, run_manager=None, **kwargs):
        return "and so on"


class CompletingWithTokens(BaseLLM):
    """A completion model that answers several prompts at once, and can stream."""

    model_name: str = "complete-1"

    @property
    def _llm_type(self) -> str:
        return "completing"

    def _generate(self, prompts, stop=None, run_manager=None, **kwargs):
        found = [[Generation(text=f"{prompt}!", generation_info={"finish_reason": "stop"})] for prompt in prompts]
        spent = {"prompt_tokens": 7 * len(prompts), "completion_tokens": 2 * len(prompts)}
        return LLMResult(generations=found, llm_output={"token_usage": spent, "model_name": "complete-1"})

    def _stream(self, prompt, stop=None, run_manager=None, **kwargs):
        yield GenerationChunk(text=prompt)
        yield GenerationChunk(text="!")


def test_a_completion_model_is_a_model_call(call, telemetry):
    """A completion model is a text completion, with what it was asked and what it said."""
    call(Completing(), "invoke", "Once")
    (span,) = telemetry.spans()
    assert span.attributes["gen_ai.operation.name"] == "text_completion"
    assert (said(span, "gen_ai.input.messages"), said(span)) == (["Once"], ["and so on"])


def test_a_completion_model_that_cannot_stream_is_one_call(call, telemetry):
    """``stream`` of a completion model that cannot stream is one call, with its tokens."""

    class Whole(CompletingWithTokens):
        _stream = BaseLLM._stream  # this is how LangChain knows that a model cannot stream

    assert call(Whole(), "stream", "Once") == ["Once!"]
    (span,) = telemetry.spans()
    assert span.attributes["gen_ai.usage.input_tokens"] == 7


def test_tokens_of_completions_are_counted_for_all_prompts(call, telemetry):
    """A batch of prompts that a completion model answers at once is one call with the tokens of all."""
    call(CompletingWithTokens(), "batch", ["a", "b"])
    (span,) = telemetry.spans()
    assert span.name == "text_completion complete-1"
    assert (span.attributes["gen_ai.usage.input_tokens"], span.attributes["gen_ai.usage.output_tokens"]) == (14, 4)
    assert said(span) == ["a!", "b!"]


def test_a_streamed_completion_is_put_together(call, telemetry):
    """The pieces of a streamed completion are one answer."""
    assert call(CompletingWithTokens(), "stream", "Once") == ["Once", "!"]
    assert said(telemetry.span("text_completion complete-1")) == ["Once!"]


# --- chains, retrievers, tools ---


@pytest.mark.parametrize("method", ["invoke", "stream"])
def test_a_chain_is_a_workflow_without_its_plumbing(call, telemetry, method):
    """A chain that the program calls is a workflow of what it looks up and asks; prompts and parsers are not shown."""
    call(rag("Fine."), method, "cats", {"configurable": {"session_id": "s"}})
    assert tree(telemetry) == [("invoke_workflow RunnableSequence", [("retrieval Shelf", []), ("chat script-1", [])])]
    workflow = telemetry.span("invoke_workflow RunnableSequence")
    assert (said(workflow, "gen_ai.input.messages"), said(workflow)) == (["cats"], ["Fine."])
    assert {span.attributes["gen_ai.conversation.id"] for span in telemetry.spans()} == {"s"}


def test_a_chain_is_called_as_the_program_calls_it(call, telemetry):
    """The run name of a chain is the name of its workflow."""
    call(rag("Fine.", name="Library"), "invoke", "cats")
    assert tree(telemetry)[0][0] == "invoke_workflow Library"


def test_a_batch_of_a_chain_is_one_workflow(call, telemetry):
    """A batch of a chain is one workflow: LangChain runs it step by step for all inputs."""
    call(rag("a", "b"), "batch", ["cats", "dogs"], {"max_concurrency": 1})
    ((name, children),) = tree(telemetry)
    assert (name, len(children)) == ("invoke_workflow RunnableSequence", 4)
    assert said(telemetry.span(name), "gen_ai.input.messages") == ["cats", "dogs"]
    assert sorted(said(telemetry.span(name))) == ["a", "b"]


def test_a_function_made_into_a_chain_is_a_workflow(call, telemetry):
    """A function with the decorator ``chain`` is a workflow under its name; chains inside are plumbing."""

    @chain
    def compare(question):
        return rag("Fine.").invoke(question)

    call(compare, "invoke", "cats")
    inside = [("retrieval Shelf", []), ("chat script-1", [])]
    (found,) = tree(telemetry)
    if sys.version_info < (3, 11) and found[1] != inside:
        # LangChain cannot hand its configuration on to tasks there: a chain inside does not know that it is.
        ((_, inside_of_chain),) = found[1]
        assert inside_of_chain == inside
    else:
        assert found == ("invoke_workflow compare", inside)


def test_a_chain_inside_of_an_agent_is_plumbing(call, telemetry):
    """A chain that a tool runs adds what it looks up and asks to the tool, and no workflow."""

    @tool("get_weather")
    def look(city: str) -> str:
        """Look it up."""
        return rag("sunny").invoke(city)

    call(weather_agent([look]), "invoke", QUESTION)
    (_, (_, looked, _)) = tree(telemetry)[0]
    assert looked == ("execute_tool get_weather", [("retrieval Shelf", []), ("chat script-1", [])])


def test_a_retrieval_has_its_documents(call, telemetry):
    """A retriever is a retrieval with how many documents were wanted and found, and which."""
    call(Shelf(), "invoke", "cats")
    span = telemetry.span("retrieval Shelf")
    assert span.attributes["gen_ai.operation.name"] == "retrieval"
    assert span.attributes["gen_ai.request.top_k"] == 3
    assert "about cats" in str(dict(span.attributes))


def test_a_retrieval_that_fails_is_failed(call, telemetry):
    """An error of a retriever is on its span."""
    with pytest.raises(LookupError):
        call(Shelf(), "invoke", "broken")
    assert telemetry.span("retrieval Shelf").attributes["error.type"] == "LookupError"


def test_a_tool_is_one_call_with_what_the_model_gave(call, telemetry):
    """A tool that is called by itself has its arguments and its result, without what LangChain injects."""

    @tool
    def look(city: str, secret: Annotated[str, InjectedToolArg]) -> str:
        """Look it up."""
        return f"sunny in {city}"

    call(look, "invoke", {"city": "Bern", "secret": "hidden"})
    span = telemetry.span("execute_tool look")
    assert content_of(span, "gen_ai.tool.call.arguments") == {"city": "Bern"}
    assert "sunny in Bern" in span.attributes["gen_ai.tool.call.result"]
    assert span.attributes["gen_ai.tool.description"] == "Look it up."


# --- beside others ---


class Handler(BaseCallbackHandler):
    """A callback handler of the program's own."""

    def __init__(self):
        self.seen = []

    def on_chain_start(self, serialized, inputs, **kwargs):
        self.seen.append(("chain", kwargs.get("name")))

    def on_chat_model_start(self, serialized, messages, **kwargs):
        self.seen.append(("chat", len(messages)))

    def on_tool_start(self, serialized, input_str, **kwargs):
        self.seen.append(("tool", serialized["name"]))

    def on_llm_end(self, response, **kwargs):
        self.seen.append(("end", response.generations[0][0].text))


def test_the_programs_own_callbacks_see_what_they_saw(call):
    """Callbacks of the program are called in the same order with the same, with and without being observed."""

    def run():
        handler = Handler()
        call(weather_agent(), "invoke", QUESTION, {"callbacks": [handler]})
        return handler.seen

    alone = run()
    with testing.recording() as recorded:
        observed = run()
    assert observed == alone
    assert ("tool", "get_weather") in observed
    assert tree(recorded) == [("invoke_agent Weather", WEATHER)]


def test_a_handler_inside_of_a_run_does_not_make_a_new_workflow(telemetry):
    """A chain that is called with callbacks of its own inside of a run is still plumbing."""
    outer = RunnableLambda(lambda question: rag("Fine.").invoke(question, {"callbacks": [Handler()]}), name="outer")
    outer.invoke("cats")
    assert tree(telemetry) == [("invoke_workflow outer", [("retrieval Shelf", []), ("chat script-1", [])])]


def test_nothing_is_recorded_of_content_while_it_is_off():
    """Not a word of questions, answers, documents and tools is in any span while content is off."""
    with testing.recording() as recorded:
        weather_agent().invoke(QUESTION)
        rag("Fine.").invoke("cats")
    words = str([dict(span.attributes) for span in recorded.spans()])
    assert not [word for word in ("Bern", "sunny", "Fine", "cats") if word in words]
