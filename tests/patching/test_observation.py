"""The active observer."""

from __future__ import annotations

from agentotel.model.operations import AgentRun
from agentotel.patching import observation


def test_wrappers_find_the_observer_that_was_set_last(observer):
    """`observe` replaces the observer, `stop_observing` leaves none."""
    assert observation.observer() is observer
    observation.stop_observing()
    assert observation.observer() is None


def test_a_standing_observer_follows_the_active_one(observer, current):
    """`CurrentObserver` forwards to whoever is active at the time of the call, and to nobody after the end."""
    standing = observation.CurrentObserver()
    recording = standing.start(AgentRun())
    recording.activate()
    assert standing.current() is recording.operation
    recording.suspend(None)
    observation.stop_observing()
    assert standing.start(AgentRun()) is None
    assert standing.current() is None
    assert observer.recordings == [recording]
