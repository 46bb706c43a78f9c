"""What is left to do about collected objects is never done inside the collector."""

from __future__ import annotations

import gc
import threading

import pytest

from agentotel import patching
from agentotel._base import failopen
from agentotel.model.contract import Call
from agentotel.model.operations import ModelCall
from agentotel.patching import collected


@pytest.fixture(autouse=True)
def _nothing_waits():
    collected.settle()
    yield
    collected.settle()


def test_actions_wait_and_are_done_in_order():
    """Nothing happens before `settle`, and then all of it, once."""
    done = []
    collected.later("site", done.append, 1)
    collected.later("site", done.append, 2)
    assert not collected.is_empty()
    assert done == []
    collected.settle()
    collected.settle()
    assert done == [1, 2]
    assert collected.is_empty()


def test_an_action_that_fails_keeps_no_other_from_being_done():
    """The failure is counted under its site."""
    failopen.reset()
    failopen.configure(strict=False)
    done = []
    collected.later("broken", int, "x")
    collected.later("fine", done.append, 1)
    collected.settle()
    assert done == [1]
    assert failopen.errors() == {"broken": 1}
    failopen.reset()


class LockedRecording:
    """A recording whose end needs a lock that cannot be taken twice, as those of the SDK's metrics do."""

    def __init__(self, operation, lock, ended):
        self.operation, self._lock, self._ended = operation, lock, ended

    def activate(self):
        return None

    def suspend(self, token):
        pass

    def chunk(self):
        pass

    def expire(self):
        pass

    def stop(self):
        assert self._lock.acquire(timeout=0), "would wait for ever"
        self._ended.append(self.operation)
        self._lock.release()

    def fail(self, error):
        self.stop()


def test_a_stream_that_is_collected_under_a_lock_does_not_block():
    """The collector runs while this thread holds the lock: the end waits until the next call, and is not lost."""
    lock, ended = threading.Lock(), []

    class Observer:
        def start(self, operation):
            return LockedRecording(operation, lock, ended)

        def current(self):
            return None

    def stream():
        yield 1

    wrapped = patching.wrap(stream, Call("m:stream", lambda call: ModelCall()), "test")
    previous = patching.observer()
    patching.observe(Observer())
    try:
        abandoned = wrapped()
        with lock:
            del abandoned
            gc.collect()
            assert ended == []
        list(wrapped())
    finally:
        patching.observe(previous) if previous is not None else patching.stop_observing()
    assert len(ended) == 2
