"""Runs the demo program under the real launcher against a backend that is up, and gathers what has arrived of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from agentotel._base.errors import AgentotelError
from agentotel.demo.expectations import Evidence, Expectation, of_any_run, of_scripted_run
from agentotel.demo.model_server import ModelServer
from agentotel.demo.script import respond
from agentotel.local import query
from agentotel.local.errors import StoreError
from agentotel.local.filters import Filters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAM: Final = Path(__file__).parent / "program"
"""The folder of the demo program: a user's own files, copied and run elsewhere."""

COMMAND: Final = ("opentelemetry-instrument", "python", "shop_agent.py")
"""How the program is launched, in the words of the documentation."""

_RUN_ID: Final = "demo.run"
_PROGRAM_TIMEOUT_S: Final = 120.0
_ARRIVAL_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.1
_EVERYTHING: Final = 10_000
_SETTINGS: Final = ("OTEL_", "AGENTOTEL_")


class DemoError(AgentotelError):
    """The demo cannot run here; the message says what is missing or went wrong."""


@dataclass(frozen=True)
class Finished:
    """A run of the demo program that has ended.

    Attributes:
        said: What the program has printed: the conversations.
        complaints: What it has written to stderr.
        evidence: What has arrived of its telemetry.
        expectations: What should have arrived, compared.
    """

    said: str
    complaints: str
    evidence: Evidence
    expectations: list[Expectation]

    @property
    def unmet(self) -> list[Expectation]:
        """The expectations that are not met."""
        return [expectation for expectation in self.expectations if not expectation.met]


def has_real_model(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether there is a key for the real model in the environment."""
    return bool((os.environ if environ is None else environ).get("OPENAI_API_KEY"))


def run_program(endpoint: str, store: Path, *, offline: bool) -> Finished:
    """Run the demo program once, and wait until its telemetry is in `store`.

    Args:
        endpoint: Where the backend listens for OTLP over HTTP, such as ``http://127.0.0.1:4318``.
        store: The file in which the backend keeps what it receives.
        offline: Whether the scripted model answers. Otherwise the real one does, with the user's own
            ``OPENAI_API_KEY``.

    Raises:
        DemoError: The launcher or the program did not work.
    """
    if find_spec("openai") is None:
        raise DemoError("the demo program needs the package openai: pip install 'agentotel[demo]'")
    run_id = uuid4().hex
    with tempfile.TemporaryDirectory(prefix="agentotel-demo-") as folder:
        shutil.copytree(PROGRAM, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        with _model(offline=offline) as model:
            ended = _launch(Path(folder), environment(endpoint, run_id, model))
    evidence, expectations = _arrived(store, run_id, offline=offline)
    return Finished(ended.stdout, ended.stderr, evidence, expectations)


def environment(endpoint: str, run_id: str, model: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the program: the user's own, without telemetry settings that are not the demo's.

    Args:
        endpoint: As in `run_program`.
        run_id: An attribute of all its telemetry, by which it is told from everything else in the store.
        model: The variables that tell the program where its model is.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return {
        **inherited,
        # A proxy must not be asked for what is on this machine.
        "NO_PROXY": ",".join(filter(None, (inherited.get("NO_PROXY"), "127.0.0.1"))),
        "PATH": os.pathsep.join((_scripts(), inherited.get("PATH", ""))),
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_RESOURCE_ATTRIBUTES": f"{_RUN_ID}={run_id}",
        # So that gauges are read while the program runs: its pool is gone when it ends.
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        **model,
    }


@contextmanager
def _model(*, offline: bool) -> Iterator[dict[str, str]]:
    if not offline:
        yield {}
        return
    with ModelServer(respond) as server:
        yield {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "no-key-is-needed", "DEMO_MODEL": "gpt-4o-mini"}


def _launch(folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    launcher = shutil.which(COMMAND[0], path=environ["PATH"])
    if launcher is None:
        raise DemoError(f"{COMMAND[0]} is not installed in {_scripts()}: install agentotel with pip once more")
    command = [launcher, sys.executable, *COMMAND[2:]]
    try:
        ended = subprocess.run(  # noqa: S603 - our own program, nothing in the command comes from outside
            command, cwd=folder, env=environ, text=True, encoding="utf-8", errors="replace",
            capture_output=True, timeout=_PROGRAM_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DemoError(f"the demo program did not end within {_PROGRAM_TIMEOUT_S:g} s") from error
    if ended.returncode:
        raise DemoError(f"the demo program ended with status {ended.returncode}:\n{ended.stderr.strip()}")
    return ended


def _scripts() -> str:
    return sysconfig.get_path("scripts")


def _arrived(store: Path, run_id: str, *, offline: bool) -> tuple[Evidence, list[Expectation]]:
    """Look until everything is there, or for the time that it may take at most."""
    deadline = time.monotonic() + _ARRIVAL_TIMEOUT_S
    while True:
        evidence = gather(store, run_id)
        expectations = of_any_run(evidence) + (of_scripted_run(evidence) if offline else [])
        if all(expectation.met for expectation in expectations) or time.monotonic() > deadline:
            return evidence, expectations
        time.sleep(_POLL_S)


def gather(store: Path, run_id: str) -> Evidence:
    """Return what has arrived in `store` of the run of that id; nothing if the store cannot be read yet."""
    filters = Filters(where=((_RUN_ID, run_id),), limit=_EVERYTHING)
    try:
        traces = [query.trace(store, summary.trace_id) for summary in query.traces(store, filters)]
        return Evidence(
            traces=[trace for trace in reversed(traces) if trace is not None],
            logs=query.logs(store, filters),
            metrics=query.metrics(store, filters),
        )
    except StoreError:
        return Evidence((), (), ())
