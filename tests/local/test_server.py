"""The backend as a whole: it starts and stops cleanly, and real exporters deliver to it."""

from __future__ import annotations

import contextlib
import http.client
import logging
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from agentotel.local import query, server
from agentotel.local.errors import AddressError, MissingExtraError, StoreError
from agentotel.local.filters import Filters
from agentotel.local.server import LocalBackend

PROTOBUF = {"Content-Type": "application/x-protobuf"}
SERVER = """
import sys
from pathlib import Path
from agentotel.local.server import LocalBackend
with LocalBackend(Path(sys.argv[1]), otlp_http_port=0, otlp_grpc_port=0, port=0) as backend:
    print(backend.addresses.otlp_http, flush=True)
    backend.wait()
"""
FREE = {"otlp_http_port": 0, "otlp_grpc_port": 0, "port": 0}
SHOP = Resource.create({"service.name": "shop"})


def test_the_real_http_exporters_deliver(backend, db):
    """Spans, metrics and log records of the SDK arrive over HTTP, with their resource and correlation."""
    endpoint = backend.addresses.otlp_http
    tracing, logs = TracerProvider(resource=SHOP), LoggerProvider(resource=SHOP)
    tracing.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(f"{endpoint}/v1/logs")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{endpoint}/v1/metrics"))
    metrics = MeterProvider([reader], resource=SHOP)
    metrics.get_meter("m").create_histogram("agent.chat.latency", unit="s").record(1.5, {"agent_name": "support"})
    with tracing.get_tracer("t").start_as_current_span("outer") as span:
        logs.get_logger("l").emit(body="hello", severity_text="INFO", attributes={"user.id": "u1"})
        span.set_attribute("user.id", "u1")
    for provider in (tracing, logs, metrics):
        provider.shutdown()
    trace = query.trace(db)
    assert (trace.spans[0].name, trace.spans[0].origin.service) == ("outer", "shop")
    assert [record.body for record in trace.logs] == ["hello"]
    (series,) = query.metrics(db, Filters(agent="support"))
    assert (series.point["count"], series.point["sum"], series.temporality) == (1, 1.5, "cumulative")


def test_the_real_grpc_exporter_delivers(backend, db):
    """Spans of the SDK arrive over gRPC."""
    tracing = TracerProvider(resource=SHOP)
    tracing.add_span_processor(SimpleSpanProcessor(GrpcSpanExporter(backend.addresses.otlp_grpc, insecure=True)))
    with tracing.get_tracer("t").start_as_current_span("by grpc"):
        pass
    tracing.shutdown()
    assert query.trace(db).spans[0].name == "by grpc"


@pytest.mark.parametrize(
    ("setting", "option"),
    [("otlp_http_port", "--otlp-http-port"), ("otlp_grpc_port", "--otlp-grpc-port"), ("port", "--port")],
)
def test_a_port_in_use_is_named(db, setting, option):
    """The message names the option and the port, and the backend leaves nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            AddressError, match=f"{option}={port}: cannot listen on 127.0.0.1 port {port}.*another port"
        ):
            LocalBackend(db, **{**FREE, setting: port}).start()
    with LocalBackend(db, **{**FREE, setting: port}) as backend:
        assert str(port) in str(backend.addresses)


def test_an_unusable_store_is_named_and_nothing_listens(tmp_path):
    """The message is the store's; the ports are free again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match="is a directory"):
        LocalBackend(tmp_path, otlp_http_port=port, otlp_grpc_port=0, port=0).start()
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org", ""])
def test_other_machines_are_only_let_in_on_demand(db, host):
    """An address that is not loopback needs --allow-remote."""
    with pytest.raises(AddressError, match="--allow-remote"):
        LocalBackend(db, host=host, **FREE).start()
    assert not db.exists()


def test_a_host_that_does_not_exist_is_named(db):
    """A name without an address gives our message, not the resolver's."""
    with pytest.raises(AddressError, match=r"nowhere\.invalid.*unknown address"):
        LocalBackend(db, host="nowhere.invalid", allow_remote=True, **FREE).start()


def test_stopping_twice_and_starting_again(db):
    """A backend that was stopped leaves the store to the next one."""
    for _ in range(2):
        backend = LocalBackend(db, **FREE)
        backend.start()
        backend.stop()
        backend.stop()


def test_a_missing_extra_says_what_to_install(db, monkeypatch):
    """Without starlette or uvicorn the message names the extra."""
    for name in [name for name in sys.modules if name.startswith(("starlette", "agentotel.local.api"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    monkeypatch.setitem(sys.modules, "starlette.applications", None)
    with pytest.raises(MissingExtraError, match=r"starlette.*pip install 'agentotel\[local\]'"):
        LocalBackend(db, **FREE).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(db, number):
    """The process ends with status 0, and the store is whole."""
    program = (
        "import sys; from pathlib import Path; from agentotel.local.server import LocalBackend\n"
        "backend = LocalBackend(Path(sys.argv[1]), otlp_http_port=0, otlp_grpc_port=0, port=0)\n"
        "backend.stop_on_signals()\n"
        "with backend:\n    print('ready', flush=True); backend.wait()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(db)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert query.traces(db) == []


def test_a_sigkill_loses_nothing_that_was_acknowledged(db, traces_request):
    """Four clients post over HTTP, the backend is killed: every span that was answered with 200 is in the store."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(db)], stdout=subprocess.PIPE, text=True)
    target = urlsplit(process.stdout.readline().strip())
    acknowledged: list[str] = []
    enough = threading.Event()

    def send():
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                request = traces_request(*[{"trace_id": b"t" * 16}] * 20)
                ids = [span.span_id.hex() for span in request.resource_spans[0].scope_spans[0].spans]
                connection.request("POST", "/v1/traces", request.SerializeToString(), PROTOBUF)
                if connection.getresponse().read() == b"":
                    acknowledged.extend(ids)
                if len(acknowledged) >= 2000:
                    enough.set()
        connection.close()

    clients = [threading.Thread(target=send) for _ in range(4)]
    for client in clients:
        client.start()
    assert enough.wait(60)
    process.kill()
    for client in clients:
        client.join()
    process.communicate()
    with LocalBackend(db, **FREE):
        stored = {span.span_id for span in query.trace(db).spans}
    assert set(acknowledged) <= stored


def test_importing_it_is_cheap():
    """The packages of the extra, and gRPC, are only imported by starting."""
    program = "import sys, agentotel.local.server; print({'starlette', 'uvicorn', 'grpc', 'google'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.fixture
def handlers_before():
    """Return the handlers of uvicorn's logger before the backend has started: other tests may have left some."""
    return list(logging.getLogger("uvicorn").handlers)


def test_uvicorn_does_not_touch_the_programs_logging(handlers_before, backend):
    """The program's root logger keeps its handlers and level."""
    assert logging.getLogger("uvicorn").handlers == handlers_before
    assert server.LOOPBACK == "127.0.0.1"
