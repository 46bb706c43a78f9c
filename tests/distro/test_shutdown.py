"""The end of the program: everything at once, under one deadline."""

from __future__ import annotations

import threading

import pytest

from agentotel._base import failopen
from agentotel.distro import shutdown
from agentotel.telemetry import open_recordings


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


@pytest.fixture
def make_end():
    """Make ends of a process that note what they do."""

    def make(step=lambda: None, deadline_s=30.0):
        done, late = [], []

        def noted():
            done.append(threading.current_thread().name)
            step()

        return shutdown.End([("shutdown.test", noted)], deadline_s, late.append), done, late

    return make


def test_the_end_happens_once(make_end):
    """Exit handler, signal and `os._exit` may all ask for it."""
    end, done, _ = make_end()
    end.run()
    end.run()
    assert done == ["shutdown.test"]


def test_whoever_comes_second_waits_for_the_first(make_end):
    """A thread that calls `os._exit` during the exit handlers must not cut them off."""
    entered, release = threading.Event(), threading.Event()

    def step():
        entered.set()
        release.wait(10)

    end, _, _ = make_end(step)
    returned = []
    first, second = (threading.Thread(target=lambda: (end.run(), returned.append(1))) for _ in range(2))
    first.start()
    entered.wait(10)
    second.start()
    second.join(0.05)
    assert returned == []
    release.set()
    first.join()
    second.join()
    assert returned == [1, 1]


def test_the_end_that_is_asked_for_within_itself_goes_on(make_end):
    """A signal handler that runs inside of it returns to it."""
    end, done, _ = make_end()
    end.run(under_way=end.run)
    assert done == ["shutdown.test"]


def test_it_is_told_when_nothing_has_to_wait_for_locks_any_more(make_end):
    """All threads that deliver have been started by then."""
    entered, release = threading.Event(), threading.Event()

    def step():
        entered.set()
        release.wait(10)

    end, _, _ = make_end(step)
    end.run(under_way=lambda: (entered.wait(10), release.set()))
    assert release.is_set()


def test_a_forked_process_has_an_end_of_its_own(make_end):
    """What the parent has done does not count there."""
    end, done, _ = make_end()
    end.run()
    end.begin_anew()
    end.run()
    assert len(done) == 2


def test_what_is_late_is_told(make_end):
    """The deadline has passed and something is still under way."""
    release = threading.Event()
    end, _, late = make_end(lambda: release.wait(10), 0.05)
    end.run()
    assert late == [0.05]
    release.set()


def test_a_second_ctrl_c_ends_the_waiting(make_end):
    """The user does not want to wait: no traceback, and whoever else waits goes on."""

    def interrupt():
        raise KeyboardInterrupt

    end, _, _ = make_end()
    end.run(under_way=interrupt)
    end.run()


def test_what_is_open_is_ended_first(make_end):
    """An open recording is interrupted before its signals are delivered."""
    order = []

    class Open:
        def interrupt(self):
            order.append("interrupted")
            open_recordings.ended(self)

        def disown(self):
            """Not in this test."""

    open_recordings.opened(Open())
    end, _, _ = make_end(lambda: order.append("delivered"))
    end.run()
    assert order == ["interrupted", "delivered"]


def test_what_others_are_just_ending_is_waited_for(make_end):
    """An operation whose end has begun in another thread is delivered as well."""
    ending, order = threading.Event(), []

    class Ending:
        def interrupt(self):
            ending.set()  # it has ended already: this changes nothing

        def disown(self):
            """Not in this test."""

    recording = Ending()
    open_recordings.opened(recording)

    def finish():
        ending.wait(10)
        order.append("ended")
        open_recordings.ended(recording)

    other = threading.Thread(target=finish)
    other.start()
    end, _, _ = make_end(lambda: order.append("delivered"))
    end.run()
    other.join()
    assert order == ["ended", "delivered"]
