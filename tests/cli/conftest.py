"""What the tests of the command line share."""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agentotel.cli import main
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store
from agentotel.model import names

if TYPE_CHECKING:
    from click.testing import Result

# Before 8.2, click mixed stderr into stdout unless it was told not to.
SEPARATED = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


TRACE_ID = b"\xab" * 16
RUN = {names.OPERATION_NAME: "invoke_agent", names.AGENT_NAME: "support [bold]", names.USER_ID: "u1"}
CALL = {
    names.OPERATION_NAME: "chat",
    names.USAGE_INPUT_TOKENS: 50,
    names.USAGE_OUTPUT_TOKENS: 12,
    names.COST: 0.001234,
    names.COST_CURRENCY: "USD",
    names.RETRIES: 1,
    names.RESPONSE_TIME_TO_FIRST_CHUNK: 0.12,
}
TOOL = {names.OPERATION_NAME: "execute_tool", names.TOOL_NAME: "search", names.ERROR_TYPE: "TimeoutError"}
HOSTILE = "evil\x1b[31m\n[link=x]\u202e"


@pytest.fixture
def invoke():
    """Run ``agentotel ARGUMENTS`` with variables besides those of this process; stdout and stderr stay apart."""

    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner(env=environ, **SEPARATED).invoke(main, arguments)

    return run


@pytest.fixture
def call():
    """Give a function that runs a command and returns its result, stdout and stderr apart."""
    return lambda command, *args: CliRunner(**SEPARATED).invoke(command, [str(arg) for arg in args])


@pytest.fixture
def filled_store(tmp_path):
    """A store with one trace of an agent, a model call and a failed tool, hostile names, a log record and a metric."""
    now = time.time_ns()
    traces = ExportTraceServiceRequest()
    spans = traces.resource_spans.add().scope_spans.add().spans
    rows = (
        (b"a" * 8, b"", "invoke_agent support", RUN, 0, 0, 1_500_000_000),
        (b"b" * 8, b"a" * 8, "chat gpt-4o", CALL, 0, 1000, 250_000_000),
        (b"c" * 8, b"a" * 8, HOSTILE, TOOL, 2, 2000, 3_000_000),
    )
    for span_id, parent, name, attributes, status, offset, length in rows:
        span = spans.add(trace_id=TRACE_ID, span_id=span_id, parent_span_id=parent, name=name)
        span.start_time_unix_nano = now + offset
        span.end_time_unix_nano = now + offset + length
        span.status.code = status
        for key, value in attributes.items():
            kind = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
            setattr(span.attributes.add(key=key).value, kind, value)
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(trace_id=TRACE_ID, span_id=b"c" * 8)
    record.time_unix_nano, record.severity_number = now, 17
    record.body.string_value = f"tool failed {HOSTILE}"
    metrics = ExportMetricsServiceRequest()
    metric = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="agent.chat.latency", unit="s")
    point = metric.histogram.data_points.add(count=4, sum=6.0, time_unix_nano=now)
    point.attributes.add(key="agent_name").value.string_value = HOSTILE
    store = Store(tmp_path / "telemetry.db")
    for signal, request in zip(SIGNALS, (traces, metrics, logs), strict=True):
        store.submit(signal.read(request.SerializeToString())).result()
    store.close()
    return store.path
