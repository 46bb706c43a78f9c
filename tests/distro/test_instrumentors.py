"""Other instrumentors that are installed."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from agentotel.adapters.registry import ADAPTERS
from agentotel.distro import instrumentors


class FakeEntryPoint:
    """An entry point of the group opentelemetry_instrumentor."""

    def __init__(self, load, name="flask", distribution="opentelemetry-instrumentation-flask"):
        self.load = load
        self.name = name
        self.dist = SimpleNamespace(name=distribution)


@pytest.fixture(autouse=True)
def _forgetful():
    instrumentors.skipped.clear()


def test_an_instrumentor_is_started_as_usual():
    """It gets the launcher's arguments."""
    started = []
    instrumentor = type("Instrumentor", (), {"instrument": lambda self, **kwargs: started.append(kwargs)})
    instrumentors.load(FakeEntryPoint(lambda: instrumentor), {"skip_dep_check": True})
    assert started == [{"skip_dep_check": True}]
    assert instrumentors.skipped == {}


@pytest.mark.parametrize("error", [ValueError("broken"), ImportError("no flask"), RuntimeError("version")])
def test_a_failing_one_is_remembered_with_its_reason(error):
    """Nothing is raised; the doctor can say why it was left out."""

    def load():
        raise error

    instrumentors.load(FakeEntryPoint(load), {})
    assert str(error) in instrumentors.skipped["opentelemetry-instrumentation-flask:flask"]


@pytest.mark.parametrize("label", [label for adapter in ADAPTERS for label in adapter.replaces])
def test_official_instrumentations_give_way_to_our_adapters(label):
    """What an adapter replaces is not loaded."""
    distribution, name = label.split(":")

    def load():
        raise AssertionError("must not be loaded")

    instrumentors.load(FakeEntryPoint(load, name, distribution), {})
    assert "adapter" in instrumentors.skipped[label]


def test_an_entry_point_without_a_distribution_is_no_replacement():
    """Its name alone is not enough: another distribution may use the same one."""
    entry_point = EntryPoint("openai", "nowhere:Nothing", "opentelemetry_instrumentor")
    assert instrumentors.replaced_by(entry_point, ADAPTERS) is None
