"""Servers and queues whose workers are forked or spawned: what every worker did arrives when the server is stopped."""

from __future__ import annotations

import http.client
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from e2e.beside import Beside, ended, until

pytestmark = [pytest.mark.e2e, pytest.mark.newest]

PROGRAMS = Path(__file__).parent / "programs"
# A worker that boots while the server is stopped misses its signal, in gunicorn itself, and is killed after this time.
GUNICORN = ["--no-control-socket", "--graceful-timeout", "5"]
LOADING, SERVING = ended("invoke_agent loading"), ended("invoke_agent serving")


@pytest.fixture
def beside(world):
    """Run programs with agentotel."""
    for program in PROGRAMS.iterdir():
        if program.is_file():
            shutil.copy(program, world.folder)
    return Beside(world)


class OnSocket(http.client.HTTPConnection):
    """HTTP through a socket in the file system: no port has to be free."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path):
    """Send one request; return the answer."""
    connection = OnSocket(path)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def answers(path):
    """Tell whether the server answers."""
    try:
        return bool(ask(path))
    except OSError:
        return False


def stop(started):
    """Stop a server as supervisors do; return its status and what it has said."""
    started.send_signal(signal.SIGTERM)
    output, _ = started.communicate(timeout=30)
    return started.returncode, output


def serve(beside, command, requests, loading=1):
    """Run a server, send requests, and stop it once `loading` processes have loaded the program; return its status."""
    path = beside.folder / "socket"
    started = beside.background([sys.executable, "-m", *command(path)])
    try:
        until(lambda: answers(path), 30)
        said = [ask(path) for _ in range(requests)]
        assert all(text.startswith("hello from ") for text in said)
        # One worker alone may have answered everything, while the other one had not even begun.
        until(lambda: len(list(beside.folder.glob("loaded-*"))) == loading, 30)
        status, output = stop(started)
        return status, output, len(said) + 1
    finally:
        beside.end(started)


@pytest.mark.parametrize("more", [["--preload"], [], ["--preload", "--max-requests", "3"]], ids=" ".join)
def test_gunicorn(beside, more):
    """Runs of all workers arrive, and what was done at loading arrives once per process that did it."""
    pytest.importorskip("gunicorn")
    loading = 1 if "--preload" in more else 2
    status, output, requests = serve(
        beside,
        lambda path: ["gunicorn", "-w", "2", "-b", f"unix:{path}", *GUNICORN, *more, "served_shop:wsgi"],
        8,
        loading,
    )
    assert status == 0, output
    ends = beside.ends()
    assert ends.count(SERVING) == requests
    assert ends.count(LOADING) == loading
    assert beside.count("agent.requests") == len(ends)


def test_uvicorn_with_workers(beside):
    """Each worker is a process that was spawned; the supervisor stops them."""
    pytest.importorskip("uvicorn")
    status, output, requests = serve(
        beside, lambda path: ["uvicorn", "--workers", "2", "--uds", str(path), "served_shop:asgi"], 8, loading=2
    )
    assert status in {0, -signal.SIGTERM}, output
    assert beside.ends().count(SERVING) == requests
    assert beside.ends().count(LOADING) == 2


def test_uvicorn_alone(beside):
    """It puts the default back and sends itself the signal again when it has shut down."""
    pytest.importorskip("uvicorn")
    status, output, requests = serve(beside, lambda path: ["uvicorn", "--uds", str(path), "served_shop:asgi"], 3)
    assert status == -signal.SIGTERM, output
    assert beside.ends() == sorted([LOADING, *[SERVING] * requests], key=str)


@pytest.mark.parametrize("more", [[], ["--max-tasks-per-child", "1"]], ids=["prefork", "one task per process"])
def test_celery(beside, more):
    """The processes of the prefork pool end by `os._exit`; nothing of what they did is lost."""
    pytest.importorskip("celery")
    queue = "import queued_shop; [queued_shop.chat.delay(n) for n in range(6)]"
    subprocess.run([sys.executable, "-c", queue], cwd=beside.folder, check=True, timeout=60)
    command = ["celery", "-A", "queued_shop", "worker", "-P", "prefork", "-c", "2", "--without-mingle", *more]
    started = beside.background([sys.executable, "-m", *command])
    try:
        until(lambda: len(list(beside.folder.glob("done-*"))) == 6, 60)
        status, output = stop(started)
    finally:
        beside.end(started)
    assert status == 0, output
    assert beside.ends() == [SERVING] * 6
    assert beside.count("agent.requests") == 6
