"""Agents of the user's own classes as metrics."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from agentotel.distro.created_agents import CreatedAgents
from agentotel.telemetry.cardinality import CardinalityGuard
from agentotel.telemetry.metrics import Metrics


class SupportAgent:
    """An agent of a program."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


class Counted:
    """A listener, and what it has counted."""

    def __init__(self):
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False)
        metrics = Metrics(self.provider.get_meter("test"), ["agent"], CardinalityGuard(100, lambda _: None))
        self.listener = CreatedAgents(metrics)

    def create(self, tracked=True, **attributes):
        """Tell the listener of a new agent."""
        return self.listener.created(SupportAgent, SupportAgent(**attributes), tracked=tracked)

    def points(self, name):
        """Return the points of a metric by their labels."""
        data = self._reader.get_metrics_data()
        return {
            tuple(sorted(point.attributes.items())): point.value
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }


@pytest.fixture
def counted():
    """A listener with metrics of its own."""
    made = Counted()
    yield made
    made.provider.shutdown()


def test_agents_are_counted_as_they_come_and_go(counted):
    """Created only grows; active goes down again by the same labels."""
    tokens = [counted.create(name="ann", template_id="t") for _ in range(3)]
    labels = (("agent_name", "ann"), ("template_id", "t"))
    assert counted.points("agent.created") == {labels: 3}
    assert counted.points("agent.active.count") == {labels: 3}
    counted.listener.closed(tokens[0])
    assert counted.points("agent.created") == {labels: 3}
    assert counted.points("agent.active.count") == {labels: 2}


def test_an_agent_whose_end_cannot_be_seen_is_not_counted_as_active(counted):
    """It would be active for ever."""
    counted.create(tracked=False, name="ann")
    assert list(counted.points("agent.created").values()) == [1]
    assert counted.points("agent.active.count") == {}


def test_an_agent_without_a_name_has_that_of_its_class(counted):
    """The labels are never empty."""
    counted.create()
    counted.create(name="", template_id=None)
    assert counted.points("agent.created") == {(("agent_name", "SupportAgent"),): 2}


def test_it_goes_by_the_labels_with_which_it_came(counted):
    """A name that has changed in between does not leave one active for ever and make another negative."""
    agent = SupportAgent(name="before")
    token = counted.listener.created(SupportAgent, agent, tracked=True)
    agent.name = "after"
    counted.listener.closed(token)
    assert counted.points("agent.active.count") == {(("agent_name", "before"),): 0}


def test_pools_are_not_counted_here(counted):
    """They are read when metrics are collected."""
    counted.listener.pool_created("pool", SimpleNamespace())
    assert counted.points("agent.created") == {}
