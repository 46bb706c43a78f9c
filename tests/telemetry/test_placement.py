"""Where an operation is placed: in the current context, inside a recording that is known, or in a caller's trace."""

from __future__ import annotations

import pytest
from opentelemetry import trace

import agentotel
from agentotel import testing
from agentotel._base import failopen
from agentotel.model.contract import Adapter, Call, Native
from agentotel.model.operations import AgentRun, McpCall, ModelCall, Retrieval, ToolCall, Usage
from agentotel.patching.wrap import wrap


@pytest.fixture
def telemetry():
    """Record what is started."""
    with testing.recording() as recorded:
        yield recorded


def test_within_places_an_operation_that_the_context_does_not_show(telemetry):
    """A callback in another context knows its parent by an id of the library."""
    run = telemetry.observer.start(AgentRun(name="bot", user_id="u1"))
    telemetry.observer.start(ToolCall(name="t"), run).stop()
    run.stop()
    tool = telemetry.span("execute_tool t")
    assert tool.parent.span_id == telemetry.span("invoke_agent bot").context.span_id
    assert tool.attributes["user.id"] == "u1"


def test_a_more_exact_place_in_the_context_counts_more_than_within(telemetry):
    """What the program has opened inside the known parent is further in."""
    run = telemetry.observer.start(AgentRun(name="bot"))
    token = run.activate()
    tool = telemetry.observer.start(ToolCall(name="t"))
    tool_token = tool.activate()
    telemetry.observer.start(AgentRun(name="inner"), run).stop()
    tool.suspend(tool_token)
    run.suspend(token)
    tool.stop()
    run.stop()
    assert telemetry.span("invoke_agent inner").parent.span_id == telemetry.span("execute_tool t").context.span_id


def test_within_counts_more_than_a_stranger_in_the_context(telemetry):
    """A context that shows another run is not the place."""
    run, other = (telemetry.observer.start(AgentRun(name=name)) for name in ("bot", "other"))
    token = other.activate()
    telemetry.observer.start(ToolCall(name="t"), run).stop()
    other.suspend(token)
    other.stop()
    run.stop()
    assert telemetry.span("execute_tool t").parent.span_id == telemetry.span("invoke_agent bot").context.span_id


def headers_of(telemetry, **ids):
    """Return the headers that a client inside a run sends, and the id of its span."""
    with agentotel.context(**ids):
        run = telemetry.observer.start(AgentRun(name="caller"))
        call = telemetry.observer.start(McpCall(method="tools/call", name="t"), run)
        headers = call.headers()
        call.stop()
        run.stop()
    return headers, telemetry.span("tools/call t").context


def test_a_request_from_elsewhere_continues_the_callers_trace(telemetry):
    """Whatever was open when the server was started is not around it, and its ids are not the request's."""
    headers, caller = headers_of(telemetry, user_id="caller")
    with agentotel.context(user_id="operator"):
        around = telemetry.observer.start(AgentRun(name="around"))
        token = around.activate()
        call = McpCall(method="tools/call", name="t", server_side=True, carrier=headers)
        served = telemetry.observer.start(call)
        served_token = served.activate()
        telemetry.observer.start(ToolCall(name="inside")).stop()
        served.suspend(served_token)
        served.stop()
        around.suspend(token)
        around.stop()
    server = next(span for span in telemetry.spans() if span.kind is trace.SpanKind.SERVER)
    assert server.context.trace_id == caller.trace_id
    assert server.parent.span_id == caller.span_id
    assert server.attributes.get("user.id") != "operator"
    assert telemetry.span("execute_tool inside").parent.span_id == server.context.span_id


def test_a_request_without_headers_belongs_to_what_is_around_it(telemetry):
    """An empty carrier says nothing."""
    run = telemetry.observer.start(AgentRun(name="around"))
    telemetry.observer.start(McpCall(method="ping", server_side=True, carrier={}), run).stop()
    run.stop()
    assert telemetry.span("ping").parent.span_id == telemetry.span("invoke_agent around").context.span_id


def test_a_native_span_with_a_remote_parent_continues_that_trace(telemetry):
    """A library that extracts headers by itself gives the context; the open run of this process is not around it."""
    adapter = Adapter("s", "s", ">=1", "s", "adopt", natives=(Native("s", lambda span: ToolCall(name=span.name)),))
    remote = trace.SpanContext(7, 8, is_remote=True, trace_flags=trace.TraceFlags(1))
    with testing.recording(adapters=[adapter]) as recorded:
        run = recorded.observer.start(AgentRun(name="around"))
        token = run.activate()
        trace.get_tracer("s").start_span("t", trace.set_span_in_context(trace.NonRecordingSpan(remote))).end()
        run.suspend(token)
        run.stop()
    tool = recorded.span("execute_tool t")
    assert (tool.context.trace_id, tool.parent.span_id) == (7, 8)
    assert "gen_ai.agent.name" not in tool.attributes


def test_headers_are_put_into_the_call_that_carries_them(telemetry):
    """`Call.inject` gives the arguments to call with; the user's own objects stay as they are."""

    def send(request, meta):
        return request, meta

    def inject(call, headers):
        return call.args, {**call.kwargs, "meta": dict(headers)}

    call = Call("m:send", lambda call: McpCall(method=call.argument("request", 0)), inject=inject)
    request, meta = wrap(send, call, "mcp")("ping")
    span = telemetry.span("ping").context
    assert request == "ping"
    assert meta["traceparent"] == f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"


def test_headers_that_cannot_be_put_in_are_left_out(telemetry):
    """The call goes through as the program made it."""
    failopen.configure(strict=False)
    call = Call("m:send", lambda call: McpCall(method="ping"), inject=lambda call, headers: 1 / 0)
    assert wrap(lambda *args, **kwargs: (args, kwargs), call, "mcp")(1, a=2) == ((1,), {"a": 2})
    telemetry.span("ping")


def test_an_mcp_tool_call_is_counted_once(telemetry):
    """By the framework's tool around it where there is one, else by the client, never by the server."""
    tool = telemetry.observer.start(ToolCall(name="framework"))
    telemetry.observer.start(McpCall(method="tools/call", name="t"), tool).stop()
    tool.stop()
    telemetry.observer.start(McpCall(method="tools/call", name="alone")).stop()
    telemetry.observer.start(McpCall(method="tools/call", name="served", server_side=True)).stop()
    telemetry.observer.start(McpCall(method="tools/list")).stop()
    calls = telemetry.metric("agent.tool.calls")
    assert {dict(key)["tool_name"]: count for key, count in calls.items()} == {"framework": 1, "alone": 1}
    client = telemetry.metric("mcp.client.operation.duration")
    server = telemetry.metric("mcp.server.operation.duration")
    assert (sum(c for c, _ in client.values()), sum(c for c, _ in server.values())) == (3, 1)


def test_an_mcp_call_has_the_attributes_of_its_conventions(telemetry):
    """What is known at the start, and what the end adds."""
    call = McpCall(method="prompts/get", name="greeting", request_id="7", transport="pipe", server_side=True)
    recording = telemetry.observer.start(call)
    call.status_code, call.mcp_session_id, call.failure = "-32603", "s1", "-32603"
    recording.stop()
    span = telemetry.span("prompts/get greeting")
    found = {key: span.attributes[key] for key in span.attributes if not key.startswith("request")}
    assert found == {
        "mcp.method.name": "prompts/get",
        "gen_ai.prompt.name": "greeting",
        "jsonrpc.request.id": "7",
        "network.transport": "pipe",
        "rpc.response.status_code": "-32603",
        "mcp.session.id": "s1",
        "error.type": "-32603",
    }


@pytest.mark.parametrize("content", ["", "span_only"])
def test_a_retrieval_shows_what_was_searched_for_if_content_is_on(content):
    """Its query and its documents are content; their number is not."""
    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": content}) as telemetry:
        search = Retrieval(name="wiki", data_source_id="index-1", top_k=3, query=lambda: "canary")
        recording = telemetry.observer.start(search)
        search.document_count, search.documents = 2, lambda: [{"id": "a"}, {"id": "canary"}]
        recording.stop()
    span = telemetry.span("retrieval wiki")
    assert span.attributes["agent.retrieval.document_count"] == 2
    assert span.attributes["gen_ai.data_source.id"] == "index-1"
    assert ("canary" in span.to_json()) == bool(content)


def test_whether_content_is_wanted_is_known(telemetry):
    """Libraries that collect content only when told so ask the observer."""
    assert not telemetry.observer.wants_content
    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "event_only"}) as other:
        assert other.observer.wants_content


def test_tokens_of_a_served_request_do_not_count_for_a_run_of_this_process(telemetry):
    """A server that shares a process with an agent bills its own caller."""
    headers, _ = headers_of(telemetry)
    run = telemetry.observer.start(AgentRun(name="around"))
    token = run.activate()
    served = telemetry.observer.start(McpCall(method="tools/call", server_side=True, carrier=headers))
    call = ModelCall(request_model="gpt-5-mini", provider="openai", usage=Usage(input_tokens=5, output_tokens=1))
    telemetry.observer.start(call, served).stop()
    served.stop()
    run.suspend(token)
    run.stop()
    assert "gen_ai.usage.input_tokens" not in telemetry.span("invoke_agent around").attributes
