"""What is renewed in a process that was forked."""

from __future__ import annotations

import threading

import pytest
import requests
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource

from agentotel._base import failopen
from agentotel.cost import Prices
from agentotel.distro import forks


class Part:
    """An object of ours, with slots as well as without."""

    def __init__(self, **values):
        self.__dict__.update(values)


class Slotted:
    """The same with slots."""

    __slots__ = ("inside", "lock")


Part.__module__ = Slotted.__module__ = "agentotel.test"


class Foreign:
    """An object of the program."""

    def __init__(self, **values):
        self.__dict__.update(values)


def held():
    """Return a lock whose holder is gone."""
    lock = threading.Lock()
    lock.acquire()
    return lock


def test_locks_are_released_however_deep_they_are():
    """In attributes, slots, dictionaries, lists, modules, and in circles."""
    slotted = Slotted()
    slotted.lock = held()
    locks = [held(), held(), slotted.lock, held()]
    part = Part(lock=locks[0], parts={"a": [Part(lock=locks[1]), slotted]}, inner=Part(lock=locks[3]))
    slotted.inside = part
    forks.begin_anew([part])
    assert not any(lock.locked() for lock in locks)


def test_locks_of_modules_are_released():
    """The guard's own, for example."""
    failopen._lock.acquire()
    forks.begin_anew([failopen])
    assert not failopen._lock.locked()


def test_an_event_can_be_waited_for_again():
    """Those who waited in the parent are not here."""
    event = threading.Event()
    event._cond.acquire()
    forks.begin_anew([Part(event=event)])
    event.set()
    assert event.wait(1)


def test_the_locks_of_the_program_are_its_own():
    """Objects that are not ours are not looked into."""
    lock = held()
    forks.begin_anew([Part(foreign=Foreign(lock=lock))])
    assert lock.locked()


def test_prices_hold_their_lock_over_the_fork_themselves():
    """It is released by what holds it."""
    prices = Prices()
    prices._lock.acquire()
    forks.begin_anew([Part(prices=prices)])
    assert prices._lock.locked()
    prices._lock.release()


def test_connections_are_left_to_the_parent():
    """A session gets new pools, set up as the old ones."""
    session = requests.Session()
    session.mount("https://", requests.adapters.HTTPAdapter(max_retries=3, pool_maxsize=7))
    before = dict(session.adapters)
    forks.begin_anew([Part(session=session)])
    for prefix, adapter in session.adapters.items():
        assert adapter is not before[prefix]
        assert adapter.poolmanager is not before[prefix].poolmanager
    assert session.adapters["https://"].max_retries.total == 3
    assert session.adapters["https://"]._pool_maxsize == 7


def test_a_process_gets_an_id_of_its_own_where_the_sdk_gives_none():
    """All that have held the same resource hold the same new one; everything else of it stays."""
    old = Resource({SERVICE_INSTANCE_ID: "parent", "service.name": "shop"})
    provider, tracer = Part(_resource=old), Part(resource=old)
    provider.tracers = [tracer]
    forks.identify([provider])
    assert provider._resource is tracer.resource
    assert provider._resource.attributes["service.name"] == "shop"
    assert provider._resource.attributes[SERVICE_INSTANCE_ID] != "parent"


def test_an_sdk_that_does_it_by_itself_is_left_alone():
    """As from 1.45 on."""
    old = Resource({SERVICE_INSTANCE_ID: "by the SDK"})
    provider = Part(_resource=old, _handle_fork=None)
    forks.identify([provider])
    assert provider._resource is old


@pytest.fixture
def actions(monkeypatch):
    """Let only the actions of the test be registered."""
    monkeypatch.setattr(forks, "_actions", {})
    failopen.reset()
    failopen.configure(strict=False)
    yield forks._actions
    failopen.reset()


def test_one_that_fails_keeps_no_other_from_being_done(actions):
    """Each stands in a guard of its own."""
    done = []
    forks.in_child("forks.broken", lambda: 1 / 0)
    forks.in_child("forks.good", lambda: done.append(1))
    forks._run_actions()
    assert done == [1]
    assert failopen.errors() == {"forks.broken": 1}
