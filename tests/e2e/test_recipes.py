"""Every recipe of every adapter as a program of its own, bare and under the plain launcher: never break, never leak.

What the program prints and how it ends is the same to the byte, whatever of ours is broken; and no word of content is
in anything that leaves the process while content is off, whatever the switches say.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapter_contract.recipe import BROKEN
from adapter_contract.weather import WeatherModel
from agentotel.config.variables import VARIABLES

pytestmark = pytest.mark.e2e

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parent.parent
CANARY = b"canary"
WITH_CONTENT = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"}

_UNIQUE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
"""Ids that libraries make for each run."""

LEFT_OUT = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "the test listens there",
    "OTEL_PYTHON_DISTRO": "names somebody else",
    "OTEL_PYTHON_CONFIGURATOR": "the same",
    "OTEL_CONFIG_FILE": "OpenTelemetry says as well that there is no such file",
    "OTEL_PROPAGATORS": "OpenTelemetry's launcher itself refuses, before anything of ours is loaded",
}
"""Settings that would be another test if they were wrong."""

EVERYTHING_WRONG = {
    **{variable.name: "nonsense,=;:\N{SNOWMAN}" for variable in VARIABLES if variable.name not in LEFT_OUT},
    "AGENTOTEL_METRICS": "nonsense",
    "AGENTOTEL_CONVENTIONS": "nonsense",
    "AGENTOTEL_TARGETS": "agent=;;=nonsense;tool=no.such:thing",
    "AGENTOTEL_CARDINALITY_LIMIT": "-1",
    "AGENTOTEL_PRICES": "/no/such/file.toml",
    "AGENTOTEL_REDACT": "(",
    "AGENTOTEL_DISCOVER": "perhaps",
    "AGENTOTEL_NONSENSE": "1",
    "OTEL_TRACES_SAMPLER": "nonsense",
    "OTEL_TRACES_SAMPLER_ARG": "nonsense",
    "OTEL_BSP_MAX_QUEUE_SIZE": "nonsense",
    "OTEL_BSP_SCHEDULE_DELAY": "-5",
    "OTEL_METRIC_EXPORT_INTERVAL": "soon",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "pigeon",
    "OTEL_EXPORTER_OTLP_HEADERS": "=,==,nonsense",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "never",
    "OTEL_RESOURCE_ATTRIBUTES": "==nonsense==",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "none",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "perhaps",
}
"""Every setting of the table with a value that it cannot have, as far as it has such a value."""

SWITCHES = {
    "plain": {},
    "guide": {"AGENTOTEL_CONVENTIONS": "guide", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    "not sampled": {"OTEL_TRACES_SAMPLER": "always_off"},
    "everything wrong": EVERYTHING_WRONG,
}


def recipes():
    """Yield the file and the class of every recipe, without importing any; the first one of each library first."""
    for path in sorted((TESTS / "adapters").glob("test_*.py")):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        names = [node.name for node in classes if any(ast.unparse(base) == "AdapterContract" for base in node.bases)]
        for name in names:
            yield pytest.param(path, name, name == names[0], id=f"{path.stem.removeprefix('test_')}-{name}")


RECIPES = tuple(recipes())
FIRST_OF_EACH_LIBRARY = tuple(pytest.param(*recipe.values[:2], id=recipe.id) for recipe in RECIPES if recipe.values[2])
"""The others differ in what happens inside a process, which the contract tests there."""


class Sink:
    """Takes whatever is sent, and remembers the very bytes."""

    def __init__(self):
        self.received = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                sink.received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def play():
    """Run a recipe as several programs side by side: each bare (settings are None), or under the launcher."""
    with WeatherModel() as model:

        def run(path, name, *options, settings=None):
            with Sink() as sink:
                done = launch(path, name, sink, *options, settings=settings)
            return done, b"".join(sink.received)

        def launch(path, name, sink, *options, settings):
            clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "AGENTOTEL_", "PYTEST"))}
            environment = {
                **clean,
                "PYTHONPATH": str(TESTS),
                "NO_PROXY": "127.0.0.1,localhost",
                "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
                # Its uploader, which we take out, says that it has no key.
                "OPENAI_AGENTS_DISABLE_TRACING": "1",
                **(settings or {}),
            }
            launcher = [] if settings is None else [str(BIN / "opentelemetry-instrument")]
            program = [sys.executable, "-m", "adapter_contract.program", str(path), name, "any", model.url, *options]
            return subprocess.run(
                [*launcher, *program], env=environment, cwd=TESTS, capture_output=True, text=True, timeout=110
            )

        def run_all(path, name, *variants):
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                started = [pool.submit(run, path, name, *options, settings=given) for options, given in variants]
                return [one.result() for one in started]

        yield run_all


def outcome(done):
    """Return what a program's user gets: what it printed, how it ended, and what it said.

    Without our own notices; and of tracebacks without the frames, as libraries that make spans of their own then go
    other ways inside. None of the frames may be ours.
    """
    lines = [line for line in done.stderr.splitlines() if not line.startswith((" ", "agentotel: "))]
    said = [_UNIQUE.sub("...", line) for line in lines]
    if sys.version_info >= (3, 11):
        assert f"{os.sep}agentotel{os.sep}" not in done.stderr, done.stderr
    return done.stdout, done.returncode, said


@pytest.mark.parametrize(("path", "name", "is_first"), RECIPES)
def test_no_switch_changes_what_the_program_does_or_lets_content_out(play, path, name, is_first):
    """On the good path: the same output to the byte, something arrives, and none of it is content."""
    switches = SWITCHES if is_first else {"plain": {}}
    (bare, _), *launched = play(path, name, ((), None), *(((), settings) for settings in switches.values()))
    assert bare.returncode == 0, bare.stderr
    for switch, (done, sent) in zip(switches, launched, strict=True):
        assert outcome(done) == outcome(bare), switch
        assert sent, f"nothing has arrived: {switch}"
        assert CANARY not in sent, f"content has left the process: {switch}: {around(sent)}"


@pytest.mark.parametrize("options", [("--city", BROKEN), ("--tool-fails",)], ids=["model", "tool"])
@pytest.mark.parametrize(("path", "name"), FIRST_OF_EACH_LIBRARY)
def test_a_failing_run_ends_as_without_us_and_keeps_its_words_to_itself(play, path, name, options):
    """A model that refuses and a tool that breaks: the same traceback and status, and no message in what is sent."""
    (bare, _), (launched, sent) = play(path, name, (options, None), (options, {}))
    assert outcome(launched) == outcome(bare)
    assert CANARY not in sent, f"content has left the process: {around(sent)}"


@pytest.mark.parametrize(("path", "name"), FIRST_OF_EACH_LIBRARY)
def test_whatever_of_ours_breaks_the_program_does_the_same(play, path, name):
    """Every guarded place fails, hooks, processors and exporters included; and with nothing broken, content arrives."""
    breaking = ("--break-everything",)
    (bare, _), (broken, _), (whole, sent) = play(path, name, ((), None), (breaking, WITH_CONTENT), ((), WITH_CONTENT))
    # What we say goes through the program's own logging, if it has set any up: only its output is compared.
    assert (broken.stdout, broken.returncode) == (bare.stdout, bare.returncode), broken.stderr
    assert outcome(whole) == outcome(bare)
    assert CANARY in sent, "the tests for content would find none whatever happened"


def around(sent):
    """Return the bytes around the first canary."""
    place = sent.find(CANARY)
    return sent[max(0, place - 200) : place + 60]
