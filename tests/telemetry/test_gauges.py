"""Values that are read when metrics are collected."""

from __future__ import annotations

import os

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel._base import failopen
from agentotel.config.budget import BUDGETS
from agentotel.cost import Budgets, Cost
from agentotel.model.operations import AgentRun, ToolCall
from agentotel.telemetry import gauges
from agentotel.telemetry.active_users import ActiveUsers
from agentotel.telemetry.cardinality import CardinalityGuard


def collected(families, pools=list, budgets=None):
    """Return what one collection gives, by metric name."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    users = ActiveUsers()
    users.run_started("u1")
    gauges.register(provider.get_meter("test"), families, CardinalityGuard(2, lambda _: None), users, pools, budgets)
    data = reader.get_metrics_data()
    provider.shutdown()
    return {
        metric.name: {tuple(sorted(point.attributes.items())): point.value for point in metric.data.data_points}
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def test_pools_users_and_memory_are_read():
    """Each gauge of the family shows the present value."""
    found = collected({"agent"}, lambda: [("support", 2, 5)])
    assert found["agent.pool.size"] == {(("pool", "support"),): 2}
    assert found["agent.pool.max_size"] == {(("pool", "support"),): 5}
    assert found["agent.concurrent.users"] == {(): 1}
    assert len(found["agent.users.register"]) == 1
    resident = found["agent.memory.usage"][("state", "resident"),]
    assert 1_000_000 < resident < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_the_age_of_runs_is_that_of_the_oldest_of_each_agent(telemetry):
    """An agent that is not run has none; beyond the limit of names there is one age for all others."""
    open_runs = [telemetry.observer.start(AgentRun(name=name)) for name in ("a", "a", "b", "c", "d")]
    for age, recording in zip((50, 40, 30, 20, 10), open_runs, strict=True):
        recording.watch._origin_ns -= age * 10**9
    tool = telemetry.observer.start(ToolCall(name="t"))
    ages = {dict(labels)["agent_name"]: int(age) for labels, age in collected({"agent"})["agent.run.age"].items()}
    assert ages == {"a": 50, "b": 30, "other": 20}
    for recording in (*open_runs, tool):
        recording.stop()
    assert "agent.run.age" not in collected({"agent"})


def test_a_run_of_an_agent_without_a_name_has_an_age(telemetry):
    """Without the label."""
    recording = telemetry.observer.start(AgentRun())
    (labels,) = collected({"agent"})["agent.run.age"]
    recording.stop()
    assert labels == ()


def test_budgets_are_read():
    """Limits and what has been spent, by scope; without a budget there is neither."""
    budgets = Budgets(BUDGETS.cast("day=5;month=10"))
    budgets.spend(Cost(2.5, "USD", "test"), None)
    found = collected({"agent"}, budgets=budgets)
    assert found["agent.budget.limit"] == {(("scope", "day"),): 5.0, (("scope", "month"),): 10.0}
    assert found["agent.budget.spent"] == {(("scope", "day"),): 2.5, (("scope", "month"),): 2.5}
    assert not {"agent.budget.limit", "agent.budget.spent"} & set(collected({"agent"}))


def test_a_family_that_is_off_has_no_gauges():
    """AGENTOTEL_METRICS without `agent` leaves them out."""
    assert "agent.pool.size" not in collected({"gen_ai"})


def test_a_reading_that_fails_costs_only_itself():
    """A pool whose attributes raise does not keep the other gauges from being read."""
    failopen.reset()

    def broken():
        raise ValueError("broken pool")

    found = collected({"agent"}, broken)
    assert "agent.pool.size" not in found
    assert "agent.memory.usage" in found
    assert failopen.errors() == {"gauge.agent.pool.size": 1, "gauge.agent.pool.max_size": 1}
    failopen.reset()
