"""Whatever OTLP can say is stored and comes back, and both encodings give the same rows."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path

import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from agentotel.local import query
from agentotel.local.filters import Filters
from agentotel.local.otlp_json import parse as parse_json
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store

TRACES, METRICS, LOGS = SIGNALS
EVERYTHING = Filters(limit=1000)
TEXT = st.text(max_size=8)
TIME = st.integers(0, 2**63 - 1)
UINT32 = st.integers(0, 2**32 - 1)
NUMBER = st.floats(allow_nan=False)
ID_KEYS = {"traceId", "spanId", "parentSpanId"}
USER_DATA = {"attributes", "body", "filteredAttributes", "metadata"}


def ids(length):
    """Generate valid ids."""
    return st.binary(min_size=length, max_size=length).filter(any)


SCALAR = (
    st.builds(AnyValue, string_value=TEXT)
    | st.builds(AnyValue, bool_value=st.booleans())
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=NUMBER)
    | st.builds(AnyValue, bytes_value=st.binary(max_size=4))
    | st.just(AnyValue())
)


def pairs():
    """Generate attributes with distinct keys, some of which look like fields of OTLP."""
    keys = st.lists(TEXT | st.just("traceId"), unique=True, max_size=4)
    return keys.flatmap(
        lambda names: st.tuples(*(st.builds(KeyValue, key=st.just(name), value=SCALAR) for name in names))
    )


@st.composite
def spans(draw):
    """Generate requests of spans."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(schema_url=draw(TEXT))
    group.resource.attributes.extend(draw(pairs()))
    scoped = group.scope_spans.add()
    scoped.scope.name, scoped.scope.version = draw(TEXT), draw(TEXT)
    for span_id in draw(st.lists(ids(8), unique=True, min_size=1, max_size=3)):
        span = scoped.spans.add(
            trace_id=draw(ids(16)),
            span_id=span_id,
            parent_span_id=draw(st.just(b"") | ids(8)),
            name=draw(TEXT),
            kind=draw(st.integers(0, 5)),
            start_time_unix_nano=draw(TIME),
            end_time_unix_nano=draw(TIME),
            trace_state=draw(TEXT),
            flags=draw(UINT32),
            dropped_attributes_count=draw(UINT32),
        )
        span.attributes.extend(draw(pairs()))
        span.status.code, span.status.message = draw(st.integers(0, 2)), draw(TEXT)
        for _ in range(draw(st.integers(0, 2))):
            event = span.events.add(name=draw(TEXT), time_unix_nano=draw(st.integers(0, 2**64 - 1)))
            event.attributes.extend(draw(pairs()))
            link = span.links.add(trace_id=draw(ids(16)), span_id=draw(ids(8)), trace_state=draw(TEXT))
            link.attributes.extend(draw(pairs()))
    return request


@st.composite
def records(draw):
    """Generate requests of log records."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(draw(pairs()))
    scoped = group.scope_logs.add()
    for _ in range(draw(st.integers(1, 3))):
        record = scoped.log_records.add(
            time_unix_nano=draw(TIME),
            observed_time_unix_nano=draw(TIME),
            severity_number=draw(st.integers(0, 24)),
            severity_text=draw(TEXT),
            event_name=draw(TEXT),
            flags=draw(UINT32),
            trace_id=draw(st.just(b"") | ids(16)),
            span_id=draw(st.just(b"") | ids(8)),
            body=draw(SCALAR),
        )
        record.attributes.extend(draw(pairs()))
    return request


@st.composite
def points(draw):
    """Generate requests of one point per metric, of all kinds."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(draw(pairs()))
    scoped = group.scope_metrics.add()
    kinds = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]
    for number, kind in enumerate(draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))):
        metric = scoped.metrics.add(name=f"{number}{draw(TEXT)}", unit=draw(TEXT), description=draw(TEXT))
        data = getattr(metric, kind)
        if kind == "sum":
            data.is_monotonic = draw(st.booleans())
        if kind not in {"gauge", "summary"}:
            data.aggregation_temporality = draw(st.integers(0, 2))
        point = data.data_points.add(time_unix_nano=draw(TIME), start_time_unix_nano=draw(TIME))
        point.attributes.extend(draw(pairs()))
        fill_point(draw, kind, point)
    return request


def fill_point(draw, kind, point):
    """Generate what only points of this kind have."""
    if kind in {"gauge", "sum"}:
        if draw(st.booleans()):
            point.as_int = draw(st.integers(-(2**63), 2**63 - 1))
        else:
            point.as_double = draw(NUMBER)
    else:
        point.count, point.sum = draw(st.integers(0, 2**64 - 1)), draw(NUMBER)
    if kind == "histogram":
        point.explicit_bounds.extend(draw(st.lists(NUMBER, max_size=3)))
        point.bucket_counts.extend(draw(st.lists(st.integers(0, 2**64 - 1), max_size=4)))
        point.min = draw(NUMBER)
    if kind == "exponential_histogram":
        point.scale, point.zero_count = draw(st.integers(-10, 20)), draw(UINT32)
        point.positive.offset = draw(st.integers(-100, 100))
        point.positive.bucket_counts.extend(draw(st.lists(UINT32, max_size=4)))
        point.max = draw(NUMBER)
    if kind == "summary":
        point.quantile_values.add(quantile=draw(st.floats(0, 1)), value=draw(NUMBER))
    else:
        exemplar = point.exemplars.add(as_int=draw(UINT32), time_unix_nano=draw(TIME), trace_id=draw(ids(16)))
        exemplar.filtered_attributes.extend(draw(pairs()))


def otlp_json(message):
    """Write a request as OTLP/JSON: protobuf's own JSON with hexadecimal ids and unknown fields thrown in."""

    def convert(node):
        if isinstance(node, list):
            return [convert(item) for item in node]
        if not isinstance(node, dict):
            return node
        result = {"fieldOfTheFuture": {"traceId": 1}}
        for key, value in node.items():
            if key in ID_KEYS:
                result[key] = base64.b64decode(value).hex()
            else:
                result[key] = value if key in USER_DATA else convert(value)
        return result

    document = json_format.MessageToDict(message, use_integers_for_enums=True)
    return json.dumps(convert(document)).encode()


def stored(signal, request, ask):
    """Send a request through decoder, store and query."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "a.db"))
        try:
            batch = signal.read(request.SerializeToString())
            assert not batch.refusals
            store.submit(batch).result()
            return ask(store.path)
        finally:
            store.close()


def plain(attributes):
    """Return attributes as the sender meant them."""
    kinds = {pair.key: pair.value.WhichOneof("value") for pair in attributes}
    return {pair.key: getattr(pair.value, kinds[pair.key]) if kinds[pair.key] else None for pair in attributes}


ROUND_TRIP = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(("signal", "requests"), [(TRACES, spans()), (LOGS, records()), (METRICS, points())])
@ROUND_TRIP
@given(data=st.data())
def test_both_encodings_give_the_same_rows(signal, requests, data):
    """Protobuf and OTLP/JSON (with unknown fields in it) of one request are decoded to identical rows."""
    request = data.draw(requests)
    parsed = signal.request()
    parsed.ParseFromString(request.SerializeToString())
    from_protobuf = signal.decode(parsed, 1)
    document = signal.request()
    from_json = signal.decode(parse_json(otlp_json(request), document), 1)
    assert from_json == from_protobuf
    assert from_protobuf.rows


@ROUND_TRIP
@given(spans())
def test_spans_come_back_as_they_were_sent(request):
    """Every field of a stored span equals what was sent."""
    group = request.resource_spans[0]
    sent = {(span.trace_id.hex(), span.span_id.hex()): span for span in group.scope_spans[0].spans}

    def ask(path):
        found = [query.trace(path, summary.trace_id) for summary in query.traces(path, EVERYTHING)]
        return [span for trace in found for span in trace.spans]

    back = stored(TRACES, request, ask)
    assert {(span.trace_id, span.span_id) for span in back} == set(sent)
    for span in back:
        original = sent[span.trace_id, span.span_id]
        assert span.name == original.name
        assert span.parent_span_id == (original.parent_span_id.hex() or None)
        assert (span.start_ns, span.end_ns) == (original.start_time_unix_nano, original.end_time_unix_nano)
        assert span.attributes == plain(original.attributes)
        assert span.status_message == (original.status.message or None)
        assert span.flags == original.flags
        assert span.dropped == (original.dropped_attributes_count, 0, 0)
        assert [(event.time_ns, event.name, event.attributes) for event in span.events] == [
            (event.time_unix_nano, event.name, plain(event.attributes)) for event in original.events
        ]
        assert [(link.trace_id, link.span_id, link.attributes) for link in span.links] == [
            (link.trace_id.hex(), link.span_id.hex(), plain(link.attributes)) for link in original.links
        ]
        assert span.origin.resource == plain(group.resource.attributes)
        assert span.origin.scope.name == group.scope_spans[0].scope.name
        json.dumps(span.as_dict(), allow_nan=False)


@ROUND_TRIP
@given(records())
def test_log_records_come_back_as_they_were_sent(request):
    """Every field of a stored log record equals what was sent."""
    sent = list(request.resource_logs[0].scope_logs[0].log_records)
    back = stored(LOGS, request, lambda path: query.logs(path, EVERYTHING))

    def of_sent(record):
        kind = record.body.WhichOneof("value")
        body = getattr(record.body, kind) if kind else None
        return (
            record.time_unix_nano,
            record.observed_time_unix_nano,
            record.severity_number,
            record.trace_id.hex() or None,
            record.span_id.hex() or None,
            record.event_name or None,
            repr(body),
            repr(plain(record.attributes)),
            record.flags,
        )

    def of_back(record):
        return (
            record.time_ns,
            record.observed_ns,
            record.severity,
            record.trace_id,
            record.span_id,
            record.event_name,
            repr(record.body),
            repr(record.attributes),
            record.flags,
        )

    assert sorted(map(str, map(of_back, back))) == sorted(map(str, map(of_sent, sent)))
    json.dumps([record.as_dict() for record in back], allow_nan=False)


@ROUND_TRIP
@given(points())
def test_metric_points_come_back_as_they_were_sent(request):
    """Every kind of metric comes back with its values, buckets, quantiles and exemplars."""
    sent = {metric.name: metric for metric in request.resource_metrics[0].scope_metrics[0].metrics}
    back = stored(METRICS, request, lambda path: query.metrics(path, EVERYTHING))
    assert {series.name for series in back} == set(sent)
    for series in back:
        kind = sent[series.name].WhichOneof("data")
        point = getattr(sent[series.name], kind).data_points[0]
        assert series.kind == kind
        assert series.time_ns == point.time_unix_nano
        assert series.attributes == plain(point.attributes)
        if kind in {"gauge", "sum"}:
            assert series.point == {"value": getattr(point, point.WhichOneof("value"))}
        else:
            assert (series.point["count"], series.point["sum"]) == (point.count, point.sum)
        if kind == "histogram":
            assert series.point["bounds"] == list(point.explicit_bounds)
            assert series.point["counts"] == list(point.bucket_counts)
            assert series.point["min"] == point.min
            assert "max" not in series.point
        if kind == "exponential_histogram":
            assert series.point["positive"]["counts"] == list(point.positive.bucket_counts)
            assert series.point["scale"] == point.scale
        if kind == "summary":
            assert series.point["quantiles"] == [[at.quantile, at.value] for at in point.quantile_values]
        else:
            assert [exemplar.trace_id for exemplar in series.exemplars] == [
                exemplar.trace_id.hex() for exemplar in point.exemplars
            ]
        json.dumps(series.as_dict(), allow_nan=False)
