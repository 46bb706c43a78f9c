"""Every recipe of every adapter as a program of its own, bare and under the plain launcher: never break, never leak.

What the program prints and how it ends is the same to the byte, whatever of ours is broken; and no word of content is
in anything that leaves the process while content is off, whatever the switches say.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapter_contract.recipe import BROKEN
from adapter_contract.weather import WeatherModel

pytestmark = pytest.mark.e2e

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parent.parent
CANARY = b"canary"
WITH_CONTENT = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"}

EVERYTHING_WRONG = {
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
"""Each setting with a value that it cannot have."""

SWITCHES = {
    "plain": {},
    "guide": {"AGENTOTEL_CONVENTIONS": "guide", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
    "not sampled": {"OTEL_TRACES_SAMPLER": "always_off"},
    "everything wrong": EVERYTHING_WRONG,
}


def recipes():
    """Yield the file and the class of every recipe, without importing any."""
    for path in sorted((TESTS / "adapters").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "AdapterContract" for base in node.bases):
                yield pytest.param(path, node.name, id=f"{path.stem.removeprefix('test_')}-{node.name}")


RECIPES = tuple(recipes())


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
    """Run a recipe as a program: bare, or under the launcher with some settings."""
    with WeatherModel() as model, Sink() as sink:

        def run(path, name, *options, settings=None):
            clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "AGENTOTEL_", "PYTEST"))}
            environment = {
                **clean,
                "PYTHONPATH": str(TESTS),
                "NO_PROXY": "127.0.0.1,localhost",
                "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
                **(settings or {}),
            }
            launcher = [] if settings is None else [str(BIN / "opentelemetry-instrument")]
            program = [sys.executable, "-m", "adapter_contract.program", str(path), name, "any", model.url, *options]
            sink.received.clear()
            done = subprocess.run(
                [*launcher, *program], env=environment, cwd=TESTS, capture_output=True, text=True, timeout=110
            )
            return done, b"".join(sink.received)

        yield run


def outcome(done):
    """Return what a program's user gets: what it printed, how it ended, and what it said, without our own notices."""
    said = [line for line in done.stderr.splitlines() if not line.startswith("agentotel: ")]
    return done.stdout, done.returncode, said


@pytest.mark.parametrize(("path", "name"), RECIPES)
def test_no_switch_changes_what_the_program_does_or_lets_content_out(play, path, name):
    """On the good path: the same output to the byte, something arrives, and none of it is content."""
    bare, _ = play(path, name)
    assert bare.returncode == 0, bare.stderr
    for switch, settings in SWITCHES.items():
        launched, sent = play(path, name, settings=settings)
        assert outcome(launched) == outcome(bare), switch
        assert sent, f"nothing has arrived: {switch}"
        assert CANARY not in sent, f"content has left the process: {switch}: {around(sent)}"


@pytest.mark.parametrize(("path", "name"), RECIPES)
def test_a_failing_run_ends_as_without_us_and_keeps_its_words_to_itself(play, path, name):
    """A model that refuses and a tool that breaks: the same traceback and status, and no message in what is sent."""
    for options in (("--city", BROKEN), ("--tool-fails",)):
        bare, _ = play(path, name, *options)
        launched, sent = play(path, name, *options, settings={})
        assert outcome(launched) == outcome(bare), options
        assert CANARY not in sent, f"content has left the process: {around(sent)}"


@pytest.mark.parametrize(("path", "name"), RECIPES)
def test_whatever_of_ours_breaks_the_program_does_the_same(play, path, name):
    """Every guarded place fails, hooks, processors and exporters included."""
    bare, _ = play(path, name)
    broken, _ = play(path, name, "--break-everything", settings=WITH_CONTENT)
    assert outcome(broken) == outcome(bare)


@pytest.mark.parametrize(("path", "name"), RECIPES)
def test_content_leaves_the_process_when_it_is_switched_on(play, path, name):
    """Else the tests above would find nothing whatever we did."""
    _, sent = play(path, name, settings=WITH_CONTENT)
    assert CANARY in sent


def around(sent):
    """Return the bytes around the first canary."""
    place = sent.find(CANARY)
    return sent[max(0, place - 200) : place + 60]
