"""Programs under the plain launcher that export to a Collector: run to their end, or told what to do line by line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
BIN = Path(sys.executable).parent
COMMAND_S = 60
END_S = 60


def environment(collector, protocol: str, service: str, **settings: str) -> dict[str, str]:
    """Return the environment of a program that exports to a Collector, often enough for a test.

    Args:
        collector: Where it exports to.
        protocol: ``http/protobuf`` or ``grpc``.
        service: Its service name, by which the test tells it from others.
        settings: Variables besides.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "AGENTOTEL_"))}
    return {
        **clean,
        "PATH": f"{BIN}{os.pathsep}{clean.get('PATH', '')}",
        "NO_PROXY": "127.0.0.1,localhost",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint(protocol),
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_SERVICE_NAME": service,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_BLRP_SCHEDULE_DELAY": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        **settings,
    }


def launch(name: str, *arguments: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run one of our programs to its end, which must be a good one."""
    command = ["opentelemetry-instrument", sys.executable, str(PROGRAMS / name), *arguments]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=END_S)
    assert done.returncode == 0, done.stderr
    return done


class Traffic:
    """The program ``traffic.py``, running; leaving the ``with`` block lets it end.

    Args:
        folder: Where it runs.
        environ: As `environment` returns it.

    Attributes:
        service: Its service name.
        runs: How many runs of its agent it was told to do.
        messages: What it has written to stderr; known when it has ended.
    """

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.service = environ["OTEL_SERVICE_NAME"]
        self.runs = 0
        self.messages = ""
        self._folder = folder
        self._environ = environ

    def __enter__(self):
        command = ["opentelemetry-instrument", sys.executable, str(PROGRAMS / "traffic.py")]
        self._messages = (self._folder / f"{self.service}.stderr").open("w+")
        self._process = subprocess.Popen(
            command, cwd=self._folder, env=self._environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._messages,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self, runs: int, what: str = "run") -> None:
        """Tell it to run the agent so many times; return at once."""
        self.runs += runs
        self._process.stdin.write(f"{what} {runs}\n")
        self._process.stdin.flush()

    def wait(self) -> None:
        """Wait until it has done what it was told last."""
        while (line := self._process.stdout.readline()) != f"done {self.runs}\n":
            assert line, f"the program has ended: {self.messages_so_far()}"

    def run(self, runs: int, what: str = "run") -> None:
        """Tell it to run the agent so many times, and wait until it has."""
        self.begin(runs, what)
        self.wait()

    def end(self) -> None:
        """Let it end; it must do so with status 0, whatever became of its telemetry."""
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait(END_S)
        self._process.stdout.close()
        self.messages = self.messages_so_far()
        self._messages.close()
        assert self._process.returncode == 0, self.messages

    def messages_so_far(self) -> str:
        """Return what it has written to stderr until now."""
        return Path(self._messages.name).read_text(encoding="utf-8")
