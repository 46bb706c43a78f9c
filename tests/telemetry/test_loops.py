"""Signs of a loop inside of one run."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel import testing
from agentotel.model.operations import EMBEDDINGS, AgentRun, McpCall, ModelCall, Step, ToolCall

COUNTER = "agent.loop.detected"


@pytest.fixture
def watched():
    """Everything that is recorded where three times is too often."""
    with testing.recording({"AGENTOTEL_LOOP_LIMIT": "3"}) as recorded:
        yield recorded


def tool(telemetry, arguments=None, *, name="search", error=None):
    """Call a tool."""
    thunk = None if arguments is None else lambda: arguments
    recording = telemetry.observer.start(ToolCall(name=name, arguments=thunk))
    recording.stop() if error is None else recording.fail(error)


def found(telemetry):
    """Return (agent, tool, kind) of what was counted."""
    points = [dict(point) for point in telemetry.metric(COUNTER)]
    return sorted((p.get("agent_name"), p.get("tool_name"), p["kind"]) for p in points)


def warnings(telemetry):
    """Return the log records about loops."""
    return [record for record in telemetry.logs() if record.event_name == COUNTER]


def test_the_same_call_too_often_in_a_row(watched, run):
    """Counted and warned of once per run; the span of the run says so, and no argument is anywhere."""
    with run(watched.observer, AgentRun(name="shop", agent_id="a1", user_id="u1")):
        for _ in range(7):
            tool(watched, {"q": "canary"})
    assert watched.metric(COUNTER) == {(("agent_name", "shop"), ("kind", "repeated_call"), ("tool_name", "search")): 1}
    (record,) = warnings(watched)
    span = watched.span("invoke_agent shop")
    assert span.attributes["agentotel.loop.detected"] is True
    assert (record.severity_text, record.trace_id) == ("WARN", span.context.trace_id)
    expected = {
        "gen_ai.agent.name": "shop", "gen_ai.agent.id": "a1", "user.id": "u1", "gen_ai.tool.name": "search",
        "agent.loop.kind": "repeated_call", "agent.loop.length": 3,
    }  # fmt: skip
    assert expected.items() <= dict(record.attributes).items()
    assert "canary" not in f"{watched.spans()}{watched.logs()}{record.attributes}"


@pytest.mark.parametrize(
    "calls",
    [
        [{"q": 1}, {"q": 1}],
        [{"q": 1}, {"q": 1}, {"q": 2}, {"q": 1}],
        [None, None, None, None],
    ],
    ids=["too few", "another in between", "arguments not known"],
)
def test_what_is_no_loop(watched, run, calls):
    """Fewer than the limit, with something else in between, or of which nobody knows whether they are the same."""
    with run(watched.observer, AgentRun(name="shop")):
        for arguments in calls:
            tool(watched, arguments)
    assert found(watched) == []
    assert "agentotel.loop.detected" not in watched.span("invoke_agent shop").attributes


def test_another_tool_in_between_begins_anew(watched, run):
    """Two tools in turn are no row of one."""
    with run(watched.observer, AgentRun(name="shop")):
        for name in ("a", "a", "b", "a", "a"):
            tool(watched, {"q": 1}, name=name)
    assert found(watched) == []


def test_a_tool_that_fails_again_and_again(watched, run):
    """Whatever its arguments; one success in between begins anew."""
    with run(watched.observer, AgentRun(name="shop")):
        for error in (ValueError(), ValueError(), None, ValueError(), ValueError()):
            tool(watched, error=error)
    assert found(watched) == []
    with run(watched.observer, AgentRun(name="shop")):
        for number in range(4):
            tool(watched, {"q": number}, error=ValueError())
    assert found(watched) == [("shop", "search", "repeated_failure")]


def test_runs_do_not_add_up(watched, run):
    """Each run counts from nothing, and an agent inside of another one is a run of its own."""
    for _ in range(3):
        with run(watched.observer, AgentRun(name="shop")):
            tool(watched, {"q": 1})
            with run(watched.observer, AgentRun(name="helper")):
                tool(watched, {"q": 1})
            tool(watched, {"q": 1})
    assert found(watched) == []


def test_too_many_model_calls_in_one_run(watched, run):
    """Ten times the limit; embeddings do not count."""
    with run(watched.observer, AgentRun(name="shop")):
        for _ in range(40):
            watched.observer.start(ModelCall(operation=EMBEDDINGS, request_model="e")).stop()
        for _ in range(29):
            watched.observer.start(ModelCall(request_model="m")).stop()
        assert found(watched) == []
        for _ in range(2):
            watched.observer.start(ModelCall(request_model="m")).stop()
    assert found(watched) == [("shop", None, "too_many_calls")]


def test_an_mcp_tool_without_a_framework_counts_once(watched, run):
    """Inside of a framework's tool the request is that tool, and other requests are no tools."""
    with run(watched.observer, AgentRun(name="shop")):
        for _ in range(2):
            with run(watched.observer, ToolCall(name="look", arguments=dict)):
                watched.observer.start(McpCall(method="tools/call", name="look", arguments=dict)).stop()
        for _ in range(5):
            watched.observer.start(McpCall(method="tools/list")).stop()
    assert found(watched) == []
    with run(watched.observer, AgentRun(name="shop")):
        with run(watched.observer, Step(name="s")):
            for _ in range(3):
                watched.observer.start(McpCall(method="tools/call", name="look", arguments=dict)).stop()
    assert found(watched) == [("shop", "look", "repeated_call")]


def test_nothing_is_looked_at_when_it_is_off(run):
    """Not even the arguments."""
    asked = []
    with testing.recording({"AGENTOTEL_LOOP_LIMIT": "off"}) as telemetry:
        with run(telemetry.observer, AgentRun(name="shop")):
            for _ in range(200):
                telemetry.observer.start(ToolCall(name="t", arguments=lambda: asked.append(1))).stop()
        assert found(telemetry) == []
    assert asked == []


def test_outside_of_a_run_there_is_no_loop(watched):
    """A script that calls a tool a hundred times is no agent."""
    for _ in range(5):
        tool(watched, {"q": 1})
    assert found(watched) == []


def test_arguments_that_hold_themselves_are_not_the_same(watched, run):
    """What cannot be compared is no repetition, and no error."""
    circle = {}
    circle["self"] = circle
    with run(watched.observer, AgentRun(name="shop")):
        for _ in range(5):
            tool(watched, circle)
    assert found(watched) == []


def test_objects_are_compared_without_running_their_code(watched, run):
    """Nothing of the program's is called for it."""

    class Loud:
        def __repr__(self):
            raise AssertionError("called")

    with run(watched.observer, AgentRun(name="shop")):
        for _ in range(3):
            tool(watched, {"q": Loud()})
    assert found(watched) == [("shop", "search", "repeated_call")]


def test_a_run_that_ends_late_has_the_flag(run):
    """What is worked out after the end of the run still reaches its span."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from agentotel.config.load import load_settings
    from agentotel.distro.wiring import Parts, record_into

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    parts = Parts(TracerProvider(), MeterProvider([reader], shutdown_on_exit=False), LoggerProvider())
    ended = []
    spans.export = ended.extend  # keeps them as they are: nobody has read them yet
    parts.tracers.add_span_processor(SimpleSpanProcessor(spans))
    recorder = record_into(load_settings({"AGENTOTEL_LOOP_LIMIT": "2"}), parts).recorder
    with run(recorder, AgentRun(name="shop")):
        for _ in range(2):
            recorder.start(ToolCall(name="t", arguments=dict)).stop()
    assert ended[-1].attributes["agentotel.loop.detected"] is True
    for provider in parts:
        provider.shutdown()
