"""Spans of a library's own, recorded as operations: the stand-in behaves as a span, the recorder sees an operation."""

from __future__ import annotations

import asyncio

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

import agentotel
from agentotel import testing
from agentotel.model.contract import SUPPRESSED, Adapter, Native
from agentotel.model.operations import AgentRun, ModelCall, Step, ToolCall, Usage
from agentotel.telemetry import open_recordings

LIBRARY = "library.with.spans"


def start(span):
    """Map spans by their first word, as an adapter would."""
    kind, _, name = span.name.partition(" ")
    if kind == "agent":
        return AgentRun(name=name)
    if kind == "model":
        return ModelCall(request_model="gpt-5-mini", provider="openai")
    if kind == "tool":
        return ToolCall(name=name)
    return SUPPRESSED if kind == "plumbing" else None


def end(operation, span):
    """Complete an operation from what the library has set."""
    if isinstance(operation, ModelCall):
        operation.usage = Usage(input_tokens=span.attributes["tokens"], output_tokens=2)
    operation.attributes["events"] = len(span.events)


ADAPTER = Adapter(
    "library", "library", ">=1", "library", "adopt: it has spans", natives=(Native(LIBRARY, start, end, ("library",)),)
)


@pytest.fixture
def telemetry():
    """Record what the library does."""
    with testing.recording(adapters=[ADAPTER]) as recorded:
        yield recorded


@pytest.fixture
def tracer():
    """Return the tracer that the library gets."""
    return trace.get_tracer(LIBRARY)


def parents(telemetry):
    """Return the name of each span's parent by its own name."""
    names = {span.context.span_id: span.name for span in telemetry.spans()}
    return {span.name: names[span.parent.span_id] if span.parent else None for span in telemetry.spans()}


def test_each_span_becomes_the_span_of_its_operation(telemetry, tracer):
    """Names, kinds, the tree, tokens and the totals of the agent are those of any other operation."""
    with tracer.start_as_current_span("agent bot"):
        with tracer.start_as_current_span("model x", kind=SpanKind.INTERNAL) as span:
            span.set_attribute("tokens", 40)
        with tracer.start_as_current_span("tool search"):
            pass
    assert parents(telemetry) == {
        "chat gpt-5-mini": "invoke_agent bot",
        "execute_tool search": "invoke_agent bot",
        "invoke_agent bot": None,
    }
    assert telemetry.span("chat gpt-5-mini").kind is SpanKind.CLIENT
    assert telemetry.span("invoke_agent bot").attributes["gen_ai.usage.input_tokens"] == 40
    assert sum(count for count, _ in telemetry.metric("gen_ai.client.operation.duration").values()) == 1
    assert list(telemetry.metric("agent.requests").values()) == [1]
    assert list(telemetry.metric("agent.tool.calls").values()) == [1]


def test_what_the_library_sets_goes_to_the_adapter_only(telemetry, tracer):
    """Attributes and events of the library do not stand on the span unless the adapter puts them there."""
    with tracer.start_as_current_span("tool search", attributes={"first": 1}) as span:
        span.set_attributes({"prompt": "canary"})
        span.add_event("message", {"content": "canary"})
        span.update_name("canary")
    found = telemetry.span("execute_tool search")
    assert found.attributes["events"] == 1
    assert "canary" not in found.to_json()
    assert not found.events


def test_a_suppressed_span_passes_for_the_one_around_it(telemetry, tracer):
    """What happens inside it belongs to what is around it, and it cannot end that."""
    with tracer.start_as_current_span("agent bot") as agent, tracer.start_as_current_span("plumbing") as plumbing:
        assert plumbing.get_span_context() == agent.get_span_context()
        assert not plumbing.is_recording()
        plumbing.set_status(StatusCode.ERROR)
        plumbing.record_exception(ValueError())
        with tracer.start_as_current_span("tool search"):
            pass
    assert parents(telemetry) == {"execute_tool search": "invoke_agent bot", "invoke_agent bot": None}
    assert telemetry.span("invoke_agent bot").status.status_code is StatusCode.UNSET


def test_a_span_that_the_adapter_does_not_know_stays_as_it_is(telemetry, tracer):
    """It is a plain span inside the operation around it, with the ids of that."""
    with (
        agentotel.context(user_id="u1"),
        tracer.start_as_current_span("agent bot"),
        tracer.start_as_current_span("other", attributes={"kept": True}),
    ):
        pass
    assert parents(telemetry)["other"] == "invoke_agent bot"
    attributes = telemetry.span("other").attributes
    assert (attributes["kept"], attributes["user.id"], attributes["gen_ai.agent.name"]) == (True, "u1", "bot")


def test_an_operation_of_ours_inside_belongs_to_it(telemetry, tracer):
    """The library makes its span current without knowing of recordings; what starts inside still finds it."""
    with tracer.start_as_current_span("agent bot"):
        inner = telemetry.observer.start(ToolCall(name="mine"))
        token = inner.activate()
        with tracer.start_as_current_span("tool deeper"):
            pass
        inner.suspend(token)
        inner.stop()
    assert parents(telemetry) == {
        "execute_tool deeper": "execute_tool mine",
        "execute_tool mine": "invoke_agent bot",
        "invoke_agent bot": None,
    }
    requests = {span.attributes["request.id"] for span in telemetry.spans()}
    assert len(requests) == 1


def test_an_operation_of_ours_below_a_span_of_the_program_belongs_to_it(telemetry, tracer):
    """The program may make spans of its own in between: what is inside of them is still inside of the agent."""
    with tracer.start_as_current_span("agent bot"):
        with telemetry.tracer_provider.get_tracer("program").start_as_current_span("between"):
            assert isinstance(telemetry.observer.current(), AgentRun)
    assert telemetry.observer.current() is None


def test_a_model_call_inside_a_model_call_is_one(telemetry, tracer):
    """The lower layer's span is the upper one's, and the tokens count once."""
    outer = telemetry.observer.start(ModelCall(request_model="gpt-5-mini", provider="openai"))
    token = outer.activate()
    with tracer.start_as_current_span("model x") as span:
        span.set_attribute("tokens", 40)
        assert span.get_span_context() == outer.span.get_span_context()
    outer.suspend(token)
    outer.stop()
    assert telemetry.span("chat gpt-5-mini").attributes["gen_ai.usage.input_tokens"] == 40
    points = telemetry.metric("agent.token.usage")
    assert points[("model", "gpt-5-mini"), ("type", "input")] == (1, 40)


def test_an_exception_ends_it_as_failed(telemetry, tracer):
    """With its type; its words are content."""
    with pytest.raises(ValueError, match="canary"), tracer.start_as_current_span("tool search"):
        raise ValueError("canary")
    span = telemetry.span("execute_tool search")
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "ValueError")
    assert "canary" not in span.to_json()


def test_an_error_status_ends_it_as_failed(telemetry, tracer):
    """With the error type that the library has set, or the one for "other"."""
    for number, attributes in enumerate(({"error.type": "timeout"}, {})):
        with tracer.start_as_current_span(f"tool t{number}", attributes=attributes) as span:
            span.set_status(Status(StatusCode.ERROR, "canary"))
    assert telemetry.span("execute_tool t0").attributes["error.type"] == "timeout"
    assert telemetry.span("execute_tool t1").attributes["error.type"] == "_OTHER"
    assert "canary" not in telemetry.span("execute_tool t1").to_json()


def test_a_cancelled_task_ends_it_as_cancelled(telemetry, tracer):
    """The API does not record cancellations on a span; they are no errors, but they are told."""

    async def cancelled():
        with tracer.start_as_current_span("agent bot"):
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancelled())
    assert telemetry.span("invoke_agent bot").attributes["agent.status"] == "cancelled"
    assert telemetry.metric("agent.errors") == {}


def test_a_span_that_is_not_current_can_be_ended_by_hand(telemetry, tracer):
    """``start_span`` and ``end``, twice: the first end counts."""
    span = tracer.start_span("tool search")
    assert span.is_recording()
    assert trace.get_current_span() is trace.INVALID_SPAN
    span.end()
    span.end()
    assert not span.is_recording()
    telemetry.span("execute_tool search")


def test_an_explicit_parent_is_respected(telemetry, tracer):
    """A context given to ``start_span`` counts, not the current one."""
    agent = tracer.start_span("agent bot")
    with tracer.start_as_current_span("agent other"):
        tracer.start_span("tool search", trace.set_span_in_context(agent)).end()
    agent.end()
    assert parents(telemetry)["execute_tool search"] == "invoke_agent bot"


def test_a_decorated_coroutine_has_its_span_each_time(telemetry, tracer):
    """``start_as_current_span`` decorates functions, async ones included."""

    @tracer.start_as_current_span("tool search")
    async def search():
        return trace.get_current_span().is_recording()

    assert asyncio.run(search())
    assert asyncio.run(search())
    assert len(telemetry.spans()) == 2


def test_a_step_by_the_library_is_a_step(telemetry):
    """Any kind of operation may come out of a native span."""
    adapter = Adapter("s", "s", ">=1", "s", "adopt", natives=(Native("s", lambda span: Step(name=span.name)),))
    with testing.recording(adapters=[adapter]) as recorded, trace.get_tracer("s").start_as_current_span("guardrail"):
        pass
    assert recorded.span("guardrail").attributes["agent.step.name"] == "guardrail"
    assert telemetry.spans() == []


def test_an_exception_that_an_event_names_without_its_words_is_the_one_being_handled(telemetry, tracer):
    """A library that must not quote an exception only names its type; it still counts once, where it came from."""

    def described(span):
        span.add_event("exception", {"exception.type": "builtins.ValueError"})
        span.set_status(Status(StatusCode.ERROR))

    outer = tracer.start_span("agent bot")
    with trace.use_span(outer, record_exception=False):
        inner = tracer.start_span("tool search")
        try:
            raise ValueError("secret")
        except ValueError:
            for span in (inner, outer):
                described(span)
                span.end()
    assert [span.attributes["error.type"] for span in telemetry.spans()] == ["ValueError", "ValueError"]
    assert telemetry.metric("agent.errors") == {(("error_type", "ValueError"),): 1}


def test_an_exception_event_about_another_exception_is_not_taken_for_the_one_being_handled(telemetry, tracer):
    """What is being handled for reasons of its own is no error of the span."""
    try:
        raise KeyError("something else")
    except KeyError:
        span = tracer.start_span("tool search")
        span.add_event("exception", {"exception.type": "ValueError"})
        span.end()
    assert "error.type" not in telemetry.spans()[0].attributes


@pytest.mark.usefixtures("telemetry")
def test_the_library_can_read_back_what_it_has_set(tracer):
    """Some libraries look at the attributes of the current span, as the SDK's spans allow."""
    span = tracer.start_span("tool search", attributes={"a": 1})
    span.set_attribute("b", 2)
    assert dict(span.attributes) == {"a": 1, "b": 2}
    span.end()


def test_what_is_known_only_at_the_end_stands_on_the_span_too():
    """A library may say what it has asked for, and whom, after it has started the span."""

    def told(call, _):
        call.request_model, call.provider, call.temperature = "gpt-5", "openai", 0.5

    adapter = Adapter(
        "late", "late", ">=1", "late", "adopt", natives=(Native("late", lambda _: ModelCall(request_model="?"), told),)
    )
    with testing.recording(adapters=[adapter]) as telemetry:
        trace.get_tracer("late").start_span("model").end()
        (span,) = telemetry.spans()
    assert span.name == "chat gpt-5"
    assert span.attributes["gen_ai.request.model"] == "gpt-5"
    assert span.attributes["gen_ai.provider.name"] == "openai"
    assert span.attributes["gen_ai.request.temperature"] == 0.5


@pytest.mark.parametrize(("ending", "shown"), [(asyncio.CancelledError(), "OSError"), (KeyError(), "KeyError")])
def test_a_call_that_is_cancelled_because_the_one_inside_has_failed_has_failed(telemetry, ending, shown):
    """A library that gives its task up after the SDK's error is no cancelled call; what it says itself counts."""
    outer = telemetry.observer.start(ModelCall(request_model="gpt-5-mini", provider="openai"))
    token = outer.activate()
    inner = telemetry.observer.start(ModelCall(request_model="gpt-5-mini", provider="openai"))
    inner.fail(OSError("refused"))
    outer.suspend(token)
    outer.fail(ending)
    (span,) = telemetry.spans()
    assert span.attributes["error.type"] == shown


def test_one_that_its_process_interrupts_keeps_what_the_library_has_said(telemetry, tracer):
    """The adapter completes it before it is ended."""
    span = tracer.start_span("model x", attributes={"tokens": 40})
    open_recordings.interrupt_all()
    span.end()
    (recorded,) = telemetry.spans()
    assert recorded.attributes["agentotel.interrupted"] is True
    assert recorded.attributes["gen_ai.usage.input_tokens"] == 40


@pytest.mark.newest
def test_an_official_instrumentation_inside_of_a_model_call_holds_back(telemetry, tracer):
    """The library's span is the call already: theirs of the SDK below would be a second one."""
    from opentelemetry.util.genai.handler import TelemetryHandler

    with tracer.start_as_current_span("model m") as span:
        span.set_attribute("tokens", 1)
        TelemetryHandler().inference("openai", request_model="m").stop()
    assert [span.name for span in telemetry.spans()] == ["chat gpt-5-mini"]
