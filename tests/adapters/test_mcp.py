"""The mcp adapter: real clients and servers of the installed SDK (the CI runs this with each generation)."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest
from mcp.types import LATEST_PROTOCOL_VERSION, ElicitResult
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, StatusCode

import agentotel
from adapters.mcp_programs import leaks
from adapters.mcp_programs.connections import WAYS, connected, started
from adapters.mcp_programs.server import IS_FIRST_GENERATION, Hall, weather_server
from agentotel._base import failopen
from agentotel.adapters.mcp import ADAPTER
from agentotel.identity.baggage import AllowListedBaggage
from agentotel.local import query
from agentotel.local.server import LocalBackend
from agentotel.model.operations import McpCall, ToolCall
from agentotel.patching.hooks import patch_adapter
from agentotel.testing import recording

pytestmark = leaks.ignored()

patch_adapter(ADAPTER)

BERN = {"city": "Bern"}
CONTENT_ON = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}
WITH_SESSIONS = [way for way in WAYS if way not in {"direct", "modern_http"}]
LATEST_HANDSHAKE = LATEST_PROTOCOL_VERSION if IS_FIRST_GENERATION else "2025-11-25"
BACKENDS = ["asyncio", *(["trio"] if find_spec("trio") else [])]
CANCELLED = (("status", "cancelled"), ("tool_name", "wait"))


@pytest.fixture(autouse=True)
def _no_leaks():
    """Leave nothing of the SDK's to other tests."""
    yield
    leaks.collect()


@pytest.fixture
def telemetry():
    """Record with content off, errors of ours being loud."""
    failopen.reset()
    with recording(adapters=[ADAPTER]) as recorded:
        yield recorded
    assert failopen.errors() == {}


@pytest.fixture
def with_content():
    """Record with content on."""
    failopen.reset()
    with recording(CONTENT_ON, adapters=[ADAPTER]) as recorded:
        yield recorded
    assert failopen.errors() == {}


@pytest.fixture(params=WAYS)
def way(request):
    """Each way from a client to a server in the same process."""
    return request.param


@contextmanager
def user_span(telemetry, name):
    """A span of the program's own."""
    with telemetry.tracer_provider.get_tracer("program").start_as_current_span(name) as span:
        yield span


def within(telemetry, name):
    """Return the spans of the trace of the program's span `name`, in the order in which they started."""
    trace_id = telemetry.span(name).context.trace_id
    return sorted((s for s in telemetry.spans() if s.context.trace_id == trace_id), key=lambda s: s.start_time)


def ask(way, action, server=None, backend="asyncio", **callbacks):
    """Connect, let ``action(client)`` do something, and return what it returns."""

    async def talk():
        async with connected(way, server or weather_server(), **callbacks) as client:
            return await action(client)

    return anyio.run(talk, backend=backend)


def text(result):
    """Return the text of a tool's result."""
    return result.content[0].text


def is_error(result):
    """Tell what the result says about itself."""
    return result.isError if IS_FIRST_GENERATION else result.is_error


def test_everything_is_found_that_this_generation_has():
    """No target is missing or failed, but for those that the other generation has."""
    reports = patch_adapter(ADAPTER)
    assert {report.status for report in reports if not report.optional} == {"patched", "other_version"}
    assert sum(report.status == "patched" for report in reports) == (6 if IS_FIRST_GENERATION else 7)


# --- one request ---


def test_a_tool_call_is_one_operation_on_each_side_in_one_trace(telemetry, way):
    """Whatever lies between: the server's span is the child of the client's, and that the child of the program's."""

    async def call(client):
        with user_span(telemetry, "program"):
            return await client.call_tool("get_weather", BERN)

    assert text(ask(way, call)) == "sunny canary-result-Bern"
    program, client, server = within(telemetry, "program")
    assert [client.name, server.name] == ["tools/call get_weather"] * 2
    assert [client.kind, server.kind] == [SpanKind.CLIENT, SpanKind.SERVER]
    assert client.parent.span_id == program.context.span_id
    assert server.parent.span_id == client.context.span_id
    for span in (client, server):
        assert span.status.status_code is StatusCode.UNSET
        assert span.attributes["mcp.method.name"] == "tools/call"
        assert span.attributes["gen_ai.operation.name"] == "execute_tool"
        assert span.attributes["gen_ai.tool.name"] == "get_weather"
    if way != "direct":  # there it never becomes a message, and the client does not number it
        assert client.attributes["jsonrpc.request.id"] == server.attributes["jsonrpc.request.id"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_works_with_every_event_loop(telemetry, backend):
    """The SDK runs on asyncio and on trio."""

    async def call(client):
        with user_span(telemetry, "program"):
            return await client.call_tool("get_weather", BERN)

    assert text(ask("memory", call, backend=backend)) == "sunny canary-result-Bern"
    _, client, server = within(telemetry, "program")
    assert server.parent.span_id == client.context.span_id


def test_both_sides_are_counted_and_the_tool_once(telemetry, way):
    """A request is measured on each side; the tool is counted by the client only."""
    ask(way, lambda client: client.call_tool("get_weather", BERN))
    called = (("gen_ai.tool.name", "get_weather"), ("mcp.method.name", "tools/call"))
    assert telemetry.metric("mcp.client.operation.duration")[called][0] == 1
    assert telemetry.metric("mcp.server.operation.duration")[called][0] == 1
    assert telemetry.metric("agent.tool.calls") == {(("status", "success"), ("tool_name", "get_weather")): 1}
    assert telemetry.metric("agent.errors") == {}


def test_inside_the_tool_of_a_framework_it_is_no_other_tool_call(telemetry):
    """A framework that calls a tool over MCP has counted it."""

    async def call(client):
        framework = telemetry.observer.start(ToolCall(name="weather of the framework"))
        token = framework.activate()
        await client.call_tool("get_weather", BERN)
        framework.suspend(token)
        framework.stop()

    ask("memory", call)
    counted = (("status", "success"), ("tool_name", "weather of the framework"))
    assert telemetry.metric("agent.tool.calls") == {counted: 1}


def test_other_requests_are_operations_too(telemetry):
    """Setting up the session, lists, prompts and resources, with what they are about."""

    async def look_around(client):
        await client.get_prompt("greeting", {"name": "Ann"})
        await client.read_resource("weather://history")

    ask("memory", look_around)
    names = ["initialize", "tools/list", "prompts/get greeting", "resources/read"]
    for kind in (SpanKind.CLIENT, SpanKind.SERVER):
        found = [span for span in telemetry.spans() if span.kind is kind]
        assert [span.name for span in found] == names
        assert found[0].attributes["mcp.protocol.version"] == LATEST_HANDSHAKE
        assert found[2].attributes["gen_ai.prompt.name"] == "greeting"
        assert found[3].attributes["mcp.resource.uri"] == "weather://history"
    traces = {span.context.trace_id for span in telemetry.spans()}
    assert len(traces) == len(names)


def test_pings_and_notifications_are_not_recorded(telemetry):
    """A sign of life is no work, and progress belongs to the request that makes it; the program gets both."""
    progress = []

    async def note(done, total, message):
        progress.append((done, total))

    async def call(client):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer versions of the protocol have no pings
            await client.send_ping()
        with user_span(telemetry, "program"):
            return await client.call_tool("report_progress", BERN, progress_callback=note)

    assert text(ask("memory", call)) == "Bern"
    assert sorted(progress) == [(1, 2), (2, 2)]
    assert [span.name for span in within(telemetry, "program")] == ["program", *["tools/call report_progress"] * 2]
    assert not [span for span in telemetry.spans() if "ping" in span.name or "notifications" in span.name]


def test_the_http_side_is_told(telemetry):
    """Who serves a request over HTTP knows that, and the session."""
    ask("http", lambda client: client.call_tool("get_weather", BERN))
    (server,) = [s for s in telemetry.spans() if s.name == "tools/call get_weather" and s.kind is SpanKind.SERVER]
    assert server.attributes["network.transport"] == "tcp"
    assert len(server.attributes["mcp.session.id"]) == 32
    if not IS_FIRST_GENERATION:  # in the first one the tasks that send do not know for whom
        (client,) = [s for s in telemetry.spans() if s.name == "tools/call get_weather" and s.kind is SpanKind.CLIENT]
        assert client.attributes["server.address"] == "127.0.0.1"
        assert isinstance(client.attributes["server.port"], int)
        assert client.attributes["mcp.session.id"] == server.attributes["mcp.session.id"]


# --- where things belong ---


def test_what_the_tool_does_is_inside_of_the_servers_operation(telemetry, way):
    """Spans and log records of the tool, and what it asks for the current operation."""
    seen = []

    def inside(city):
        with user_span(telemetry, "look out"):
            seen.append((telemetry.observer.current(), trace.get_current_span().get_span_context().span_id))

    ask(way, lambda client: client.call_tool("get_weather", BERN), weather_server(inside=inside))
    ((operation, span_id),) = seen
    (server,) = [s for s in telemetry.spans() if s.name == "tools/call get_weather" and s.kind is SpanKind.SERVER]
    assert isinstance(operation, McpCall)
    assert operation.server_side
    look = telemetry.span("look out")
    assert look.context.span_id == span_id
    assert look.parent.span_id == server.context.span_id


def test_a_request_belongs_to_who_sends_it_and_not_to_who_opened_the_session(telemetry, way):
    """Client and server run in tasks that were started long ago, inside of another operation that is still open."""

    async def talk():
        with user_span(telemetry, "opens"):
            async with connected(way, weather_server()) as client:
                with trace.use_span(trace.INVALID_SPAN), user_span(telemetry, "asks"):
                    await client.call_tool("get_weather", BERN)

    anyio.run(talk)
    assert [span.name for span in within(telemetry, "asks")] == ["asks", *["tools/call get_weather"] * 2]
    assert "tools/call get_weather" not in [span.name for span in within(telemetry, "opens")]


def test_parallel_calls_on_one_session_do_not_mix(with_content, way):
    """Each of eight calls at the same time has its own trace, with its own arguments and result on both sides."""
    telemetry = with_content
    cities = [f"city{number}" for number in range(8)]

    async def one(client, city):
        with user_span(telemetry, city):
            assert text(await client.call_tool("get_weather", {"city": city})) == f"sunny canary-result-{city}"

    async def all_at_once(client):
        async with anyio.create_task_group() as group:
            for city in cities:
                group.start_soon(one, client, city)

    ask(way, all_at_once)
    for city in cities:
        _, client, server = within(telemetry, city)
        assert server.parent.span_id == client.context.span_id
        for span in (client, server):
            assert city in span.attributes["gen_ai.tool.call.arguments"]
            assert city in span.attributes["gen_ai.tool.call.result"]


@pytest.fixture
def _ids_may_leave():
    """As with ``AGENTOTEL_BAGGAGE=user.id,request.id``."""
    before = propagate.get_global_textmap()
    propagate.set_global_textmap(AllowListedBaggage(before, ["user.id", "request.id"]))
    yield
    propagate.set_global_textmap(before)


@pytest.mark.usefixtures("_ids_may_leave")
def test_ids_that_may_leave_the_process_travel_with_the_request(telemetry, way):
    """What the server does is for the same user and the same request."""

    async def call(client):
        with agentotel.context(user_id="u1", request_id="r1"):
            await client.call_tool("get_weather", BERN)

    ask(way, call)
    found = [span for span in telemetry.spans() if span.name == "tools/call get_weather"]
    assert [span.kind for span in found] == [SpanKind.SERVER, SpanKind.CLIENT]
    assert [(span.attributes["user.id"], span.attributes["request.id"]) for span in found] == [("u1", "r1")] * 2


@pytest.mark.parametrize("way", WITH_SESSIONS)
def test_what_a_server_asks_of_the_client_is_an_operation_on_both_sides(telemetry, way):
    """The request goes the other way, inside of the tool that makes it, in the same trace."""
    inside = []

    async def choose(context, params):
        inside.append(telemetry.observer.current())
        return ElicitResult(action="accept", content={"city": "Bern"})

    async def call(client):
        with user_span(telemetry, "program"):
            return await client.call_tool("ask_the_user", {})

    assert text(ask(way, call, elicitation_callback=choose)) == "Bern"
    _, client, server, asking, answering = within(telemetry, "program")
    assert [asking.name, answering.name] == ["elicitation/create"] * 2
    assert [asking.kind, answering.kind] == [SpanKind.CLIENT, SpanKind.SERVER]
    assert asking.parent.span_id == server.context.span_id
    assert answering.parent.span_id == asking.context.span_id
    assert server.parent.span_id == client.context.span_id
    assert (inside[0].method, inside[0].server_side) == ("elicitation/create", True)


# --- how it ends ---


def test_a_tool_that_fails_is_a_failure_on_both_sides(telemetry, way):
    """The tool's error is a result of the protocol: the program gets it as such, and it counts as failed, once."""
    result = ask(way, lambda client: client.call_tool("broken", BERN))
    assert is_error(result)
    found = [span for span in telemetry.spans() if span.name == "tools/call broken"]
    assert [span.kind for span in found] == [SpanKind.SERVER, SpanKind.CLIENT]
    assert [span.attributes["error.type"] for span in found] == ["tool_error"] * 2
    assert telemetry.metric("agent.tool.calls") == {(("status", "failed"), ("tool_name", "broken")): 1}
    assert telemetry.metric("agent.errors") == {(("error_type", "tool_error"),): 1}


def test_a_request_that_the_server_does_not_serve_is_no_failure_of_the_server(telemetry):
    """The client gets an error with a code; on the server it is an answer as good as any."""
    from mcp.types import PromptReference

    async def call(client):
        await client.complete(PromptReference(type="ref/prompt", name="greeting"), {"name": "name", "value": "A"})

    error = _only_error(pytest.raises(BaseException), partial(ask, "memory", call))
    assert type(error).__name__ == ("McpError" if IS_FIRST_GENERATION else "MCPError")
    assert error.error.code == -32601
    client = next(s for s in telemetry.spans() if s.name == "completion/complete" and s.kind is SpanKind.CLIENT)
    server = next(s for s in telemetry.spans() if s.name == "completion/complete" and s.kind is SpanKind.SERVER)
    assert client.attributes["error.type"] == "-32601"
    assert [span.attributes["rpc.response.status_code"] for span in (client, server)] == ["-32601"] * 2
    assert client.status.status_code is StatusCode.ERROR
    assert server.status.status_code is StatusCode.UNSET
    assert "error.type" not in server.attributes


def _only_error(raises, action):
    """Return the exception that `action` raises, out of the groups that task groups make."""
    with raises as caught:
        action()
    error = caught.value
    while hasattr(error, "exceptions"):
        (error,) = error.exceptions
    return error


def test_a_prompt_that_fails_is_a_failure_with_its_code(telemetry):
    """An exception of the program becomes an error with a code."""
    error = _only_error(pytest.raises(BaseException), partial(ask, "memory", lambda c: c.get_prompt("unknown", {})))
    spans = {s.kind: s for s in telemetry.spans() if s.name == "prompts/get unknown"}
    assert spans[SpanKind.CLIENT].attributes["error.type"] == str(error.error.code)
    assert all(span.status.status_code is StatusCode.ERROR for span in spans.values())


def test_a_call_that_takes_too_long_ends_with_the_code_of_the_timeout(telemetry):
    """The client gives up: its span says so, with the code of the exception that the program gets."""
    from datetime import timedelta

    async def call(client):
        limit = timedelta(seconds=0.2) if IS_FIRST_GENERATION else 0.2
        await client.call_tool("wait", BERN, read_timeout_seconds=limit)

    async def talk():
        async with connected("memory", weather_server(Hall())) as client:
            await call(client)

    error = _only_error(pytest.raises(BaseException), partial(anyio.run, talk))
    client = next(s for s in telemetry.spans() if s.name == "tools/call wait" and s.kind is SpanKind.CLIENT)
    assert client.attributes["error.type"] == str(error.error.code)
    assert telemetry.metric("agent.tool.calls") == {(("status", "failed"), ("tool_name", "wait")): 1}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_that_is_cancelled_ends_its_operation_as_cancelled(telemetry, backend):
    """The task of the program is cancelled while it waits: neither a success nor a failure."""

    async def talk():
        hall = Hall()
        async with connected("memory", weather_server(hall)) as client, anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "wait", BERN)
            await hall.entered.wait()
            group.cancel_scope.cancel()

    anyio.run(talk, backend=backend)
    assert telemetry.metric("agent.tool.calls") == {CANCELLED: 1}
    assert len([span for span in telemetry.spans() if span.name == "tools/call wait"]) == 2


def test_a_request_that_the_client_takes_back_ends_on_the_server_as_cancelled(telemetry):
    """The server's function is cancelled by a notification of the client: no failure, and it is recorded at once."""
    left = []

    async def talk():
        hall, scope = Hall(), anyio.CancelScope()
        async with connected("memory", weather_server(hall)) as client, anyio.create_task_group() as group:
            group.start_soon(_wait_for_it, client, scope)
            await hall.entered.wait()
            await _take_back(client, scope)
            await hall.left.wait()
            with suppress(Exception) if IS_FIRST_GENERATION else nullcontext():
                await client.list_tools()  # 1.10 dies of a request that was taken back, with or without us
            left.extend(span for span in telemetry.spans() if span.kind is SpanKind.SERVER)

    anyio.run(talk)
    server = next(span for span in left if span.name == "tools/call wait")
    assert server.attributes.get("error.type") in {None, "CancelledError"}
    assert "rpc.response.status_code" not in server.attributes
    if not IS_FIRST_GENERATION:  # there the client gets an error with a code
        assert telemetry.metric("agent.errors") == {}


async def _wait_for_it(client, scope):
    if not IS_FIRST_GENERATION:
        with scope:
            await client.call_tool("wait", BERN)
        return
    from mcp import McpError

    with pytest.raises(McpError, match="Request cancelled"):
        await client.call_tool("wait", BERN)


async def _take_back(client, scope):
    """Cancel the request: the first generation leaves it to the program to tell the server."""
    if not IS_FIRST_GENERATION:
        scope.cancel()
        return
    from mcp.types import CancelledNotification, CancelledNotificationParams, ClientNotification

    params = CancelledNotificationParams(requestId=client._request_id - 1)
    notification = CancelledNotification(method="notifications/cancelled", params=params)
    await client.send_notification(ClientNotification(notification))


# --- content, and what the program sees ---


def test_no_content_is_recorded_while_it_is_off(telemetry, way, caplog):
    """Neither arguments nor results nor the words of errors."""

    async def everything(client):
        await client.call_tool("get_weather", {"city": "canary-argument"})
        await client.call_tool("broken", {"city": "canary-argument"})
        await client.get_prompt("greeting", {"name": "canary-argument"})

    ask(way, everything)
    recorded = [repr((s.name, dict(s.attributes), [dict(e.attributes) for e in s.events])) for s in telemetry.spans()]
    assert "canary" not in "".join(recorded)
    assert "canary" not in repr([record.body for record in telemetry.logs()])


def test_content_is_recorded_on_both_sides_when_it_is_on(with_content, way):
    """Arguments and result of the tool."""
    ask(way, lambda client: client.call_tool("get_weather", BERN))
    found = [span for span in with_content.spans() if span.name == "tools/call get_weather"]
    assert len(found) == 2
    for span in found:
        assert span.attributes["gen_ai.tool.call.arguments"] == '{"city":"Bern"}'
        assert "sunny canary-result-Bern" in span.attributes["gen_ai.tool.call.result"]


def test_the_program_gets_the_same_with_and_without_recording(way):
    """Results, and their types, are those of the SDK."""

    async def everything(client):
        return [
            await client.list_tools(),
            await client.call_tool("get_weather", BERN),
            await client.call_tool("broken", BERN),
            await client.get_prompt("greeting", {"name": "Ann"}),
        ]

    without = ask(way, everything)
    with recording(adapters=[ADAPTER]):
        recorded = ask(way, everything)
    assert [type(one) for one in recorded] == [type(one) for one in without]
    assert [one.model_dump_json() for one in recorded] == [one.model_dump_json() for one in without]


def test_nothing_is_logged_or_warned_about(telemetry, way, caplog):
    """In particular no "Failed to detach context", although everything runs in tasks of the SDK."""
    with caplog.at_level(logging.WARNING):
        ask(way, lambda client: client.call_tool("get_weather", BERN))
    assert [r.name for r in caplog.records if r.name.startswith(("opentelemetry", "agentotel"))] == []


# --- another process ---


@pytest.mark.e2e
def test_a_server_over_stdio_continues_the_trace_and_its_stdout_stays_its_own(telemetry, tmp_path):
    """A server that is started under the launcher exports its side, inside of the client's, over OTLP."""
    program = Path(__file__).parent / "mcp_programs" / "server.py"
    launcher = str(Path(sys.executable).parent / "opentelemetry-instrument")

    async def talk(endpoint):
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "NO_PROXY": "127.0.0.1", "PATH": os.environ["PATH"]}
        if "PYTHONPATH" in os.environ:
            env["PYTHONPATH"] = os.environ["PYTHONPATH"]
        async with started(launcher, sys.executable, str(program), "stdio", env=env) as client:
            with user_span(telemetry, "program"):
                assert text(await client.call_tool("get_weather", BERN)) == "sunny canary-result-Bern"

    with LocalBackend(tmp_path / "telemetry.db", otlp_http_port=0, otlp_grpc_port=0, port=0) as backend:
        anyio.run(talk, backend.addresses.otlp_http)
    _, client = within(telemetry, "program")
    exported = query.trace(tmp_path / "telemetry.db", f"{client.context.trace_id:032x}")
    (server,) = exported.spans
    assert server.name == "tools/call get_weather"
    assert server.parent_span_id == f"{client.context.span_id:016x}"
    assert server.kind.lower().endswith("server")
