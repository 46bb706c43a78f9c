"""A process that a thread has forked ends when that thread ends."""

from __future__ import annotations

import os
import threading

import pytest

from agentotel.distro.forked_threads import _Last, end_with_thread

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

PROGRAM = """
    import os, sys, threading, time, warnings
    warnings.simplefilter("ignore")
    from agentotel.distro.forked_threads import end_with_thread

    def note(text):
        os.write(1, text.encode())

    def fork():
        pid = os.fork()
        if pid == 0:
            end_with_thread(lambda: note("end "))
            threading.Thread(target=threading.Event().wait, name="OtelTest", daemon=True).start()
            threading.Thread(target=lambda: (time.sleep(0.1), note("last "))).start()
            note("child ")
        else:
            note(f"status {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")

    thread = threading.Thread(target=fork)
    thread.start()
    thread.join()
"""


def test_the_child_ends_with_its_threads(run_program):
    """Not before other threads of the program, and without waiting for those that deliver."""
    assert run_program(PROGRAM).stdout == "child last end status 0"


def test_the_main_thread_ends_its_process_itself():
    """Nothing is put into it."""
    assert type(threading.main_thread()).__name__ == "_MainThread"
    end_with_thread(lambda: pytest.fail("the main thread has not ended"))


def test_a_copy_in_a_further_process_does_nothing(monkeypatch):
    """A child of the child must not end itself where its parent would."""
    ended = []
    last = _Last(lambda: ended.append(1))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    del last
    assert ended == []
