"""OTLP over gRPC: the same telemetry and the same care as over HTTP."""

from __future__ import annotations

import threading

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from agentotel.local import query
from agentotel.local.errors import AddressError
from agentotel.local.grpc_receiver import GrpcReceiver
from agentotel.local.http_body import MAX_BODY_BYTES
from agentotel.local.store import Store

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
COMPRESSIONS = [grpc.Compression.NoCompression, grpc.Compression.Gzip]


@pytest.fixture
def serve(db):
    """Give a function that serves a store over gRPC and returns a channel to it."""
    opened = []

    def start(queue_limit=256):
        store = Store(db, queue_limit=queue_limit)
        receiver = GrpcReceiver(store, "127.0.0.1", 0)
        receiver.start()
        channel = grpc.insecure_channel(f"127.0.0.1:{receiver.port}", options=[("grpc.max_send_message_length", -1)])
        opened.extend((channel.close, receiver.stop, store.close))
        return channel

    yield start
    for close in opened:
        close()


def raw(channel, body, compression=None):
    """Send bytes as a request of traces."""
    return channel.unary_unary(METHOD)(body, compression=compression, timeout=60)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_all_signals_are_stored(serve, db, traces_request, compression):
    """The three services answer their own messages, with gzip and without."""
    channel = serve()
    logs = logs_service_pb2.ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "hello"
    metrics = metrics_service_pb2.ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="agent.requests")
    metric.gauge.data_points.add(as_int=3)
    answers = [
        trace_service_pb2_grpc.TraceServiceStub(channel).Export(traces_request(), compression=compression),
        logs_service_pb2_grpc.LogsServiceStub(channel).Export(logs, compression=compression),
        metrics_service_pb2_grpc.MetricsServiceStub(channel).Export(metrics, compression=compression),
    ]
    assert answers == [
        trace_service_pb2.ExportTraceServiceResponse(),
        logs_service_pb2.ExportLogsServiceResponse(),
        metrics_service_pb2.ExportMetricsServiceResponse(),
    ]
    assert len(query.traces(db)) == len(query.logs(db)) == len(query.metrics(db)) == 1


def test_an_invalid_item_is_refused_and_its_neighbours_are_stored(serve, traces_request, count, db):
    """The partial success counts what was refused."""
    stub = trace_service_pb2_grpc.TraceServiceStub(serve())
    partial = stub.Export(traces_request({}, {"span_id": b"short"}, {})).partial_success
    assert partial.rejected_spans == 1
    assert "span_id of 5 bytes" in partial.error_message
    assert count(db) == 2


def test_a_message_that_is_cut_off_anywhere_is_never_an_error_of_ours(serve, traces_request):
    """At every length the answer is success or INVALID_ARGUMENT."""
    channel = serve()
    body = traces_request({"attributes": {"a": 1.5}}).SerializeToString()
    codes = []
    for length in range(len(body) + 1):
        try:
            raw(channel, body[:length])
            codes.append(grpc.StatusCode.OK)
        except grpc.RpcError as error:  # noqa: PERF203 - each call has its own code
            codes.append(error.code())
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    assert codes[-2:] == [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OK]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_oversized_message_is_refused(serve, db, count, compression):
    """As sent and inflated: RESOURCE_EXHAUSTED without RetryInfo, which means do not try again."""
    with pytest.raises(grpc.RpcError) as error:
        raw(serve(), bytes(4 * MAX_BODY_BYTES), compression)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "grpc-status-details-bin" not in dict(error.value.trailing_metadata())
    assert count(db) == 0


def test_a_full_queue_says_when_to_come_again(serve, db, traces_request, write_lock, count):
    """RESOURCE_EXHAUSTED with RetryInfo; what was accepted is stored afterwards."""
    stub = trace_service_pb2_grpc.TraceServiceStub(serve(queue_limit=1))
    errors = []
    refused = threading.Event()

    def send():
        try:
            stub.Export(traces_request(), timeout=60)
        except grpc.RpcError as error:
            errors.append(error)
            refused.set()

    threads = [threading.Thread(target=send) for _ in range(4)]
    with write_lock(db):
        for thread in threads:
            thread.start()
        assert refused.wait(30)
    for thread in threads:
        thread.join()
    details = status_pb2.Status.FromString(dict(errors[0].trailing_metadata())["grpc-status-details-bin"])
    retry = error_details_pb2.RetryInfo()
    assert errors[0].code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert details.details[0].Unpack(retry)
    assert retry.retry_delay.seconds >= 1
    assert count(db) == 4 - len(errors)


def test_a_port_in_use_is_an_error(db, serve):
    """Two programs never share a port."""
    store = Store(db)
    first = GrpcReceiver(store, "127.0.0.1", 0)
    try:
        with pytest.raises(AddressError, match=str(first.port)):
            GrpcReceiver(store, "127.0.0.1", first.port)
    finally:
        first.stop()
        store.close()
