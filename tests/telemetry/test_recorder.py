"""The recorder: what operations become, and which of them are one and the same."""

from __future__ import annotations

import asyncio
import threading

import pytest
from opentelemetry.trace import SpanKind, StatusCode

import agentotel
from agentotel import testing
from agentotel.model.operations import EMBEDDINGS, AgentRun, ModelCall, Step, ToolCall, Usage, Workflow


@pytest.fixture
def telemetry():
    """Everything that is recorded, in memory."""
    with testing.recording() as recorded:
        yield recorded


class Running:
    """An operation as patching would run it: started, active inside the block, ended after it."""

    def __init__(self, telemetry, operation):
        self.recording = telemetry.observer.start(operation)

    def __enter__(self):
        if self.recording is not None:
            self.token = self.recording.activate()
        return self.recording

    def __exit__(self, kind, error, traceback):
        if self.recording is None:
            return
        self.recording.suspend(self.token)
        if error is None:
            self.recording.stop()
        else:
            self.recording.fail(error)


def chat(telemetry, input_tokens, output_tokens, **fields):
    """Record one model call."""
    defaults = {"provider": "openai", "request_model": "gpt-4o-mini", "response_model": "gpt-4o-mini-2024-07-18"}
    operation = ModelCall(**defaults | fields)
    with Running(telemetry, operation):
        operation.usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)


def test_tokens_of_two_model_calls_are_counted_once_in_every_signal(telemetry):
    """Two calls of 50/12 and 80/9 tokens inside one run give 130 and 21, once, on spans and in both families."""
    with Running(telemetry, AgentRun(name="shop", agent_id="a1")):
        chat(telemetry, 50, 12)
        chat(telemetry, 80, 9)
    run = telemetry.span("invoke_agent shop")
    assert run.attributes["gen_ai.usage.input_tokens"] == 130
    assert run.attributes["gen_ai.usage.output_tokens"] == 21
    calls = [span for span in telemetry.spans() if span.name == "chat gpt-4o-mini"]
    assert [span.attributes["gen_ai.usage.input_tokens"] for span in calls] == [50, 80]
    tokens = telemetry.metric("agent.token.usage")
    assert {dict(labels)["type"]: value for labels, value in tokens.items()} == {"input": (2, 130), "output": (2, 21)}
    tokens = telemetry.metric("gen_ai.client.token.usage")
    assert {dict(labels)["gen_ai.token.type"]: value for labels, value in tokens.items()} == {
        "input": (2, 130),
        "output": (2, 21),
    }


def test_a_run_that_reports_the_same_tokens_itself_adds_nothing(telemetry):
    """What an agent's own result says about tokens does not count where its model calls were seen."""
    run = AgentRun(name="shop")
    with Running(telemetry, run):
        chat(telemetry, 50, 12)
        run.usage = Usage(input_tokens=50, output_tokens=12)
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 62
    assert telemetry.span("invoke_agent shop").attributes["gen_ai.usage.input_tokens"] == 50


def test_a_run_without_visible_model_calls_counts_its_own_tokens(telemetry):
    """An agent whose model calls nobody sees counts by its own word, once, also for the run around it."""
    inner = AgentRun(name="inner", request_model="gpt-4o-mini", provider="openai")
    with Running(telemetry, AgentRun(name="outer")), Running(telemetry, inner):
        inner.usage = Usage(input_tokens=7, output_tokens=3)
    assert telemetry.span("invoke_agent inner").attributes["gen_ai.usage.input_tokens"] == 7
    assert telemetry.span("invoke_agent outer").attributes["gen_ai.usage.input_tokens"] == 7
    assert sorted(telemetry.metric("agent.token.usage").values()) == [(1, 3), (1, 7)]


def test_spans_form_the_tree_of_the_calls(telemetry):
    """Model calls, tools and steps are children of the run that they happen in; kinds are as in the conventions."""
    with Running(telemetry, AgentRun(name="shop")):
        with Running(telemetry, Step(name="auth")):
            pass
        chat(telemetry, 1, 1)
        with Running(telemetry, ToolCall(name="search")):
            pass
    run = telemetry.span("invoke_agent shop")
    children = [span for span in telemetry.spans() if span is not run]
    assert [span.name for span in children] == ["auth", "chat gpt-4o-mini", "execute_tool search"]
    assert all(span.parent.span_id == run.context.span_id for span in children)
    assert [span.kind for span in children] == [SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.INTERNAL]


def test_an_override_that_calls_super_is_one_run(telemetry):
    """Two functions on one object, one inside the other, are one operation."""
    agent = object()
    with Running(telemetry, AgentRun(name="shop", subject=agent, function="Sub.chat")):
        with Running(telemetry, AgentRun(name="shop", subject=agent, function="Base.chat")) as inner:
            assert inner is None
    assert len(telemetry.spans()) == 1
    assert sum(telemetry.metric("agent.requests").values()) == 1


def test_an_override_may_call_super_again_and_through_a_step(telemetry):
    """A retry of the inherited method, inside a step of middleware, is still the one run."""
    agent = object()
    with Running(telemetry, AgentRun(name="shop", subject=agent, function="Sub.chat")):
        for _ in range(2):
            with Running(telemetry, Step(name="retry")):
                with Running(telemetry, AgentRun(name="shop", subject=agent, function="Base.chat")) as inner:
                    assert inner is None
    assert [span.name for span in telemetry.spans()] == ["retry", "retry", "invoke_agent shop"]
    assert sum(telemetry.metric("agent.requests").values()) == 1


def test_an_override_of_a_step_that_calls_super_is_one_step(telemetry):
    """A step inside a run is seen once, whichever of its functions are patched."""
    middleware = object()
    with Running(telemetry, AgentRun(name="shop")):
        with Running(telemetry, Step(name="auth", subject=middleware, function="Sub.handle")):
            with Running(telemetry, Step(name="auth", subject=middleware, function="Base.handle")) as inner:
                assert inner is None
    assert [span.name for span in telemetry.spans()] == ["auth", "invoke_agent shop"]


def test_a_recursion_is_a_run_of_its_own(telemetry):
    """The same function on the same object again is a second run inside the first."""
    agent = object()
    with Running(telemetry, AgentRun(name="shop", subject=agent, function="chat")):
        with Running(telemetry, AgentRun(name="shop", subject=agent, function="chat")) as inner:
            assert inner is not None
    assert len(telemetry.spans()) == 2


def test_a_client_around_an_sdk_is_one_model_call(telemetry):
    """The user's own client and the SDK inside it give one span, with what only the SDK knows."""
    outer = ModelCall(request_model="assistant", usage=None)
    with Running(telemetry, outer):
        chat(telemetry, 50, 12, response_id="r1", server_address="127.0.0.1")
        outer.usage = Usage(input_tokens=50, output_tokens=12)
    (span,) = telemetry.spans()
    assert span.name == "chat gpt-4o-mini"
    assert span.attributes["gen_ai.response.id"] == "r1"
    assert span.attributes["gen_ai.provider.name"] == "openai"
    assert span.attributes["gen_ai.usage.input_tokens"] == 50
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 62
    assert sum(count for count, _ in telemetry.metric("gen_ai.client.operation.duration").values()) == 1


def test_a_client_that_calls_two_models_counts_both(telemetry):
    """The first call of the SDK completes the client's; a second one is a call of its own."""
    with Running(telemetry, ModelCall(request_model="assistant")):
        chat(telemetry, 50, 12)
        chat(telemetry, 80, 9)
    assert len(telemetry.spans()) == 2
    tokens = telemetry.metric("agent.token.usage")
    assert sum(total for _, total in tokens.values()) == 151


def test_a_stream_that_outlives_the_client_call_still_counts(telemetry):
    """Tokens are not lost when the client's call has returned before its stream was read."""
    with Running(telemetry, ModelCall(request_model="assistant")):
        call = ModelCall(provider="openai", request_model="gpt-4o-mini")
        inner = telemetry.observer.start(call)
    call.usage = Usage(input_tokens=5, output_tokens=2)
    inner.stop()
    assert sum(total for _, total in telemetry.metric("agent.token.usage").values()) == 7


def test_an_error_is_counted_once_where_it_first_appears(telemetry):
    """An exception that passes through tool and agent marks both spans, and is one error in the metrics."""
    with pytest.raises(KeyError), Running(telemetry, AgentRun(name="shop", agent_id="a1")):
        with Running(telemetry, ToolCall(name="search")):
            raise KeyError("secret")
    for span in telemetry.spans():
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "KeyError"
        assert "secret" not in str(span.to_json())
    assert telemetry.metric("agent.errors") == {(("agent_id", "a1"), ("error_type", "KeyError")): 1}
    assert telemetry.metric("agent.requests") == {(("agent_name", "shop"), ("status", "failed")): 1}
    assert telemetry.metric("agent.tool.calls") == {(("status", "failed"), ("tool_name", "search")): 1}


def test_an_error_that_was_wrapped_is_still_one_error(telemetry):
    """``raise ToolError from error`` does not make a second error of it."""
    with pytest.raises(RuntimeError), Running(telemetry, AgentRun(name="shop")):  # noqa: PT012 - the point
        try:
            with Running(telemetry, ToolCall(name="search")):
                raise KeyError
        except KeyError as error:
            raise RuntimeError from error
    assert sum(telemetry.metric("agent.errors").values()) == 1


def test_a_tool_that_returns_a_failure_has_failed(telemetry):
    """A result that says so counts as a failure although nothing was raised."""
    tool = ToolCall(name="refund")
    with Running(telemetry, tool):
        tool.failure = "tool_error"
    assert telemetry.metric("agent.tool.calls") == {(("status", "failed"), ("tool_name", "refund")): 1}
    assert telemetry.span("execute_tool refund").attributes["error.type"] == "tool_error"


def test_a_cancelled_run_is_no_error(telemetry):
    """Cancellation is a status of its own and is not counted as an error."""
    with pytest.raises(asyncio.CancelledError), Running(telemetry, AgentRun(name="shop")):
        raise asyncio.CancelledError
    assert telemetry.metric("agent.requests") == {(("agent_name", "shop"), ("status", "cancelled")): 1}
    assert telemetry.metric("agent.errors") == {}


def test_only_the_first_end_counts(telemetry):
    """Ending twice, from whichever thread, gives one span and one count."""
    recording = telemetry.observer.start(AgentRun(name="shop"))
    barrier = threading.Barrier(8)

    def end():
        barrier.wait()
        recording.stop()

    threads = [threading.Thread(target=end) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(telemetry.spans()) == 1
    assert sum(telemetry.metric("agent.requests").values()) == 1


def test_ids_are_on_every_span_and_log_record(telemetry):
    """What `agentotel.context` says and what the agent knows is on its spans, on foreign spans and on log records."""
    tracer = telemetry.tracer_provider.get_tracer("somebody.else")
    with agentotel.context(user_id="u1", request_id="r1"):
        with Running(telemetry, AgentRun(name="shop", agent_id="a1", tenant_id="t1", session_id="s1")):
            chat(telemetry, 1, 1)
            with tracer.start_as_current_span("GET"):
                pass
    expected = {"request.id": "r1", "user.id": "u1", "tenant.id": "t1", "session.id": "s1", "gen_ai.agent.id": "a1"}
    for span in telemetry.spans():
        assert expected.items() <= dict(span.attributes).items(), span.name
    (started,) = telemetry.logs()
    assert started.body == "chat started"
    assert expected.items() <= dict(started.attributes).items()
    assert started.trace_id == telemetry.span("GET").context.trace_id


def test_a_request_id_is_made_where_none_came(telemetry):
    """Everything in one run shares a request id, and the next run has another."""
    for _ in range(2):
        with Running(telemetry, AgentRun(name="shop")):
            chat(telemetry, 1, 1)
    ids = [span.attributes["request.id"] for span in telemetry.spans()]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_two_concurrent_runs_do_not_mix(telemetry):
    """Runs in tasks of their own keep their own tokens, ids and children."""

    async def run(name, tokens):
        with Running(telemetry, AgentRun(name=name, user_id=name)):
            await asyncio.sleep(0)
            chat(telemetry, tokens, 1)
            await asyncio.sleep(0)

    async def both():
        await asyncio.gather(run("a", 10), run("b", 20))

    asyncio.run(both())
    for name, tokens in (("a", 10), ("b", 20)):
        span = telemetry.span(f"invoke_agent {name}")
        assert span.attributes["gen_ai.usage.input_tokens"] == tokens
        (call,) = [s for s in telemetry.spans() if s.parent and s.parent.span_id == span.context.span_id]
        assert call.attributes["user.id"] == name


def test_the_guides_log_records_have_the_guides_levels(telemetry):
    """Chat started is INFO, a limit that comes near WARN, failures are ERROR; all carry the span's ids."""
    with pytest.raises(ValueError), Running(telemetry, AgentRun(name="shop", token_limit=100, tokens_used=85)):
        with Running(telemetry, ToolCall(name="search")):
            raise ValueError
    with pytest.raises(TimeoutError), Running(telemetry, ModelCall(request_model="m")):
        raise TimeoutError
    assert [(record.body, record.severity_text) for record in telemetry.logs()] == [
        ("chat started", "INFO"),
        ("token usage approaching limit", "WARN"),
        ("tool execution failed", "ERROR"),
        ("model call failed", "ERROR"),
    ]
    assert telemetry.logs()[2].span_id == telemetry.span("execute_tool search").context.span_id


def test_the_limit_is_watched_for_agents_without_accounting():
    """With a limit in the settings an agent's tokens are added up over its runs."""
    with testing.recording({"AGENTOTEL_TOKEN_LIMIT": "100"}) as telemetry:
        for _ in range(2):
            with Running(telemetry, AgentRun(name="shop", agent_id="a1")):
                chat(telemetry, 40, 5)
        warnings = [record for record in telemetry.logs() if record.severity_text == "WARN"]
    assert [record.attributes["agent.tokens.used"] for record in warnings] == [90]


def test_content_is_absent_unless_it_is_switched_on():
    """The same operation leaves its content out by default and has it when asked for, redacted."""

    def record():
        call = ModelCall(request_model="m", input_messages=lambda: [{"role": "user", "parts": ["mail a@example.org"]}])
        with Running(telemetry, call), Running(telemetry, ToolCall(name="t", arguments=lambda: {"q": "canary"})):
            pass

    with testing.recording() as telemetry:
        record()
        assert not any("canary" in span.to_json() or "mail" in span.to_json() for span in telemetry.spans())
    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}) as telemetry:
        record()
        assert "canary" in telemetry.span("execute_tool t").attributes["gen_ai.tool.call.arguments"]
        messages = telemetry.span("chat m").attributes["gen_ai.input.messages"]
        assert "mail" in messages
        assert "a@example.org" not in messages


def test_content_can_go_to_events_only():
    """EVENT_ONLY puts the messages into the event of the conventions and keeps them off the span."""
    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY"}) as telemetry:
        with Running(telemetry, ModelCall(request_model="m", input_messages=lambda: ["canary"])):
            pass
        (event,) = telemetry.logs()
        assert event.event_name == "gen_ai.client.inference.operation.details"
        assert "canary" in event.attributes["gen_ai.input.messages"]
        assert "canary" not in telemetry.span("chat m").to_json()


def test_the_guides_names_can_be_chosen():
    """AGENTOTEL_CONVENTIONS=guide writes the guide's span names and attributes instead."""
    with testing.recording({"AGENTOTEL_CONVENTIONS": "guide"}) as telemetry:
        with Running(telemetry, AgentRun(name="shop", agent_id="a1", message_length=5, template_id="t")):
            chat(telemetry, 50, 12)
            with Running(telemetry, ToolCall(name="Read")):
                pass
        run = telemetry.span("Agent.Chat").attributes
        assert (run["agent.id"], run["message.length"], run["agent.template"]) == ("a1", 5, "t")
        assert (run["tokens.input"], run["tokens.output"]) == (50, 12)
        assert telemetry.span("Tool.Read").attributes["tool.name"] == "Read"


def test_names_and_ids_of_any_size_and_content_stay_printable(telemetry):
    """A name with control characters and an id of a megabyte neither break a span nor grow it."""
    with Running(telemetry, AgentRun(name="a\nb\x1b[31m", agent_id="x" * 1_000_000)):
        pass
    (span,) = telemetry.spans()
    assert span.name.isprintable()
    assert len(span.attributes["gen_ai.agent.id"]) < 1100
    ((labels, _),) = telemetry.metric("agent.chat.latency").items()
    assert len(dict(labels)["agent_id"]) < 300


def test_a_clock_that_jumps_back_gives_no_negative_duration(telemetry, monkeypatch):
    """The duration comes from the monotonic clock, and the span ends that much after it began."""
    monkeypatch.setattr("agentotel._base.clock.time_ns", lambda: 1_700_000_000_000_000_000)
    recording = telemetry.observer.start(AgentRun(name="shop"))
    monkeypatch.setattr("agentotel._base.clock.time_ns", lambda: 1_600_000_000_000_000_000)
    recording.stop()
    (span,) = telemetry.spans()
    assert 0 <= span.end_time - span.start_time < 60_000_000_000


def test_streams_record_the_time_to_their_first_piece(telemetry):
    """Two pieces give a time to first chunk on the span and both streaming metrics."""
    with Running(telemetry, ModelCall(request_model="m", stream=True)) as recording:
        recording.chunk()
        recording.chunk()
    assert telemetry.span("chat m").attributes["gen_ai.response.time_to_first_chunk"] >= 0
    for name in ("time_to_first_chunk", "time_per_output_chunk"):
        ((count, _),) = telemetry.metric(f"gen_ai.client.operation.{name}").values()
        assert count == 1


def test_a_call_without_a_price_is_counted_as_unknown(telemetry):
    """A model that no price covers never becomes a silent cost of 0."""
    chat(telemetry, 5, 5, request_model="house-model", response_model="house-model")
    assert telemetry.metric("agent.cost") == {}
    assert telemetry.metric("agent.cost.unknown") == {(("model", "house-model"),): 1}


def test_a_known_model_costs_money_on_the_span_and_in_the_counter(telemetry):
    """Cost stands on the model call, is added up on the run, and is counted per tenant."""
    with Running(telemetry, AgentRun(name="shop", tenant_id="t1")):
        chat(telemetry, 1_000_000, 0)
    call, run = telemetry.spans()
    assert call.attributes["agent.cost"] == pytest.approx(0.15)
    assert run.attributes["agent.cost"] == pytest.approx(0.15)
    ((labels, amount),) = telemetry.metric("agent.cost").items()
    assert dict(labels) == {"currency": "USD", "model": "gpt-4o-mini-2024-07-18", "tenant_id": "t1"}
    assert amount == pytest.approx(0.15)


def test_metric_families_can_be_switched_off():
    """AGENTOTEL_METRICS=gen_ai leaves the agent family out."""
    with testing.recording({"AGENTOTEL_METRICS": "gen_ai"}) as telemetry:
        with Running(telemetry, AgentRun(name="shop")):
            pass
        assert telemetry.metric("agent.requests") == {}
        assert len(telemetry.metric("gen_ai.invoke_agent.duration")) == 1


def test_attribute_values_beyond_the_limit_are_folded():
    """The third agent of a limit of two is `other`, and the folding is counted."""
    with testing.recording({"AGENTOTEL_CARDINALITY_LIMIT": "2"}) as telemetry:
        for name in ("a", "b", "c"):
            with Running(telemetry, AgentRun(name=name)):
                pass
        names = {dict(labels)["agent_name"] for labels in telemetry.metric("agent.requests")}
        assert names == {"a", "b", "other"}
        assert telemetry.metric("agentotel.self.folded")[("attribute", "agent_name"),] >= 1


def test_workflows_and_embeddings_have_their_own_names(telemetry):
    """Other operations are named as in the conventions."""
    with Running(telemetry, Workflow(name="checkout")):
        chat(telemetry, 3, 0, operation=EMBEDDINGS, request_model="text-embedding-3-small")
    assert {span.name for span in telemetry.spans()} == {
        "invoke_workflow checkout",
        "embeddings text-embedding-3-small",
    }
    assert telemetry.span("invoke_workflow checkout").attributes["gen_ai.usage.input_tokens"] == 3


def test_retries_and_rate_limits_are_counted(telemetry):
    """One logical call with a retry after a 429 is one call, one retry and one rate limit."""
    chat(telemetry, 1, 1, retries=1, rate_limits=1)
    assert list(telemetry.metric("agent.retries").values()) == [1]
    assert list(telemetry.metric("agent.rate_limited").values()) == [1]
    (span,) = telemetry.spans()
    assert span.attributes["agent.retries"] == 1
