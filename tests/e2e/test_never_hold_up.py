"""Collectors that refuse, hang, fail or die: the program does not wait, its memory stays, losses are counted."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = pytest.mark.e2e

EXIT_S = 3.0
"""The promise: so much later than without us, at most."""

ATTEMPTS = 3
"""A machine that is busy with something else is late once; a program that waits for a Collector is late each time."""

GROWTH_BYTES = 10_000_000
CALLS, WARM_UP = 20_000, 2_000


class Connections:
    """A server of bare connections: each is handed to a function in a thread of its own."""

    def __init__(self, treat):
        self._treat = treat
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self._open.append(connection)
                threading.Thread(target=self._treated, args=(connection,), daemon=True).start()

    def _treated(self, connection):
        with contextlib.suppress(OSError):
            self._treat(connection)

    def close(self):
        """Accept no more, and hang up."""
        self._socket.close()
        for connection in self._open:
            connection.close()


def hang(connection):
    """Read what comes and never answer."""
    while connection.recv(65_536):
        pass


def drip(connection):
    """Answer byte by byte, and never come to an end."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def die(connection):
    """Hang up in the middle of a request."""
    connection.recv(1_000)
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Answering:
    """A receiver of OTLP over HTTP that answers with one status after the other, and counts the spans that it took."""

    def __init__(self, *statuses, **headers):
        self.taken = 0
        upcoming = list(statuses)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = upcoming.pop(0) if len(upcoming) > 1 else upcoming[0]
                if status == 200 and self.path == "/v1/traces":
                    receiver.taken += number_of_spans(body)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()

            def log_message(self, *arguments):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def number_of_spans(body):
    """Return how many spans a request has."""
    groups = ExportTraceServiceRequest.FromString(body).resource_spans
    return sum(len(scope.spans) for group in groups for scope in group.scope_spans)


class Refusing:
    """Nobody: a port that was free a moment ago."""

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port = reserved.getsockname()[1]

    def close(self):
        """Nothing to close."""


COLLECTORS = {
    "refuses": Refusing,
    "hangs": lambda: Connections(hang),
    "drips": lambda: Connections(drip),
    "dies": lambda: Connections(die),
    "503": lambda: Answering(503),
    "429": lambda: Answering(429, Retry_After="3600"),
    "400": lambda: Answering(400),
}


@pytest.fixture
def start():
    """Start a Collector by its name; all are closed at the end."""
    started = []

    def begin(name):
        started.append(COLLECTORS[name]())
        return started[-1]

    yield begin
    for collector in started:
        collector.close()


SHORT = """
    import logging, sys, time
    class SearchTool:
        def execute(self, query):
            logging.getLogger("shop").warning("searching")
            return query
    for number in range(600):
        SearchTool().execute("shoes")
    print(time.monotonic(), flush=True)
"""


def seconds_to_exit(world, **settings):
    """Return how long the program took from its last line to its end, and what it said."""
    done = world.launch(SHORT, **settings)
    ended = time.monotonic()
    assert done.status == 0, done.messages
    return ended - float(done.output), done.messages


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        *((name, "http/protobuf") for name in (*COLLECTORS, "unknown host")),
        *((name, "grpc") for name in ("refuses", "hangs", "dies", "unknown host")),
    ],
)
def test_the_end_of_the_program_waits_for_no_collector(world, start, name, protocol):
    """Whatever the Collector does, the program ends 3 seconds later than without us at most, and says one line."""
    endpoint = "http://collector.invalid:4318" if name == "unknown host" else f"http://127.0.0.1:{start(name).port}"
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    for _ in range(ATTEMPTS):
        bare, _ = seconds_to_exit(world, launcher=())
        ours, messages = seconds_to_exit(world, **settings)
        assert is_one_line_of_ours(messages)
        if ours - bare <= EXIT_S:
            break
    assert ours - bare <= EXIT_S


def is_one_line_of_ours(messages):
    """Tell whether there is one line besides the program's own, which says that telemetry is lost."""
    (line,) = [line for line in messages.splitlines() if line != "searching"]
    return "agentotel: " in line and "lost" in line


LONG = f"""
    import sys
    from opentelemetry import trace

    class SearchTool:
        def execute(self, query):
            return query

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    tool = SearchTool()
    for _ in range({WARM_UP}):
        tool.execute("shoes")
    trace.get_tracer_provider().force_flush()
    before = resident()
    for _ in range({CALLS}):
        tool.execute("shoes")
    print(resident() - before)
    if "flush" in sys.argv:
        trace.get_tracer_provider().force_flush()
"""


def dropped(world):
    """Return how many spans were counted as lost."""
    return sum(
        series.point["value"]
        for labels, series in world.metrics("agentotel.self.dropped").items()
        if "traces" in dict(labels).values()
    )


def send_spans_to(collector, **more):
    """Return the settings that send spans there, and everything else to the backend."""
    return {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{collector.port}/v1/traces", **more}


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident size where Linux tells it")
@pytest.mark.parametrize(
    ("name", "protocol"),
    [*((name, "http/protobuf") for name in ("refuses", "hangs", "503", "429", "dies")), ("refuses", "grpc")],
)
def test_what_cannot_be_sent_costs_no_memory_and_is_counted(world, start, name, protocol):
    """22,000 calls into a Collector that takes nothing: no growth, every single span counted as lost, one line."""
    settings = send_spans_to(
        start(name), OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="0.5", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=protocol
    )
    done = world.launch(LONG, "flush", **settings)
    assert done.status == 0, done.messages
    assert int(done.output) <= GROWTH_BYTES
    assert dropped(world) == WARM_UP + CALLS
    assert is_one_line_of_ours(done.messages)


def test_sent_and_dropped_are_what_was_made(world, start, monkeypatch):
    """A Collector that takes some requests and fails others: not one span is unaccounted for."""
    monkeypatch.setitem(COLLECTORS, "moody", lambda: Answering(200, 400, 200, 503, 503, 400, 200, 200, 400))
    collector = start("moody")
    done = world.launch(LONG, "flush", **send_spans_to(collector))
    assert done.status == 0, done.messages
    assert collector.taken > 0
    assert collector.taken + dropped(world) == WARM_UP + CALLS


def test_no_call_waits_for_room_in_the_queue(world, start):
    """With a timeout of ten minutes the first batch is under way for ever: all calls and the end come all the same."""
    settings = send_spans_to(start("hangs"), OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="600")
    done = world.launch(LONG, **settings)
    assert done.status == 0, done.messages
    assert is_one_line_of_ours(done.messages)
