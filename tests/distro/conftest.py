"""What the tests of the distro share: an environment of their own, programs, and a Collector that remembers."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@pytest.fixture
def environ(monkeypatch, tmp_path):
    """An environment that the code under test may change, without any setting in it, and a folder without files."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "AGENTOTEL_", "_AGE"))}
    # Strict mode is on by default under pytest: programs are not.
    clean.pop("PYTEST_VERSION", None)
    monkeypatch.setattr(os, "environ", clean)
    monkeypatch.chdir(tmp_path)
    return clean


@pytest.fixture
def run_program(tmp_path):
    """Run the source of a program in an interpreter of its own; give its stdout, having checked that it ended well."""

    def run(source, **settings):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "AGENTOTEL_", "_AGE", "PYTEST"))}
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, str(path)],
            cwd=tmp_path,
            env={**clean, "NO_PROXY": "127.0.0.1,localhost", **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


class Collector:
    """An OTLP/HTTP receiver that remembers what it was sent."""

    def __init__(self, url):
        self.url = url
        self.requests = {"traces": [], "metrics": [], "logs": []}

    def spans(self):
        """Return all spans."""
        resources = (resource for request in self.requests["traces"] for resource in request.resource_spans)
        return [span for resource in resources for scope in resource.scope_spans for span in scope.spans]

    def logs(self):
        """Return all log records."""
        resources = (resource for request in self.requests["logs"] for resource in request.resource_logs)
        return [record for resource in resources for scope in resource.scope_logs for record in scope.log_records]

    def metrics(self, name):
        """Return what each export said about one metric."""
        resources = (resource for request in self.requests["metrics"] for resource in request.resource_metrics)
        scopes = (scope for resource in resources for scope in resource.scope_metrics)
        return [metric for scope in scopes for metric in scope.metrics if metric.name == name]


_MESSAGES = {
    "/v1/traces": ("traces", ExportTraceServiceRequest),
    "/v1/metrics": ("metrics", ExportMetricsServiceRequest),
    "/v1/logs": ("logs", ExportLogsServiceRequest),
}


@pytest.fixture
def collector(monkeypatch):
    """Start a Collector on a free port of the loopback interface, to which OTLP is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            signal, kind = _MESSAGES[self.path]
            message = kind()
            message.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            received.requests[signal].append(message)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received = Collector(f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield received
        server.shutdown()
        thread.join()


@pytest.fixture
def page_of():
    """Return the page that a pipeline serves to Prometheus."""

    def fetch(built):
        (reader,) = (
            reader for reader in built.meters._measurement_consumer._reader_storages if hasattr(reader, "serve")
        )
        host, port = reader.address
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{host}:{port}/metrics") as page:
            return page.read().decode()

    return fetch
