"""The real thing in small: the embedded backend, a model server, and programs under the plain launcher."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentotel.demo.model_server import ModelServer, completion, completion_stream
from agentotel.local import query
from agentotel.local.server import LocalBackend

BIN = Path(sys.executable).parent


@dataclass
class Launched:
    """A program that has run."""

    status: int
    output: str
    messages: str


class World:
    """A backend with its store, a model server, and a folder for programs."""

    def __init__(self, folder, backend, models):
        self.folder = folder
        self.db = folder / "telemetry.db"
        self.backend = backend
        self.models = models

    def environment(self, **settings):
        """Return the environment of a program that exports to the backend."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "AGENTOTEL_"))}
        return {
            **clean,
            "PATH": f"{BIN}{os.pathsep}{clean['PATH']}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.backend.addresses.otlp_http,
            "OPENAI_BASE_URL": self.models.url,
            "OPENAI_API_KEY": "none",
            "NO_PROXY": "127.0.0.1,localhost",
            **settings,
        }

    def launch(self, source, *arguments, launcher=("opentelemetry-instrument",), name="program.py", **settings):
        """Run a program's source under the launcher and wait for it to end."""
        path = self.folder / name
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        return self.launch_command([*launcher, sys.executable, str(path), *arguments], **settings)

    def launch_command(self, command, **settings):
        """Run a command and wait for it to end."""
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(**settings), capture_output=True, text=True, timeout=60
        )
        return Launched(done.returncode, done.stdout, done.stderr)

    def spans(self):
        """Return all spans of all traces."""
        return [span for summary in query.traces(self.db) for span in query.trace(self.db, summary.trace_id).spans]

    def traces(self):
        """Return the summaries of all traces."""
        return query.traces(self.db)

    def logs(self):
        """Return all log records, oldest first."""
        return sorted(query.logs(self.db), key=lambda record: record.time_ns)

    def metrics(self, name):
        """Return the series of one metric by their sorted attributes."""
        return {tuple(sorted(s.attributes.items())): s for s in query.metrics(self.db) if s.name == name}


def respond(request):
    """Answer chat requests: 50/12 tokens at once, 80/9 as a stream."""
    model = request.body.get("model", "gpt-4o-mini")
    if request.body.get("stream"):
        usage = bool(request.body.get("stream_options"))
        return completion_stream(["a", "b"], model=model, input_tokens=80, output_tokens=9, include_usage=usage)
    return completion("hello", model=model, input_tokens=50, output_tokens=12)


@pytest.fixture
def world(tmp_path):
    """Start a backend and a model server on free ports of the loopback interface."""
    backend = LocalBackend(tmp_path / "telemetry.db", otlp_http_port=0, otlp_grpc_port=0, port=0)
    with backend, ModelServer(respond) as models:
        yield World(tmp_path, backend, models)
