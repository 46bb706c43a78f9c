"""The end of the program: everything at once, under one deadline."""

from __future__ import annotations

import threading

from agentotel._base import failopen
from agentotel.distro import shutdown


def test_the_steps_run_at_the_same_time():
    """Each step waits for the others: one after the other they would never end."""
    barrier = threading.Barrier(3)
    done = []

    def step():
        barrier.wait(timeout=10)
        done.append(True)

    assert shutdown.run_all([(f"step{number}", step) for number in range(3)], 30)
    assert len(done) == 3


def test_a_step_that_hangs_is_left_behind():
    """The deadline ends the waiting, not the step."""
    release = threading.Event()
    assert not shutdown.run_all([("hanging", release.wait), ("quick", lambda: None)], 0.05)
    release.set()


def test_a_step_that_fails_is_counted_and_stops_no_other():
    """The other steps run; the failure is on record."""
    failopen.reset()
    failopen.configure(strict=False)
    done = threading.Event()

    def fail():
        raise ValueError("broken")

    assert shutdown.run_all([("shutdown.traces", fail), ("shutdown.logs", done.set)], 30)
    assert done.is_set()
    assert failopen.errors() == {"shutdown.traces": 1}
    failopen.reset()


def test_without_threads_the_steps_still_run(monkeypatch):
    """Interpreters that start no thread while they shut down run the steps one after the other."""

    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    done = []
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert shutdown.run_all([("one", lambda: done.append(1)), ("two", lambda: done.append(2))], 1)
    assert done == [1, 2]
