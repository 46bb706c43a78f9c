"""A program that a signal ends dies of the same signal as without agentotel, and what it did arrives."""

from __future__ import annotations

import signal
import socket

import pytest

from e2e.beside import Beside, ended, interrupted

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there are no such signals"),
]

AGENT, TOOL = "invoke_agent shop", "execute_tool WaitTool"

WAIT = """
from shop import *
ShopAgent().chat(lambda: WaitTool().execute())
"""


@pytest.fixture
def beside(world):
    """Run programs with and without agentotel."""
    return Beside(world)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_kills_by_default_still_kills(beside, signum):
    """The parent sees the same signal; the open operations are ended and arrive."""
    status, _, _ = beside.run(WAIT, signals=[signum])
    assert status == -signum
    assert beside.ends() == [interrupted(TOOL), interrupted(AGENT)]
    assert {span.attributes.get("agent.status") for span in beside.spans()} == {None, "cancelled"}


def test_ctrl_c_is_a_keyboard_interrupt(beside):
    """The exception ends the operations, and the program dies of SIGINT with Python's own traceback."""
    status, _, _ = beside.run(WAIT, signals=[signal.SIGINT])
    assert status == -signal.SIGINT
    assert beside.ends() == [ended(TOOL, "KeyboardInterrupt"), ended(AGENT, "KeyboardInterrupt")]


def test_ctrl_c_cancels_the_tasks_of_asyncio(beside):
    """`asyncio.run` cancels the main task, whose run ends as cancelled."""
    status, _, _ = beside.run(
        """
        import asyncio
        import threading
        from shop import *
        async def work():
            threading.Timer(0.2, print, ["waiting"], {"flush": True}).start()  # the loop waits by then
            await asyncio.sleep(30)
        asyncio.run(ShopAgent().achat(work))
        """,
        signals=[signal.SIGINT],
    )
    assert status == -signal.SIGINT
    assert beside.ends() == [ended(AGENT, "CancelledError")]


def test_asyncio_that_is_killed(beside):
    """SIGTERM kills an event loop, too."""
    status, _, _ = beside.run(
        """
        import asyncio
        from shop import *
        async def work():
            print("waiting", flush=True)
            await asyncio.sleep(30)
        asyncio.run(ShopAgent().achat(work))
        """,
        signals=[signal.SIGTERM],
    )
    assert status == -signal.SIGTERM
    assert beside.ends() == [interrupted(AGENT)]


OWN_HANDLERS = {
    "a handler that exits": (
        """
        import signal, sys
        from shop import *
        print(signal.signal(signal.SIGTERM, lambda signum, frame: sys.exit(7)))
        print(signal.getsignal(signal.SIGHUP))
        ShopAgent().chat(lambda: WaitTool().execute())
        """,
        7,
        [ended(TOOL, "SystemExit"), ended(AGENT, "SystemExit")],
    ),
    "a handler that lets the work be finished": (
        """
        import signal
        from shop import *
        stopped = []
        signal.signal(signal.SIGTERM, lambda signum, frame: stopped.append(signum))
        def work():
            print("waiting", flush=True)
            while not stopped:
                signal.pause()
        ShopAgent().chat(work)
        print(stopped)
        """,
        0,
        [ended(AGENT)],
    ),
    "a handler of the event loop": (
        """
        import asyncio, signal
        from shop import *
        async def work():
            stopped = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
            print("waiting", flush=True)
            await stopped.wait()
        asyncio.run(ShopAgent().achat(work))
        print(signal.getsignal(signal.SIGTERM))
        """,
        0,
        [ended(AGENT)],
    ),
    "a handler that cleans up and dies of the signal": (
        """
        import os, signal
        from shop import *
        def stop(signum, frame):
            print("clean")
            sys.stdout.flush()
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
        import sys
        signal.signal(signal.SIGTERM, stop)
        ShopAgent().chat(lambda: WaitTool().execute())
        """,
        -signal.SIGTERM,
        [interrupted(TOOL), interrupted(AGENT)],
    ),
    "the default put back": (
        """
        import signal
        from shop import *
        print(signal.signal(signal.SIGTERM, signal.SIG_IGN), signal.signal(signal.SIGTERM, signal.SIG_DFL))
        print(signal.getsignal(signal.SIGTERM), signal.signal(signal.SIGTERM, 0))
        ShopAgent().chat(lambda: WaitTool().execute())
        """,
        -signal.SIGTERM,
        [interrupted(TOOL), interrupted(AGENT)],
    ),
}


@pytest.mark.parametrize(("source", "status", "ends"), OWN_HANDLERS.values(), ids=OWN_HANDLERS)
def test_what_the_program_does_about_a_signal_counts(beside, source, status, ends):
    """Its handlers run, it sees its own and the default, and no handler of ours."""
    seen, _, _ = beside.run(source, signals=[signal.SIGTERM])
    assert seen == status
    assert beside.ends() == sorted(ends, key=str)


def test_a_signal_that_is_ignored_stays_ignored(beside):
    """What was ignored when the program started (nohup), and what it ignores itself."""
    status, output, _ = beside.run(
        """
        import signal
        from shop import *
        print("waiting", flush=True)
        signal.sigtimedwait([], 0.3)
        print(signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM))
        ShopAgent().chat()
        """,
        ignored=[signal.SIGHUP, signal.SIGTERM],
        signals=[signal.SIGHUP],
    )
    assert status == 0
    assert output.endswith(f"{signal.SIG_IGN!s} {signal.SIG_IGN!s}\n")
    assert beside.ends() == [ended(AGENT)]


def test_a_program_that_holds_a_lock_when_the_signal_comes_dies_all_the_same(beside):
    """The main thread is inside of `logging`, whose lock is needed to deliver; it is let go of, and all arrives."""
    status, _, _ = beside.run(
        """
        import logging, threading
        from shop import *
        class Slow(logging.Handler):
            def emit(self, record):
                print("waiting", flush=True)
                time.sleep(0.5)
        logging.getLogger().addHandler(Slow())
        threading._active_limbo_lock.acquire()  # as inside of Thread.start
        def work():
            logging.getLogger("shop").error("hello")
            threading._active_limbo_lock.release()
            time.sleep(30)
        ShopAgent().chat(work)
        """,
        signals=[signal.SIGTERM],
    )
    assert status == -signal.SIGTERM
    assert beside.ends() == [interrupted(AGENT)]


def test_a_dead_collector_holds_a_signal_up_only_for_the_deadline(beside):
    """A Collector that accepts and never answers: the program dies of the signal when the deadline has passed."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        beside.settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "50",
            "AGENTOTEL_EXIT_TIMEOUT": "1s",
        }
        status, _, messages = beside.run_mine(WAIT, [signal.SIGTERM])
    assert status == -signal.SIGTERM
    assert messages.count("agentotel:") == 1


def test_two_signals_are_one_end(beside):
    """A supervisor that repeats itself changes nothing: the first signal is the one that the program dies of."""
    status, _, _ = beside.run(
        """
        import os, signal, threading
        from shop import *
        def work():
            def both():
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGTERM)
            threading.Thread(target=both).start()
            time.sleep(30)
        ShopAgent().chat(work)
        """
    )
    assert status == -signal.SIGTERM
    assert beside.ends() == [interrupted(AGENT)]
