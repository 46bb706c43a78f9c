"""The processes that a benchmark starts: workers, the sink, and the environment in which they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS: Final = Path(__file__).resolve().parent.parent
NOWHERE: Final = "http://127.0.0.1:1"
"""The endpoint of children that send no telemetry."""
_ENVIRONMENT: Final = os.environ
_LEFT_OUT: Final = ("OTEL_", "AGENTOTEL_", "_AGENTOTEL_", "PYTHON", "TRACEPARENT", "BAGGAGE")


def environment(endpoint: str) -> dict[str, str]:
    """Return the environment of a child: the same whatever the shell has set for telemetry and Python.

    Bytecode is written, hashes are not randomised, and telemetry goes to `endpoint`.
    """
    inherited = {name: value for name, value in _ENVIRONMENT.items() if not name.startswith(_LEFT_OUT)}
    # The launcher is found beside the interpreter, also where the environment is not activated.
    inherited["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', '')}"
    return inherited | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PYTHON_DISTRO": "agentotel",
        "OTEL_PYTHON_CONFIGURATOR": "agentotel",
        "PYTHONHASHSEED": "0",
    }


class MeasurementError(Exception):
    """What was measured would mean nothing: a child has failed, or telemetry got lost."""


class Child:
    """A child process that answers each line with a line of JSON.

    Args:
        arguments: For the interpreter.
        endpoint: Where its telemetry goes.
        silent: Whether to drop what it writes to standard error.
    """

    def __init__(self, arguments: list[str], endpoint: str = NOWHERE, *, silent: bool = False) -> None:
        """Start the process; what it answers first is in `first`."""
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**environment(endpoint), "PYTHONPATH": str(SCRIPTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if silent else None,
            text=True,
        )
        try:
            self.first = self._read()
        except MeasurementError:
            self.stop()
            raise

    def ask(self, line: str) -> dict[str, Any]:
        """Send a line, return the answer."""
        with suppress(BrokenPipeError):  # it has ended: reading says with which status
            _pipe(self.process.stdin).write(line + "\n")
            _pipe(self.process.stdin).flush()
        return self._read()

    def measured(self, line: str) -> dict[str, Any]:
        """Send a line, return the answer.

        Raises:
            MeasurementError: Something of agentotel's has failed in the meantime.
        """
        answer = self.ask(line)
        if answer["errors"]:
            raise MeasurementError(f"agentotel itself has failed: {answer['errors']}")
        return answer

    def end(self, timeout_s: float = 120.0) -> int:
        """End its input, and with it the process; return its status."""
        self._close_input()
        return self.process.wait(timeout_s)

    def stop(self) -> None:
        """End the process if it still runs, and close what leads to it."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._close_input()
        _pipe(self.process.stdout).close()

    def _close_input(self) -> None:
        with suppress(BrokenPipeError):  # it has ended before it has read everything
            _pipe(self.process.stdin).close()

    def _read(self) -> dict[str, Any]:
        line = _pipe(self.process.stdout).readline()
        if not line:
            raise MeasurementError(f"{self.process.args!r} ended early, with status {self.process.wait(10)}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def child(arguments: list[str], endpoint: str = NOWHERE) -> Iterator[Child]:
    """Give a child that has ended afterwards, whatever happens."""
    started = Child(arguments, endpoint)
    try:
        yield started
        started.end()
    finally:
        started.stop()


@contextmanager
def worker(variant: str, endpoint: str) -> Iterator[Child]:
    """Give a worker of `variant` (bare, floor, ours), whose telemetry goes to a path of its own under `endpoint`."""
    with child(["-m", "benchmarks.worker", variant], f"{endpoint}/{variant}") as started:
        yield started


@contextmanager
def sink() -> Iterator[str]:
    """Give the address of a sink that runs meanwhile."""
    with child(["-m", "benchmarks.sink"]) as started:
        yield started.first["url"]


def received(sink_url: str) -> dict[str, dict[str, int]]:
    """Return what the sink has received: number of spans, requests and bytes by the variant that sent them."""
    with urlopen(sink_url) as response:
        answer: dict[str, dict[str, int]] = json.load(response)
    return answer
