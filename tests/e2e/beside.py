"""Runs a program twice, without and with agentotel, and holds the two against each other."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

from agentotel.local import query
from agentotel.local.errors import StoreError
from agentotel.local.filters import Filters

SHOP = """
import threading
import time
from openai import OpenAI, AsyncOpenAI

MESSAGES = [{"role": "user", "content": "hi"}]

def ask(client, **more):
    return client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, **more)

class WaitTool:
    def execute(self, seconds=30):
        threading.Timer(0.2, print, ["waiting"], {"flush": True}).start()  # the main thread sleeps by then
        time.sleep(seconds)

class ShopAgent:
    def __init__(self, name="shop"):
        self.name = name

    def chat(self, work=None):
        return work() if work else "done"

    async def achat(self, work):
        return await work()
"""
"""What the programs have in common: a model, a tool that waits, an agent that does what it is told."""


class Beside:
    """What a program did, and the telemetry of the run with agentotel.

    Args:
        world: The backend and the model server.
    """

    def __init__(self, world):
        self._world = world
        self.folder = world.folder
        (world.folder / "shop.py").write_text(SHOP)
        self.settings = {}

    def run(self, source, signals=(), ignored=(), command=None):
        """Run a program bare and under the launcher; assert that status, stdout and stderr are the same.

        Args:
            source: The program; it finds `SHOP` as the module ``shop``.
            signals: Sent to it one after the other, each when it has written another line ``waiting``.
            ignored: Signals that are ignored when it starts.
            command: What to start instead of the program itself.
        """
        command = command or self._command(source)
        bare = self._start([], command, signals, ignored)
        status, output, messages = self._start(["opentelemetry-instrument"], command, signals, ignored)
        mine = status, output, messages if sys.version_info >= (3, 11) else without_our_frames(messages)
        assert mine == bare, f"with agentotel: {mine}\nwithout: {bare}"
        return bare

    def run_mine(self, source, signals=()):
        """Run a program under the launcher only."""
        return self._start(["opentelemetry-instrument"], self._command(source), signals)

    def _command(self, source):
        path = self._world.folder / "program.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return [sys.executable, str(path)]

    def _start(self, launcher, command, signals=(), ignored=()):
        """Start a command, send the signals, and return status, stdout and stderr."""
        for signum in ignored:
            launcher = ["env", f"--ignore-signal={signum.name[3:]}", *launcher]
        started = subprocess.Popen(
            [*launcher, *command], cwd=self._world.folder, env=self._world.environment(**self.settings), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            seen = []
            for signum in signals:
                seen.append(self._line(started))
                os.kill(started.pid, signum)
            output, messages = started.communicate(timeout=30)
            return started.returncode, "".join(seen) + output, messages
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)

    def background(self, command):
        """Start a command under the launcher."""
        return subprocess.Popen(
            ["opentelemetry-instrument", *command], cwd=self.folder, env=self._world.environment(**self.settings),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def end(self, started):
        """Let nothing of a command go on."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=30)

    def _line(self, started):
        read = [started.stdout.readline()]
        while read[-1] not in {"waiting\n", ""}:
            read.append(started.stdout.readline())
        assert read[-1], started.communicate(timeout=30)[1]
        return "".join(read)

    def spans(self):
        """Return all spans that have arrived, by name."""
        try:
            return sorted(self._world.spans(), key=lambda span: span.name)
        except StoreError:  # nothing has arrived at all
            return []

    def ends(self):
        """Return how each operation ended: (name, interrupted, abandoned, error type), sorted."""
        found = [
            (
                span.name,
                bool(span.attributes.get("agentotel.interrupted")),
                bool(span.attributes.get("agentotel.abandoned")),
                span.attributes.get("error.type"),
            )
            for span in self.spans()
        ]
        return sorted(found, key=str)

    def count(self, metric):
        """Return the sum of a counter over all series of all processes."""
        everything = query.metrics(self._world.db, Filters(limit=100_000))
        return sum(series.point["value"] for series in everything if series.name == metric)


def without_our_frames(messages):
    """Return what a program has written to stderr without the lines about frames of ours in its tracebacks.

    Before Python 3.11 they cannot be hidden (`agentotel._base.own_frames`); nothing else may differ there either.
    """
    return re.sub(r'  File "[^"]*/agentotel/[^"]*", line \d+, in .*\n(?:    .*\n)*', "", messages)


def ended(name, error=None):
    """Return what `Beside.ends` says about an operation that ended by itself."""
    return (name, False, False, error)


def interrupted(name):
    """Return what it says about one that the end of its process has ended."""
    return (name, True, False, None)


def abandoned(name):
    """Return what it says about a stream that was dropped."""
    return (name, False, True, None)


def until(condition, seconds=10.0):
    """Wait for a process that is not a child of this one."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
