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
    token = recording.activate()
    assert standing.current() is recording.operation
    recording.suspend(token)
    observation.stop_observing()
    assert standing.start(AgentRun()) is None
    assert standing.current() is None
    assert observer.recordings == [recording.real]


class Broken:
    """A recording all of whose methods raise."""

    operation = AgentRun()

    def broken(self, *_):
        raise RuntimeError

    activate = suspend = chunk = headers = expire = stop = fail = broken


def test_what_a_standing_observer_gives_never_raises(observer, lenient):
    """Callbacks call a recording outside of every guard, so a failure inside it stays inside."""
    observer.start = lambda operation, within=None: Broken()
    recording = observation.CurrentObserver().start(AgentRun())
    token = recording.activate()
    recording.suspend(token)
    recording.chunk()
    recording.expire()
    recording.stop()
    recording.fail(ValueError())
    assert recording.headers() == {}
    assert not observation.CurrentObserver().wants_content


def test_a_parent_is_handed_on_as_the_observer_gave_it(observer):
    """`within` reaches the active observer as its own recording, not as the guarded one."""
    given = []
    standing = observation.CurrentObserver()
    outer = standing.start(AgentRun())
    observer.start = lambda operation, within=None: given.append(within)
    standing.start(AgentRun(), outer)
    assert given == [outer.real]
