"""The SDK's providers as the settings ask for them."""

from __future__ import annotations

import re
import socket
import sys

import pytest
from opentelemetry import _logs, trace
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import agentotel
from agentotel import privacy
from agentotel.config.load import load_settings
from agentotel.distro import pipeline
from agentotel.distro.pipeline import Pipeline
from agentotel.distro.wiring import Parts, record_into
from agentotel.model import instruments
from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage
from agentotel.telemetry.content import ContentCapture

DELTA, CUMULATIVE = 1, 2
"""Values of ``AggregationTemporality`` in OTLP."""


def content(*, on=False):
    """Return a choke point."""
    policy = privacy.ContentPolicy(on, on)
    return ContentCapture(policy, privacy.Redactor(), privacy.ByteBudget(), lambda *_: None)


@pytest.fixture
def build(collector):
    """Build pipelines from settings, and shut them down at the end, before the Collector."""
    built = []

    def make(**environment):
        made = Pipeline(load_settings(environment), content(), lambda *_: None, "0.65b0")
        built.append(made)
        return made

    yield make
    for made in built:
        for _, step in made.shutdown_steps():
            step()


def recorder_of(built, **environment):
    """Return a recorder that writes into a pipeline."""
    parts = Parts(built.tracers, built.meters, built.loggers)
    return record_into(load_settings(environment), parts).recorder


def record_run(recorder):
    """Record a run with a model call and a tool."""
    run = recorder.start(AgentRun(name="shop", agent_id="a1", template_id="t", user_id="u1"))
    token = run.activate()
    usage = Usage(input_tokens=50, output_tokens=12)
    for operation in (ModelCall(provider="openai", request_model="gpt-4o-mini", usage=usage), ToolCall(name="search")):
        recorder.start(operation).stop()
    run.suspend(token)
    run.stop()


# --- what reaches the Collector ---


def test_all_signals_leave_with_one_resource(build, collector):
    """Spans, metrics and log records of a run arrive, and say who sent them."""
    built = build()
    record_run(recorder_of(built))
    for provider in (built.tracers, built.meters, built.loggers):
        provider.force_flush()
    assert {span.name for span in collector.spans()} == {
        "invoke_agent shop",
        "chat gpt-4o-mini",
        "execute_tool search",
    }
    assert [record.body.string_value for record in collector.logs()] == ["chat started"]
    assert collector.metrics("agent.requests")
    resources = [
        collector.requests["traces"][0].resource_spans[0].resource,
        collector.requests["metrics"][0].resource_metrics[0].resource,
        collector.requests["logs"][0].resource_logs[0].resource,
    ]
    for resource in resources:
        found = {attribute.key: attribute.value.string_value for attribute in resource.attributes}
        assert found["telemetry.distro.name"] == "agentotel"
        assert found["telemetry.distro.version"] == agentotel.__version__
        assert found["telemetry.auto.version"] == "0.65b0"


def test_ids_and_net_stand_in_front_of_the_exporter(build, collector):
    """Spans and log records of others get the ids of the context and lose content that is off."""
    built = build()
    tracer, logger = built.tracers.get_tracer("somebody.else"), built.loggers.get_logger("somebody.else")
    with agentotel.context(user_id="u1"):
        with pytest.raises(ValueError), tracer.start_as_current_span("GET", attributes={"gen_ai.prompt": "canary"}):
            raise ValueError("canary")
        logger.emit(LogRecord(body="hello", attributes={"gen_ai.prompt": "canary"}))
    built.tracers.force_flush()
    built.loggers.force_flush()
    (span,), (record,) = collector.spans(), collector.logs()
    assert "canary" not in str(span)
    assert "canary" not in str(record)
    assert span.status.message == "ValueError"
    for item in (span, record):
        assert {a.key: a.value.string_value for a in item.attributes}["user.id"] == "u1"


@pytest.mark.parametrize(
    ("preference", "temporality", "sums"),
    [("delta", DELTA, [1, 2]), ("cumulative", CUMULATIVE, [1, 3]), (None, CUMULATIVE, [1, 3])],
)
def test_counters_are_sent_as_the_user_prefers(monkeypatch, build, collector, preference, temporality, sums):
    """The wrapper that counts what is lost hands the exporter's preference on."""
    if preference:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference)
    built = build()
    recorder = recorder_of(built)
    for runs in (1, 2):
        for _ in range(runs):
            record_run(recorder)
        built.meters.force_flush()
    exports = collector.metrics("agent.requests")
    assert [metric.sum.aggregation_temporality for metric in exports] == [temporality] * 2
    assert [metric.sum.data_points[0].as_int for metric in exports] == sums
    latencies = collector.metrics("agent.chat.latency")
    assert [metric.histogram.aggregation_temporality for metric in latencies] == [temporality] * 2
    assert [metric.histogram.data_points[0].count for metric in latencies] == sums


def test_histograms_lead_to_their_traces(build, collector):
    """The exemplar of a run's latency carries its trace id over the wire."""
    built = build()
    record_run(recorder_of(built))
    built.tracers.force_flush()
    built.meters.force_flush()
    (metric,) = collector.metrics("agent.chat.latency")
    (exemplar,) = metric.histogram.data_points[0].exemplars
    assert exemplar.trace_id == collector.spans()[0].trace_id


def test_any_percentile_of_a_run_can_be_asked_for(build, collector):
    """The duration of runs is an exponential histogram; latency has the explicit buckets of the catalogue."""
    built = build()
    record_run(recorder_of(built))
    built.meters.force_flush()
    (duration,), (latency,) = collector.metrics("agent.request.duration"), collector.metrics("agent.chat.latency")
    assert duration.exponential_histogram.data_points[0].count == 1
    assert tuple(latency.histogram.data_points[0].explicit_bounds) == instruments.LATENCY_BUCKETS


# --- settings ---


def test_prometheus_gets_explicit_buckets_and_otlp_keeps_its_own(collector, build, page_of):
    """With both, the same metric has the catalogue's buckets on the page, and is exponential over OTLP."""
    built = build(
        OTEL_METRICS_EXPORTER="otlp,prometheus",
        OTEL_EXPORTER_PROMETHEUS_HOST="127.0.0.1",
        OTEL_EXPORTER_PROMETHEUS_PORT="0",
    )
    record_run(recorder_of(built))
    assert re.search(r'^agent_request_duration_seconds_bucket\{.*le="600\.0".*\} 1\.0$', page_of(built), re.MULTILINE)
    built.meters.force_flush()
    (duration,) = collector.metrics("agent.request.duration")
    assert duration.exponential_histogram.data_points[0].count == 1


def test_the_page_for_prometheus_has_the_catalogues_names(run_program):
    """A real scrape of the reader's own server after a run shows each metric under the name that rules use."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = """
        import os
        import urllib.request

        from agentotel.config.load import load_settings
        from agentotel.distro import wiring
        from agentotel.distro.own_counts import OwnCounts
        from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage
        from agentotel.patching import observer

        wiring.start(load_settings(), None)
        recorder = observer()
        run = recorder.start(AgentRun(name="shop", agent_id="a1", template_id="t", user_id="u1"))
        token = run.activate()
        usage = Usage(input_tokens=50, output_tokens=12)
        recorder.start(ModelCall(provider="openai", request_model="gpt-4o-mini", usage=usage, retries=1)).stop()
        recorder.start(ModelCall(provider="house", request_model="house-1", usage=usage)).stop()
        recorder.start(ToolCall(name="search")).fail(TimeoutError())
        run.suspend(token)
        run.stop()
        url = f"http://127.0.0.1:{os.environ['OTEL_EXPORTER_PROMETHEUS_PORT']}/metrics"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url) as page:
            print(page.read().decode())
    """
    page = run_program(
        source,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="prometheus",
        OTEL_LOGS_EXPORTER="none",
        OTEL_EXPORTER_PROMETHEUS_HOST="127.0.0.1",
        OTEL_EXPORTER_PROMETHEUS_PORT=str(port),
    ).stdout
    recorded = (
        instruments.AGENT_REQUESTS, instruments.CHAT_LATENCY, instruments.REQUEST_DURATION, instruments.TOOL_CALLS,
        instruments.TOOL_LATENCY, instruments.AGENT_ERRORS, instruments.TOKEN_USAGE, instruments.AGENT_COST,
        instruments.COST_UNKNOWN, instruments.AGENT_RETRIES, instruments.CONCURRENT_USERS, instruments.USERS_REGISTER,
        instruments.MEMORY_USAGE, instruments.OPERATION_DURATION, instruments.CLIENT_TOKEN_USAGE,
        instruments.INVOKE_AGENT_DURATION, instruments.EXECUTE_TOOL_DURATION,
    )  # fmt: skip
    for instrument in recorded:
        suffix = "_bucket" if "histogram" in instrument.kind else ""
        assert re.search(rf"^{instrument.prometheus}{suffix}\{{?", page, re.MULTILINE), instrument.prometheus
    assert re.search(r'^agent_requests_total\{.*agent_name="shop".*status="success".*\} 1\.0$', page, re.MULTILINE)
    assert re.search(r'^agent_request_duration_seconds_bucket\{.*le="600\.0".*\} 1\.0$', page, re.MULTILINE)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "my_agent"),
        ({"OTEL_SERVICE_NAME": "billing"}, "billing"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=from-attributes,team=blue"}, "from-attributes"),
    ],
    ids=["nothing", "name", "attributes"],
)
def test_the_service_has_the_users_name_or_the_programs(monkeypatch, environment, name):
    """What the user says stands; else the program's file names the service."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "my_agent.py"])
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    resource = pipeline._resource(None)
    assert resource.attributes["service.name"] == name
    assert "telemetry.auto.version" not in resource.attributes
    assert resource.attributes.get("team") == ("blue" if "team" in str(environment) else None)


def test_a_program_without_a_name_stays_unknown(monkeypatch):
    """Code from the command line has none."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-c", "pass"])
    assert pipeline._resource(None).attributes["service.name"].startswith("unknown_service")


@pytest.mark.parametrize(
    ("variable", "attribute"),
    [("OTEL_TRACES_SAMPLER", "sampler"), ("OTEL_PYTHON_ID_GENERATOR", "id_generator")],
)
def test_a_part_that_cannot_be_loaded_costs_only_itself(monkeypatch, build, variable, attribute):
    """A sampler or id generator that does not exist leaves the SDK's own, and everything is recorded."""
    monkeypatch.setenv(variable, "no_such_thing")
    monkeypatch.setattr("agentotel._base.failopen._strict", False)
    none = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
    built = build(**none)
    assert getattr(built.tracers, attribute) is not None
    span = built.tracers.get_tracer("test").start_span("x")
    assert span.get_span_context().is_valid
    assert span.is_recording()
    span.end()


def test_the_end_shuts_every_signal_down(build):
    """One step per signal, so that they can run in parallel; nothing is left to the SDK's own exit handlers."""
    built = build(**dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none"))
    steps = dict(built.shutdown_steps())
    assert list(steps) == ["shutdown.traces", "shutdown.metrics", "shutdown.logs"]
    assert built.tracers._atexit_handler is None


def test_the_providers_become_those_of_the_process(run_program):
    """Whoever asks OpenTelemetry's API for a provider gets ours."""
    source = """
        from opentelemetry import _logs, metrics, trace
        from agentotel.config.load import load_settings
        from agentotel.distro import pipeline, wiring
        from agentotel.distro.own_counts import OwnCounts
        settings = load_settings({f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")})
        built = pipeline.Pipeline(settings, wiring._content_capture(settings, OwnCounts()), print, None)
        built.make_global()
        print(trace.get_tracer_provider() is built.tracers, metrics.get_meter_provider() is built.meters,
              _logs.get_logger_provider() is built.loggers)
    """
    assert run_program(source).stdout.split() == ["True", "True", "True"]


# --- providers of somebody else ---


def test_providers_of_a_configuration_file_get_ids_and_net(monkeypatch):
    """Processors that are there already see spans and records with ids and without content."""
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracers, loggers = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: loggers)
    pipeline.join_existing(content())
    with agentotel.context(user_id="u1"):
        with tracers.get_tracer("somebody.else").start_as_current_span("GET", attributes={"gen_ai.prompt": "canary"}):
            pass
        loggers.get_logger("x").emit(LogRecord(body="hello", attributes={"gen_ai.prompt": "canary"}))
    (span,), (entry,) = spans.get_finished_spans(), logs.get_finished_logs()
    for attributes in (dict(span.attributes), dict(entry.log_record.attributes)):
        assert attributes["user.id"] == "u1"
        assert "gen_ai.prompt" not in attributes
    tracers.shutdown()
    loggers.shutdown()


def test_providers_that_are_not_the_sdks_are_left_alone(monkeypatch):
    """A file may switch a signal off: there is nothing to join."""
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    monkeypatch.setattr(_logs, "get_logger_provider", _logs.NoOpLoggerProvider)
    pipeline.join_existing(content())
