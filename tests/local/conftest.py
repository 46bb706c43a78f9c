"""What the tests of the embedded backend share: a running backend, requests, and plain HTTP."""

from __future__ import annotations

import http.client
import os
import sqlite3
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentotel.local.server import LocalBackend
from agentotel.local.store import Store

NOW_NS = 1_800_000_000_000_000_000


@pytest.fixture
def db(tmp_path):
    """Give the path of a store that is not there yet."""
    return tmp_path / "telemetry.db"


@pytest.fixture
def store(db):
    """Give a store that is closed after the test."""
    store = Store(db)
    yield store
    store.close()


@pytest.fixture
def backend(db):
    """Give a running backend on free ports."""
    with LocalBackend(db, otlp_http_port=0, otlp_grpc_port=0, port=0) as backend:
        yield backend


@pytest.fixture
def set_attributes():
    """Give a function that fills OTLP attributes from keyword-like pairs of plain values."""

    def fill(target, pairs):
        for key, value in pairs.items():
            stored = target.add(key=key).value
            if isinstance(value, bool):
                stored.bool_value = value
            elif isinstance(value, int):
                stored.int_value = value
            elif isinstance(value, float):
                stored.double_value = value
            else:
                stored.string_value = value

    return fill


@pytest.fixture
def traces_request(set_attributes):
    """Give a function that makes a request of spans, each a dict of fields and plain attributes."""

    def make(*spans, service="shop"):
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        set_attributes(group.resource.attributes, {"service.name": service})
        scoped = group.scope_spans.add()
        scoped.scope.name = "tests"
        for number, given in enumerate(spans or ({},)):
            fields = dict(given)
            attributes = fields.pop("attributes", {})
            status = fields.pop("status", 0)
            start = fields.pop("start", NOW_NS + number * 1000)
            span = scoped.spans.add(
                trace_id=fields.pop("trace_id", None) or os.urandom(16),
                span_id=fields.pop("span_id", None) or os.urandom(8),
                name=fields.pop("name", "work"),
                start_time_unix_nano=start,
                end_time_unix_nano=fields.pop("end", start + 500),
                **fields,
            )
            span.status.code = status
            set_attributes(span.attributes, attributes)
        return request

    return make


@pytest.fixture
def post():
    """Give a function that posts a body and returns status, headers and body."""

    def send(address, path, body, content_type="application/x-protobuf", method="POST", **headers):
        target = urlsplit(address)
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            named["Content-Type"] = content_type
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            return SimpleNamespace(status=response.status, headers=response.headers, body=response.read())
        finally:
            connection.close()

    return send


@pytest.fixture
def count():
    """Give a function that counts the rows of a table."""

    def rows(path, table="spans"):
        connection = sqlite3.connect(path)
        try:
            return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        finally:
            connection.close()

    return rows


@pytest.fixture
def write_lock():
    """Give a context manager that holds the write lock of a store, so that its writer has to wait."""

    @contextmanager
    def hold(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()

    return hold
