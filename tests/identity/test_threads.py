"""The context in threads and thread pools."""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentotel.identity import context, current, threads


@pytest.fixture(autouse=True)
def _carried():
    threads.install()
    yield
    threads.uninstall()


def who():
    """Return the user of the current context."""
    identity = current()
    return None if identity is None else identity.user_id


class Worker(threading.Thread):
    """A thread with a `run` of its own."""

    def run(self):
        self.seen = who()


def test_a_thread_knows_who_it_works_for():
    """The context in which a thread is started is the one in which it runs, whichever way it is made."""
    seen = []
    plain, timer, own = threading.Thread(target=lambda: seen.append(who())), threading.Timer(0, lambda: None), Worker()
    timer.function = lambda: seen.append(who())
    with context(user_id="u1"):
        for thread in (plain, timer, own):
            thread.start()
    for thread in (plain, timer, own):
        thread.join()
    assert seen == ["u1", "u1"]
    assert own.seen == "u1"
    assert "run" not in own.__dict__


def test_a_thread_outside_of_any_context_is_left_alone():
    """Nothing is carried where there is nothing."""
    worker = Worker()
    worker.start()
    worker.join()
    assert worker.seen is None


def test_a_pool_serves_each_call_in_its_own_context():
    """A worker thread that is used again does not remember the call before."""
    with ThreadPoolExecutor(1) as pool:
        with context(user_id="u1"):
            first = pool.submit(who)
        second = pool.submit(who)
        with context(user_id="u2"):
            third = list(pool.map(lambda _: who(), range(2)))
        assert (first.result(), second.result(), third) == ("u1", None, ["u2", "u2"])


def test_an_executor_of_the_event_loop_keeps_the_context():
    """``run_in_executor`` goes through the pool."""

    async def main():
        with context(user_id="u1"):
            return await asyncio.get_running_loop().run_in_executor(None, who)

    assert asyncio.run(main()) == "u1"


def test_errors_and_arguments_pass_through():
    """What the function gets, returns and raises is its own affair."""

    def divide(numerator, *, by):
        return numerator / by

    with ThreadPoolExecutor(1) as pool, context(user_id="u1"):
        assert pool.submit(divide, 6, by=3).result() == 2
        with pytest.raises(ZeroDivisionError):
            pool.submit(divide, 6, by=0).result()
        with pytest.raises(TypeError):
            pool.submit()


def test_a_thread_that_cannot_be_started_again_says_so_as_before():
    """Python's own error, and the thread is as it was."""
    worker = Worker()
    with context(user_id="u1"):
        worker.start()
        worker.join()
        with pytest.raises(RuntimeError, match="threads can only be started once"):
            worker.start()
    assert "run" not in worker.__dict__


def test_installing_twice_and_uninstalling_put_python_back():
    """The methods are the original ones again, and look like them meanwhile."""
    threads.install()
    assert threading.Thread.start.__name__ == "start"
    assert list(inspect.signature(ThreadPoolExecutor.submit).parameters)[:2] == ["self", "fn"]
    threads.uninstall()
    assert not hasattr(threading.Thread.start, "__wrapped__")
    assert not hasattr(ThreadPoolExecutor.submit, "__wrapped__")
