#!/usr/bin/env python3
"""Measures how many spans a second the embedded backend takes in over HTTP, and checks that all of them are stored.

The backend runs in a process of its own, and so do the clients; bodies are encoded before the clock starts. Only spans
that were acknowledged count, and each of them must be found in the store afterwards.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SPANS_PER_TRACE = 8
TEXT_ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.agent.name": "support",
    "tenant.id": "acme",
    "server.address": "api.openai.com",
}
NUMBER_ATTRIBUTES = {"server.port": 443, "gen_ai.usage.input_tokens": 50, "gen_ai.usage.output_tokens": 12}
SERVER = """
import sys
from pathlib import Path
from agentotel.local.server import LocalBackend
backend = LocalBackend(Path(sys.argv[1]), otlp_http_port=0, otlp_grpc_port=0, port=0)
backend.stop_on_signals()
with backend:
    print(backend.addresses.otlp_http, flush=True)
    backend.wait()
"""


def encoded_batch(spans: int) -> bytes:
    """Return an encoded request with `spans` spans of 12 attributes each."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    service = group.resource.attributes.add(key="service.name")
    service.value.string_value = "bench"
    scoped = group.scope_spans.add()
    scoped.scope.name = "bench"
    now_ns = time.time_ns()
    for number in range(spans):
        if number % SPANS_PER_TRACE == 0:
            trace_id, parent = os.urandom(16), b""
        span = scoped.spans.add(
            trace_id=trace_id,
            span_id=os.urandom(8),
            parent_span_id=parent,
            name="chat gpt-4o",
            kind=3,
            start_time_unix_nano=now_ns + number,
            end_time_unix_nano=now_ns + number + 1_000_000,
        )
        parent = parent or span.span_id
        ids = {"user.id": f"user-{random.randrange(1000)}", "request.id": os.urandom(8).hex()}
        for key, text in {**TEXT_ATTRIBUTES, **ids}.items():
            span.attributes.add(key=key).value.string_value = text
        for key, value in NUMBER_ATTRIBUTES.items():
            span.attributes.add(key=key).value.int_value = value
    return request.SerializeToString()


def send(address: str, bodies: list[bytes]) -> int:
    """Post all bodies over one connection; return how many were acknowledged."""
    target = urlsplit(address)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
    acknowledged = 0
    for body in bodies:
        response = None
        while response is None or response.status == http.client.TOO_MANY_REQUESTS:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            response = connection.getresponse()
            response.read()
        acknowledged += response.status == http.client.OK
    connection.close()
    return acknowledged


def run_clients(address: str, clients: int, batches: int, spans: int) -> dict[str, float]:
    """Send from `clients` threads at one time; return the acknowledged spans and the seconds that it took."""
    bodies = [[encoded_batch(spans) for _ in range(batches)] for _ in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        acknowledged = sum(pool.map(lambda own: send(address, own), bodies))
        return {"spans": acknowledged * spans, "seconds": time.perf_counter() - start}


def measure(clients: int, batches: int, spans: int) -> dict[str, Any]:
    """Start a backend, let the clients loose on it in another process, and count what is stored."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "bench.db")
        with subprocess.Popen([sys.executable, "-c", SERVER, str(store)], stdout=subprocess.PIPE, text=True) as backend:
            assert backend.stdout is not None
            address = backend.stdout.readline().strip()
            sizes = [str(number) for number in (clients, batches, spans)]
            result = json.loads(
                subprocess.run(
                    [sys.executable, __file__, "--clients-of", address, *sizes], check=True, capture_output=True
                ).stdout
            )
            backend.send_signal(signal.SIGTERM)
        connection = sqlite3.connect(store)
        stored = connection.execute("SELECT count(*) FROM spans").fetchone()[0]
        connection.close()
    return {
        "clients": clients,
        "spans_per_batch": spans,
        "acknowledged_spans": result["spans"],
        "stored_spans": stored,
        "seconds": round(result["seconds"], 3),
        "spans_per_second": round(result["spans"] / result["seconds"]),
    }


def main() -> int:
    """Run it; status 1 where something acknowledged is not stored."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--batches", type=int, default=50, help="per client")
    parser.add_argument("--spans", type=int, default=200, help="per batch")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--clients-of", nargs=4, metavar=("ADDRESS", "CLIENTS", "BATCHES", "SPANS"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.clients_of:
        address, *sizes = options.clients_of
        print(json.dumps(run_clients(address, *map(int, sizes))))
        return 0
    result = measure(options.clients, options.batches, options.spans)
    if options.json:
        print(json.dumps(result))
    else:
        print(
            f"ingest: {result['spans_per_second']} spans/s over HTTP from {result['clients']} clients "
            f"({result['acknowledged_spans']} acknowledged, {result['stored_spans']} stored, {result['seconds']} s)"
        )
    return 0 if result["stored_spans"] == result["acknowledged_spans"] else 1


if __name__ == "__main__":
    sys.exit(main())
