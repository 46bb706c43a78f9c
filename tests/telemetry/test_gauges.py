"""Values that are read when metrics are collected."""

from __future__ import annotations

import os

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel._base import failopen
from agentotel.telemetry import gauges
from agentotel.telemetry.active_users import ActiveUsers
from agentotel.telemetry.cardinality import CardinalityGuard


def collected(families, pools=list):
    """Return what one collection gives, by metric name."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    users = ActiveUsers()
    users.run_started("u1")
    gauges.register(provider.get_meter("test"), families, CardinalityGuard(10, lambda _: None), users, pools)
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
