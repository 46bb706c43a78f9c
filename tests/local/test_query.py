"""Questions find what matches all filters, and nothing else."""

from __future__ import annotations

import time

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from agentotel.local import query
from agentotel.local.errors import StoreError
from agentotel.local.filters import Filters
from agentotel.local.signals import SIGNALS
from agentotel.model import names

TRACES, METRICS, LOGS = SIGNALS
ONE, TWO, THREE = (bytes([number]) * 16 for number in (0x11, 0x22, 0x23))
RUN_OF_ONE, CALL_OF_ONE = b"a" * 8, b"b" * 8


@pytest.fixture
def shop(store, traces_request):
    """A store with three traces: a run with a model call and a failed tool, another agent's run, and plain work."""
    now = time.time_ns()
    ids = {names.USER_ID: "u1", names.TENANT_ID: "acme", names.SESSION_ID: "s1", names.REQUEST_ID: "r1"}
    agent = {names.OPERATION_NAME: "invoke_agent", names.AGENT_NAME: "support", **ids}
    model = {names.OPERATION_NAME: "chat", names.REQUEST_MODEL: "gpt-4o", "agent.vip": True, **ids}
    tool = {names.OPERATION_NAME: "execute_tool", names.TOOL_NAME: "search", **ids}
    other = {names.OPERATION_NAME: "invoke_agent", names.AGENT_NAME: "sales", names.USER_ID: "u2"}
    inside = {"trace_id": ONE, "parent_span_id": RUN_OF_ONE}
    batches = (
        traces_request(
            {
                "trace_id": ONE,
                "span_id": RUN_OF_ONE,
                "name": "invoke_agent support",
                "start": now - 10**9,
                "attributes": agent,
            },
            {**inside, "span_id": CALL_OF_ONE, "name": "chat gpt-4o", "start": now - 9 * 10**8, "attributes": model},
            {**inside, "name": "execute_tool search", "start": now - 8 * 10**8, "status": 2, "attributes": tool},
        ),
        traces_request({"trace_id": TWO, "name": "invoke_agent sales", "start": now - 7 * 10**8, "attributes": other}),
        traces_request({"trace_id": THREE, "name": "old work", "start": now - 7200 * 10**9}, service="batch"),
    )
    for request in batches:
        store.submit(TRACES.read(request.SerializeToString())).result()
    return store.path


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [TWO, ONE, THREE]),
        ({"limit": 2}, [TWO, ONE]),
        ({"since_s": 3600.0}, [TWO, ONE]),
        ({"since_s": 1e12}, [TWO, ONE, THREE]),
        ({"agent": "support"}, [ONE]),
        ({"agent": "Support"}, []),
        ({"user": "u2"}, [TWO]),
        ({"tenant": "acme"}, [ONE]),
        ({"session": "s1"}, [ONE]),
        ({"request": "r1"}, [ONE]),
        ({"model": "gpt-4o"}, [ONE]),
        ({"tool": "search"}, [ONE]),
        ({"service": "batch"}, [THREE]),
        ({"service": "shop"}, [TWO, ONE]),
        ({"error": True}, [ONE]),
        ({"agent": "support", "tool": "search", "model": "gpt-4o"}, [ONE]),
        ({"agent": "sales", "tool": "search"}, []),
        ({"agent": "sales", "error": True}, []),
        ({"error": True, "since_s": 0.1}, []),
        ({"where": (("agent.vip", "true"),)}, [ONE]),
        ({"where": (("agent.vip", "true"), ("gen_ai.tool.name", "search"))}, [ONE]),
        ({"where": (("agent.vip", "false"),)}, []),
        ({"where": (("vip", "true"),)}, []),
        ({"where": (("service.name", "batch"),)}, [THREE]),
        ({"where": (("'; DROP TABLE spans; --", "x"),)}, []),
        ({"user": "' OR 1=1 --"}, []),
    ],
)
def test_traces_that_match(shop, filters, found):
    """Each filter holds for at least one span of the trace; the latest trace comes first."""
    assert [trace.trace_id for trace in query.traces(shop, Filters(**filters))] == [each.hex() for each in found]


def test_a_trace_in_full(shop):
    """Its spans in the order of their starts, each under its parent."""
    trace = query.trace(shop, ONE.hex())
    assert [span.name for span in trace.spans] == ["invoke_agent support", "chat gpt-4o", "execute_tool search"]
    assert [span.name for span in trace.roots] == ["invoke_agent support"]
    assert [span.span_id for span in trace.children[RUN_OF_ONE.hex()]] == [span.span_id for span in trace.spans[1:]]
    assert [span.error for span in trace.spans] == [False, False, True]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("last", TWO),
        ("1111", ONE),
        (ONE.hex().upper(), ONE),
        ("222", None),
        ("", None),
        ("xyzw", None),
        ("9" * 32, None),
        ("1" * 33, None),
    ],
)
def test_what_an_id_stands_for(shop, asked, found):
    """The whole id, its first digits, or `last`."""
    trace = query.trace(shop, asked)
    assert (trace and trace.trace_id) == (found and found.hex())


def test_an_ambiguous_id(store, traces_request):
    """Digits with which several traces begin are not guessed."""
    request = traces_request({"trace_id": ONE}, {"trace_id": ONE[:15] + b"\x00"})
    store.submit(TRACES.read(request.SerializeToString())).result()
    with pytest.raises(StoreError, match="several traces begin with 1111"):
        query.trace(store.path, "1111")


def test_an_empty_store(store):
    """There is no last trace, and every list is empty."""
    assert query.trace(store.path) is None
    assert query.traces(store.path) == query.logs(store.path) == query.metrics(store.path) == []


@pytest.fixture
def shop_logs(shop, store, set_attributes):
    """Log records: one of the model call, one error of the same user elsewhere, one of nobody."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    set_attributes(group.resource.attributes, {"service.name": "shop"})
    scoped = group.scope_logs.add()
    now = time.time_ns()
    record = scoped.log_records.add(trace_id=ONE, span_id=CALL_OF_ONE, time_unix_nano=now - 3000, severity_number=9)
    record.body.string_value = "in the call"
    record = scoped.log_records.add(time_unix_nano=now - 2000, severity_number=17)
    record.body.string_value = "elsewhere"
    set_attributes(record.attributes, {names.USER_ID: "u1", "code": 7})
    record = scoped.log_records.add(observed_time_unix_nano=now - 7200 * 10**9)
    record.body.string_value = "old"
    store.submit(LOGS.read(request.SerializeToString())).result()
    return shop


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["old", "in the call", "elsewhere"]),
        ({"limit": 1}, ["elsewhere"]),
        ({"since_s": 3600.0}, ["in the call", "elsewhere"]),
        ({"user": "u1"}, ["in the call", "elsewhere"]),
        ({"agent": "support"}, ["in the call"]),
        ({"tool": "search", "model": "gpt-4o"}, ["in the call"]),
        ({"agent": "sales"}, []),
        ({"error": True}, ["elsewhere"]),
        ({"where": (("code", "7"),)}, ["elsewhere"]),
        ({"where": (("service.name", "shop"),), "service": "shop"}, ["old", "in the call", "elsewhere"]),
    ],
)
def test_log_records_that_match(shop_logs, filters, found):
    """A record that names no agent, model or tool belongs to that of its trace; the latest comes last."""
    assert [record.body for record in query.logs(shop_logs, Filters(**filters))] == found


def test_a_trace_has_its_log_records(shop_logs):
    """Those with its id, and no others."""
    assert [record.body for record in query.trace(shop_logs, ONE.hex()).logs] == ["in the call"]
    assert query.trace(shop_logs, TWO.hex()).logs == []


@pytest.fixture
def shop_metrics(store, set_attributes):
    """Two points of one counter, a failed one of another agent, and an old gauge."""
    now = time.time_ns()
    points = [
        ("agent.requests", {"agent_name": "support", "status": "success"}, 1, now - 2000),
        ("agent.requests", {"agent_name": "support", "status": "success"}, 5, now - 1000),
        ("agent.requests", {"agent_name": "sales", "status": "failed"}, 2, now),
        ("agent.pool.size", {"pool": "a"}, 9, now - 7200 * 10**9),
    ]
    for name, attributes, value, time_ns in points:
        request = ExportMetricsServiceRequest()
        metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name=name)
        point = metric.sum.data_points.add(as_int=value, time_unix_nano=time_ns)
        set_attributes(point.attributes, attributes)
        store.submit(METRICS.read(request.SerializeToString())).result()
    return store.path


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, [9, 2, 5]),
        ({"agent": "support"}, [5]),
        ({"error": True}, [2]),
        ({"since_s": 3600.0}, [2, 5]),
        ({"where": (("pool", "a"),)}, [9]),
        ({"tool": "search"}, []),
        ({"limit": 1}, [9]),
    ],
)
def test_series_that_match(shop_metrics, filters, found):
    """Each series with its latest value, by name and attributes."""
    assert [series.point["value"] for series in query.metrics(shop_metrics, Filters(**filters))] == found
