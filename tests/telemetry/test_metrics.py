"""What ended operations mean as metrics."""

from __future__ import annotations

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel import testing
from agentotel.cost import Cost
from agentotel.model import instruments
from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage, Workflow
from agentotel.telemetry.cardinality import CardinalityGuard
from agentotel.telemetry.metrics import Metrics
from agentotel.telemetry.outcome import FAILED, Outcome

CONTEXT = Context()


class Recorded:
    """Metrics that write into a meter of their own, and what they have written."""

    def __init__(self, families=("agent", "gen_ai")):
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.metrics = Metrics(self._provider.get_meter("test"), families, CardinalityGuard(100, lambda _: None))

    def points(self):
        """Return by metric name the points by their labels: a number, or (count, sum)."""
        data = self._reader.get_metrics_data()
        self._provider.shutdown()
        return {
            metric.name: {tuple(sorted(point.attributes.items())): testing._value(point) for point in points}
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for points in [metric.data.data_points]
        }


def ended(seconds=2.0, **fields):
    """Return an outcome."""
    outcome = Outcome(seconds, CONTEXT)
    for name, value in fields.items():
        setattr(outcome, name, value)
    return outcome


def failed(**fields):
    """Return the outcome of a failure."""
    return ended(status=FAILED, error_type="TimeoutError", **fields)


CALL = {"provider": "openai", "request_model": "m", "response_model": "m-1"}


def test_gathered_records_are_in_the_same_series_after_they_are_added_up():
    """Not before; and each of them once. A family that is off stays off."""
    recorded = Recorded(families=["agent"])
    gathered = recorded.metrics.gathered()
    recorded.metrics.tool_call(ToolCall(name="search"), ended(2.0))
    for seconds in (3.0, 4.0):
        gathered.tool_call(ToolCall(name="search"), ended(seconds))
    gathered.tool_call(ToolCall(name="other"), failed())
    gathered.add_up()
    gathered.add_up()
    points = recorded.points()
    assert points["agent.tool.latency"] == {
        (("tool_name", "search"),): (3, 9.0),
        (("tool_name", "other"),): (1, 2.0),
    }
    assert points["agent.errors"] == {(("error_type", "TimeoutError"),): 1}
    assert "gen_ai.execute_tool.duration" not in points


def test_what_another_process_has_gathered_is_not_recorded():
    """A child that was forked forgets it."""
    recorded = Recorded()
    gathered = recorded.metrics.gathered()
    gathered.tool_call(ToolCall(name="search"), ended())
    gathered.forget()
    gathered.add_up()
    assert recorded.points() == {}


def test_a_model_call_is_recorded_in_both_families():
    """Duration, tokens of each kind, retries and rate limits, with the labels that DESIGN names."""
    recorded = Recorded()
    usage = Usage(input_tokens=50, output_tokens=12, cache_read_tokens=5, cache_write_tokens=0, reasoning_tokens=3)
    recorded.metrics.model_call(ModelCall(**CALL, usage=usage, retries=2, rate_limits=1), ended())
    what = {
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "m"),
        ("gen_ai.response.model", "m-1"),
    }
    points = recorded.points()
    assert points["gen_ai.client.operation.duration"] == {tuple(sorted(what)): (1, 2.0)}
    assert points["gen_ai.client.token.usage"] == {
        tuple(sorted({*what, ("gen_ai.token.type", "input")})): (1, 50),
        tuple(sorted({*what, ("gen_ai.token.type", "output")})): (1, 12),
    }
    by_type = {dict(labels)["type"]: point for labels, point in points["agent.token.usage"].items()}
    assert by_type == {
        "input": (1, 50),
        "output": (1, 12),
        "cache_read": (1, 5),
        "cache_write": (1, 0),
        "reasoning": (1, 3),
    }
    assert {dict(labels)["model"] for labels in points["agent.token.usage"]} == {"m-1"}
    assert points["agent.retries"] == {(("model", "m"),): 2}
    assert points["agent.rate_limited"] == {(("model", "m"),): 1}
    assert "agent.errors" not in points


def test_refused_tries_have_one_model_whether_the_call_was_answered_in_the_end_or_not():
    """A call that gives up names no model that answered: its 429s are counted with those of calls that got through."""
    recorded = Recorded()
    recorded.metrics.model_call(ModelCall(**CALL, retries=1, rate_limits=1), ended())
    recorded.metrics.model_call(ModelCall(provider="openai", request_model="m", retries=2, rate_limits=3), failed())
    points = recorded.points()
    assert points["agent.rate_limited"] == {(("model", "m"),): 4}
    assert points["agent.retries"] == {(("model", "m"),): 3}


def test_only_input_and_output_are_official_types_of_tokens():
    """A call that reports cached and reasoning tokens alone adds nothing to the conventions' histogram."""
    recorded = Recorded()
    recorded.metrics.model_call(ModelCall(**CALL, usage=Usage(cache_read_tokens=5, reasoning_tokens=3)), ended())
    points = recorded.points()
    assert "gen_ai.client.token.usage" not in points
    assert len(points["agent.token.usage"]) == 2


def test_streams_add_their_timing():
    """Time to the first piece and between pieces are recorded where there were pieces."""
    recorded = Recorded()
    recorded.metrics.model_call(ModelCall(**CALL), ended(time_to_first_chunk=0.5, time_per_chunk=0.1))
    points = recorded.points()
    assert list(points["gen_ai.client.operation.time_to_first_chunk"].values()) == [(1, 0.5)]
    assert list(points["gen_ai.client.operation.time_per_output_chunk"].values()) == [(1, 0.1)]


def test_a_call_that_an_official_instrumentation_records_is_left_to_it():
    """Its family is not recorded twice; what only we have is recorded."""
    recorded = Recorded()
    recorded.metrics.model_call(ModelCall(**CALL, usage=Usage(input_tokens=5)), ended(), official=True)
    points = recorded.points()
    assert not [name for name in points if name.startswith("gen_ai.")]
    assert list(points["agent.token.usage"].values()) == [(1, 5)]


def test_late_tokens_are_recorded_without_a_second_duration():
    """Tokens alone can be recorded, in both families."""
    recorded = Recorded()
    recorded.metrics.tokens(ModelCall(**CALL, usage=Usage(input_tokens=5)), ended())
    assert set(recorded.points()) == {"agent.token.usage", "gen_ai.client.token.usage"}


def test_a_run_is_recorded_with_its_outcome():
    """Requests have the status, latency the agent's id, and the conventions' histogram the error."""
    recorded = Recorded()
    run = AgentRun(name="shop", agent_id="a1", template_id="t", request_model="m")
    recorded.metrics.agent_run(run, failed(agent_id="a1"), None)
    points = recorded.points()
    shop, template = ("agent_name", "shop"), ("template_id", "t")
    assert points["agent.requests"] == {(shop, ("status", "failed"), template): 1}
    assert points["agent.chat.latency"] == {(("agent_id", "a1"), template): (1, 2.0)}
    assert points["agent.request.duration"] == {(shop, template): (1, 2.0)}
    assert points["gen_ai.invoke_agent.duration"] == {
        (("error.type", "TimeoutError"), ("gen_ai.agent.name", "shop"), ("gen_ai.request.model", "m")): (1, 2.0)
    }
    assert points["agent.errors"] == {(("agent_id", "a1"), ("error_type", "TimeoutError")): 1}
    assert "agent.token.usage" not in points


def test_a_run_counts_tokens_that_nobody_else_has_counted():
    """With usage given they are recorded under the run's model."""
    recorded = Recorded()
    recorded.metrics.agent_run(AgentRun(request_model="m"), ended(), Usage(input_tokens=7))
    assert recorded.points()["agent.token.usage"] == {(("model", "m"), ("type", "input")): (1, 7)}


def test_a_tool_is_recorded_with_its_agent():
    """Calls have the status, latency the tool, and the conventions' histogram the agent and the error."""
    recorded = Recorded()
    recorded.metrics.tool_call(ToolCall(name="search"), failed(agent_name="shop"))
    points = recorded.points()
    assert points["agent.tool.calls"] == {(("status", "failed"), ("tool_name", "search")): 1}
    assert points["agent.tool.latency"] == {(("tool_name", "search"),): (1, 2.0)}
    ((labels, _),) = points["gen_ai.execute_tool.duration"].items()
    assert dict(labels) == {
        "gen_ai.tool.name": "search",
        "gen_ai.tool.type": "function",
        "gen_ai.agent.name": "shop",
        "error.type": "TimeoutError",
    }


def test_a_workflow_is_recorded():
    """Its duration has its name."""
    recorded = Recorded()
    recorded.metrics.workflow(Workflow(name="checkout"), ended())
    assert recorded.points()["gen_ai.invoke_workflow.duration"] == {(("gen_ai.workflow.name", "checkout"),): (1, 2.0)}


def test_an_error_that_was_passed_on_is_not_counted_again():
    """It has been counted where it first appeared."""
    recorded = Recorded()
    recorded.metrics.agent_run(AgentRun(name="shop"), failed(passed_on=True), None)
    assert "agent.errors" not in recorded.points()


def test_cost_has_a_tenant_and_no_cost_is_no_zero():
    """A known cost is counted per currency, model and tenant; an unknown one as a call."""
    recorded = Recorded()
    recorded.metrics.cost(Cost(0.5, "EUR", "mine"), "m", "t1", CONTEXT)
    recorded.metrics.cost(None, "m", "t1", CONTEXT)
    points = recorded.points()
    assert points["agent.cost"] == {(("currency", "EUR"), ("model", "m"), ("tenant_id", "t1")): 0.5}
    assert points["agent.cost.unknown"] == {(("model", "m"),): 1}


@pytest.mark.parametrize(("family", "other"), [("agent", "gen_ai."), ("gen_ai", "agent.")])
def test_a_family_that_is_off_is_not_recorded(family, other):
    """Only the family that is on has points, whatever ends."""
    recorded = Recorded([family])
    recorded.metrics.model_call(ModelCall(**CALL, usage=Usage(input_tokens=5), retries=1), failed())
    recorded.metrics.agent_run(AgentRun(name="shop"), ended(), None)
    recorded.metrics.tool_call(ToolCall(name="search"), ended())
    names = set(recorded.points())
    assert names
    assert not [name for name in names if name.startswith(other)]


def test_what_agentotel_counts_about_itself_cannot_be_switched_off():
    """Lost telemetry stays visible without any family."""
    recorded = Recorded([])
    recorded.metrics.add(instruments.SELF_DROPPED, 3, ("traces",))
    assert recorded.points() == {"agentotel.self.dropped": {(("signal", "traces"),): 3}}


def exemplars(telemetry, metric_name):
    """Return the trace ids to which the points of a metric lead."""
    data = telemetry._reader.get_metrics_data()
    return [
        exemplar.trace_id
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == metric_name
        for point in metric.data.data_points
        for exemplar in point.exemplars
    ]


HISTOGRAMS = ["agent.chat.latency", "agent.token.usage", "gen_ai.client.operation.duration", "agent.tool.latency"]


def record_run(telemetry, run):
    """Record a run with a model call and a tool."""
    with run(telemetry.observer, AgentRun(name="shop", agent_id="a1")):
        with run(telemetry.observer, ModelCall(**CALL, usage=Usage(input_tokens=5))):
            pass
        with run(telemetry.observer, ToolCall(name="search")):
            pass


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_a_sampled_run_can_be_reached_from_its_points(telemetry, run, name):
    """A histogram's point carries the trace id of the run that was recorded in it, although the span has ended."""
    record_run(telemetry, run)
    (trace_id,) = {span.context.trace_id for span in telemetry.spans()}
    assert exemplars(telemetry, name) == [trace_id]


def test_a_run_that_is_not_sampled_is_no_exemplar(monkeypatch, run):
    """A point must not lead to a trace that nobody has."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    with testing.recording() as telemetry:
        record_run(telemetry, run)
        assert telemetry.spans() == []
        assert [exemplars(telemetry, name) for name in HISTOGRAMS] == [[], [], [], []]
