"""OTLP over HTTP: every request gets the right answer, and only good ones change anything."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from google.rpc import status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agentotel.local import query
from agentotel.local.batch import MAX_ITEMS
from agentotel.local.http_body import MAX_BODY_BYTES
from agentotel.local.http_receiver import HttpReceiver
from agentotel.local.http_service import HttpService
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store

PATHS = [signal.path for signal in SIGNALS]
JSON = "application/json"
SPAN = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "from json"}
BOMB = """
import gzip, http.client, resource, sys, tempfile
from pathlib import Path
from agentotel.local.server import LocalBackend

bomb = gzip.compress(bytes(64 << 20))  # 64 KB
with tempfile.TemporaryDirectory() as folder, LocalBackend(
    Path(folder, "a.db"), otlp_http_port=0, otlp_grpc_port=0, port=0
) as backend:
    host = backend.addresses.otlp_http.removeprefix("http://")
    def post():
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("POST", "/v1/traces", bomb, {
            "Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"})
        status = connection.getresponse().status
        connection.close()
        return status
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    statuses = {post() for _ in range(20)}
    print(statuses, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def status_of(response):
    """Return the google.rpc.Status of a protobuf answer."""
    return status_pb2.Status.FromString(response.body)


def one_span(**fields):
    """Return an OTLP/JSON request of one span."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**SPAN, **fields}]}]}]}).encode()


def test_protobuf_is_stored_and_answered_in_protobuf(backend, db, post, traces_request):
    """A good request is answered with an empty response message, and is in the store by then."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", traces_request({"name": "a"}).SerializeToString())
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert ExportTraceServiceResponse.FromString(answer.body) == ExportTraceServiceResponse()
    assert query.trace(db).spans[0].name == "a"


def test_json_is_stored_and_answered_in_json(backend, db, post):
    """OTLP/JSON has hexadecimal ids, numbers as text and fields that nobody knows."""
    body = one_span(startTimeUnixNano="1800000000000000000", endTimeUnixNano="1800000000500000000", future=[1])
    answer = post(backend.addresses.otlp_http, "/v1/traces", body, f"{JSON}; charset=utf-8")
    assert (answer.status, answer.headers["content-type"], json.loads(answer.body)) == (200, JSON, {})
    (span,) = query.trace(db, SPAN["traceId"]).spans
    assert (span.span_id, span.duration_s) == (SPAN["spanId"], 0.5)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("content_type", ["application/x-protobuf", JSON])
def test_an_empty_request_is_fine(backend, post, path, content_type):
    """A request without anything in it is answered with success, as OTLP demands."""
    body = b"{}" if content_type == JSON else b""
    assert post(backend.addresses.otlp_http, path, body, content_type).status == 200


def test_logs_and_metrics_are_stored(backend, db, post):
    """The other two signals have their own paths."""
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "hello"
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="agent.requests")
    metric.sum.data_points.add(as_int=3)
    address = backend.addresses.otlp_http
    assert post(address, "/v1/logs", logs.SerializeToString()).status == 200
    assert post(address, "/v1/metrics", metrics.SerializeToString()).status == 200
    assert [record.body for record in query.logs(db)] == ["hello"]
    assert [series.point for series in query.metrics(db)] == [{"value": 3}]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "identity", ""])
def test_gzip_and_identity_are_understood(backend, db, post, traces_request, count, encoding):
    """A compressed body is inflated."""
    body = traces_request().SerializeToString()
    body = gzip.compress(body) if encoding.lower() == "gzip" else body
    answer = post(backend.addresses.otlp_http, "/v1/traces", body, Content_Encoding=encoding)
    assert (answer.status, count(db)) == (200, 1)


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_another_content_type_is_415(backend, db, post, count, content_type):
    """What a web page could send without asking is not accepted."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", one_span(), content_type)
    assert (answer.status, count(db)) == (415, 0)
    assert "application/x-protobuf" in json.loads(answer.body)["message"]


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_another_content_encoding_is_415(backend, post, encoding):
    """Only gzip and identity are accepted."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", b"", Content_Encoding=encoding)
    assert answer.status == 415
    assert "gzip" in status_of(answer).message


@pytest.mark.parametrize("path", PATHS)
def test_malformed_protobuf_is_400(backend, post, path):
    """The answer is a google.rpc.Status in protobuf."""
    answer = post(backend.addresses.otlp_http, path, b"\xff\xff\xff")
    assert (answer.status, answer.headers["content-type"]) == (400, "application/x-protobuf")
    assert "not a protobuf" in status_of(answer).message


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"1", b'"x"', b"\xff", b"[" * 100_000, b'{"resourceSpans": 5}', b'{"resourceSpans": [5]}',
        b'{"resourceSpans": {"a": 1}}', one_span(traceId="xyz"), one_span(traceId=5), one_span(name=["x"]),
        one_span(name="\ud800"), one_span(startTimeUnixNano="soon"), one_span(startTimeUnixNano=-1),
        one_span(startTimeUnixNano=2**70), one_span(flags="many"), one_span(attributes="x"),
        one_span(attributes=[{"key": "a", "value": {"intValue": "9" * 30}}]), b'{"resourceSpans":' * 2000,
        one_span(attributes=[{"key": "a", "value": json.loads('{"arrayValue":{"values":[' * 80 + "]}}" * 80)}]),
    ],
)  # fmt: skip
def test_malformed_json_is_400(backend, db, post, count, body):
    """The answer is a google.rpc.Status in JSON, and nothing was stored."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", body, JSON)
    assert (answer.status, answer.headers["content-type"]) == (400, JSON)
    assert json.loads(answer.body)["code"] == 3
    assert "not OTLP/JSON" in json.loads(answer.body)["message"] or "must be an object" in answer.body.decode()
    assert count(db) == 0


@pytest.mark.parametrize("as_json", [False, True])
def test_a_body_that_is_cut_off_anywhere_is_never_an_error_of_ours(backend, post, traces_request, as_json):
    """At every length of a small message the answer is 200 or 400, with and without gzip."""
    span = {"name": "work", "attributes": {"key": "text", "number": 1.5}}
    body = one_span(startTimeUnixNano="5") if as_json else traces_request(span).SerializeToString()
    content_type = JSON if as_json else "application/x-protobuf"
    address = backend.addresses.otlp_http
    statuses = [post(address, "/v1/traces", body[:length], content_type).status for length in range(len(body) + 1)]
    assert set(statuses) <= {200, 400}
    assert (statuses[-1], statuses[-2]) == (200, 400)
    packed = gzip.compress(body)
    statuses = [
        post(address, "/v1/traces", packed[:length], content_type, Content_Encoding="gzip").status
        for length in range(len(packed) + 1)
    ]
    assert set(statuses[:-1]) == {400}
    assert statuses[-1] == 200


@pytest.mark.parametrize("body", [b"no gzip at all", gzip.compress(b"") + b"more", gzip.compress(b"") * 2])
def test_a_body_that_is_not_gzip_is_400(backend, post, body):
    """A wrong Content-Encoding, and data after the end of the stream."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", body, Content_Encoding="gzip")
    assert answer.status == 400
    assert "gzip" in status_of(answer).message


def test_an_oversized_body_is_413(backend, db, post, count):
    """With a declared length, and in chunks without one."""
    body = bytes(MAX_BODY_BYTES + 1)
    assert post(backend.addresses.otlp_http, "/v1/traces", body).status == 413
    chunks = (bytes(1 << 20) for _ in range((MAX_BODY_BYTES >> 20) + 1))
    answer = post(backend.addresses.otlp_http, "/v1/traces", chunks)
    assert answer.status == 413
    assert "send smaller batches" in status_of(answer).message
    assert count(db) == 0


def test_an_argument_of_ten_megabytes_is_stored(backend, db, post, traces_request):
    """The limit leaves room for large content."""
    request = traces_request({"attributes": {"gen_ai.tool.call.arguments": "x" * 10_000_000}})
    assert post(backend.addresses.otlp_http, "/v1/traces", request.SerializeToString()).status == 200
    assert len(query.trace(db).spans[0].attributes["gen_ai.tool.call.arguments"]) == 10_000_000


def test_a_gzip_bomb_is_413_and_costs_little_memory():
    """Twenty bodies that inflate to 64 MB each are refused, at the price of about one that is accepted."""
    run = subprocess.run([sys.executable, "-c", BOMB], capture_output=True, text=True, check=True)
    statuses, grown_mb = run.stdout.rsplit(maxsplit=1)
    assert statuses == "{413}"
    assert int(grown_mb) < 3 * (MAX_BODY_BYTES >> 20)


def test_a_million_empty_items_are_413(backend, db, post, count):
    """A small body that would become millions of rows is refused before they are made."""
    request = b"\x0a\x00" * (MAX_ITEMS + 1)
    answer = post(backend.addresses.otlp_http, "/v1/traces", request)
    assert answer.status == 413
    assert "items" in status_of(answer).message
    assert count(db) == 0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b"short"}, "trace_id of 5 bytes, expected 16"),
        ({"trace_id": b"x" * 1_000_000}, "trace_id of 1000000 bytes"),
        ({"trace_id": bytes(16)}, "trace_id of only zeros"),
        ({"span_id": b"y" * 9}, "span_id of 9 bytes"),
        ({"span_id": bytes(8)}, "span_id of only zeros"),
        ({"parent_span_id": b"z"}, "parent_span_id of 1 bytes"),
        ({"start": 2**64 - 1, "end": 0}, "start time after the year 2262"),
        ({"end": 2**63}, "end time after the year 2262"),
    ],
)
def test_an_invalid_item_is_refused_and_its_neighbours_are_stored(backend, db, post, traces_request, fields, reason):
    """The partial success counts what was refused, and says why."""
    request = traces_request({"name": "good"}, fields, {"name": "also good"})
    answer = post(backend.addresses.otlp_http, "/v1/traces", request.SerializeToString())
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 1)
    assert reason in partial.error_message
    assert sorted(trace.name for trace in query.traces(db)) == ["also good", "good"]


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics"])
def test_invalid_log_records_and_points_are_refused_likewise(backend, post, path):
    """The other two signals count in their own words, in JSON too."""
    late = str(2**64 - 1)
    bodies = {
        "/v1/logs": {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "ab"}, {"timeUnixNano": late}]}]}]},
        "/v1/metrics": {
            "resourceMetrics": [
                {"scopeMetrics": [{"metrics": [{"name": "none"}, {"gauge": {"dataPoints": [{"timeUnixNano": late}]}}]}]}
            ]
        },
    }
    answer = post(backend.addresses.otlp_http, path, json.dumps(bodies[path]).encode(), JSON)
    partial = json.loads(answer.body)["partialSuccess"]
    assert answer.status == 200
    assert {partial.pop("rejectedLogRecords", "2"), partial.pop("rejectedDataPoints", "2")} == {"2"}
    assert "year 2262" in partial["errorMessage"]


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "nul \0 and \x1b[31m and \n"}, {"name": "x" * 3_000_000}, {"start": 0, "end": 0}, {"end": 1},
        {"start": 2**63 - 1, "end": 0}, {"trace_state": "s" * 100_000}, {"kind": 77}, {"status": 77},
        {"attributes": {"user.id": "u" * 2_000_000, "": "", "a\0b": "\U0001f600"}},
        {"attributes": {"gen_ai.operation.name": 5, "gen_ai.agent.name": True, "gen_ai.usage.input_tokens": "many"}},
    ],
)  # fmt: skip
def test_strange_content_is_stored_as_it_is(backend, db, post, traces_request, fields):
    """Control characters, megabytes and clocks that jumped are no reason to lose a span."""
    answer = post(backend.addresses.otlp_http, "/v1/traces", traces_request(fields).SerializeToString())
    assert answer.status == 200
    found = query.trace(db)
    json.dumps(found.as_dict())
    assert found.spans[0].name == fields.get("name", "work")
    assert found.spans[0].duration_s >= 0
    assert found.summary().input_tokens == 0


def test_other_paths_and_methods(backend, post):
    """404 and 405 where HTTP has them; a preflight of a web page gets no permission."""
    address = backend.addresses.otlp_http
    assert post(address, "/v1/nothing", b"").status == 404
    assert post(address, "/v1/traces", None, method="GET").status == 405
    preflight = post(address, "/v1/traces", None, None, "OPTIONS", Origin="http://evil.example")
    assert preflight.status in {403, 405}
    assert "access-control-allow-origin" not in preflight.headers


def test_health_and_ready(backend, post):
    """Both say yes while it runs."""
    for path in ("/health", "/ready"):
        assert post(backend.addresses.otlp_http, path, None, None, "GET").status == 200


@pytest.fixture
def receiver(db):
    """Give a function that serves a receiver with chosen limits on its own."""
    opened = []

    def serve(queue_limit=256, **limits):
        store = Store(db, queue_limit=queue_limit)
        receiver = HttpReceiver(store, **limits)
        listener = socket.create_server(("127.0.0.1", 0))
        service = HttpService([(receiver.app("127.0.0.1"), listener)])
        service.start()
        opened.extend((service.stop, receiver.close, store.close))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        return SimpleNamespace(address=address, store=store)

    yield serve
    for close in opened:
        close()


def test_a_full_queue_is_429_with_retry_after(receiver, db, post, traces_request, write_lock, count):
    """While the store cannot write, senders are told to come again; what was accepted is stored afterwards."""
    served = receiver(queue_limit=1)
    body = traces_request
    answers = []
    lock = threading.Lock()
    refused = threading.Event()

    def send():
        answer = post(served.address, "/v1/traces", body().SerializeToString())
        with lock:
            answers.append(answer)
        if answer.status == 429:
            refused.set()

    threads = [threading.Thread(target=send) for _ in range(6)]
    with write_lock(db):
        for thread in threads:
            thread.start()
        assert refused.wait(30)
    for thread in threads:
        thread.join()
    refusals = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {200, 429}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refusals)
    assert status_of(refusals[0]).code == 8
    assert count(db) == 6 - len(refusals)


def test_bodies_of_all_requests_together_are_bounded(receiver, post):
    """A request for which no memory is left is 429, and the memory is given back."""
    from agentotel.local.http_body import MemoryBudget

    budget = MemoryBudget(limit=1000)
    served = receiver(budget=budget)
    answer = post(served.address, "/v1/traces", bytes(2000))
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert budget.used == 0
    assert post(served.address, "/v1/traces", b"").status == 200


def test_a_slow_body_is_408(receiver):
    """A client that does not send its body in time is told so and disconnected."""
    served = receiver(body_timeout_s=0.1)
    target = urlsplit(served.address)
    with socket.create_connection((target.hostname, target.port), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: 100\r\n\r\nab"
        )
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 408
        response.read()
        assert connection.recv(1) == b""


def test_a_closed_store_is_503(receiver, post, traces_request):
    """While it stops, telemetry is refused in a way that makes senders try again, and /ready says no."""
    served = receiver()
    served.store.close()
    answer = post(served.address, "/v1/traces", traces_request().SerializeToString())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert post(served.address, "/ready", None, None, "GET").status == 503
    assert post(served.address, "/health", None, None, "GET").status == 200
