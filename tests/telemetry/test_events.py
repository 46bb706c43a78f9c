"""The log records of an operation's life."""

from __future__ import annotations

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

from agentotel.model.operations import AgentRun
from agentotel.telemetry.events import Events

AGENT = {"gen_ai.agent.id": "a1", "gen_ai.agent.name": "shop"}


@pytest.fixture
def exported():
    """An exporter that keeps what it gets."""
    return InMemoryLogRecordExporter()


@pytest.fixture
def events(exported):
    """Events that go to the exporter."""
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exported))
    yield Events(provider.get_logger("test"))
    provider.shutdown()


def emitted(exported):
    """Return the one record."""
    (entry,) = exported.get_finished_logs()
    return entry.log_record


@pytest.mark.parametrize(
    ("emit", "body", "name", "severity", "attributes"),
    [
        (
            lambda events: events.chat_started(AgentRun(message_count=3, message_length=20), AGENT, Context(), 5),
            "chat started",
            "agent.chat.started",
            SeverityNumber.INFO,
            AGENT | {"agent.message.count": 3, "agent.message.length": 20},
        ),
        (
            lambda events: events.chat_started(AgentRun(message_count=0), {}, Context(), 5),
            "chat started",
            "agent.chat.started",
            SeverityNumber.INFO,
            {"agent.message.count": 0},
        ),
        (
            lambda events: events.token_limit_near(85, 100, AGENT, Context()),
            "token usage approaching limit",
            "agent.token.limit.approaching",
            SeverityNumber.WARN,
            AGENT | {"agent.tokens.used": 85, "agent.token.limit": 100},
        ),
        (
            lambda events: events.model_call_failed(AGENT | {"error.type": "TimeoutError"}, Context()),
            "model call failed",
            "agent.model_call.failed",
            SeverityNumber.ERROR,
            AGENT | {"error.type": "TimeoutError"},
        ),
        (
            lambda events: events.tool_failed({"gen_ai.tool.name": "search"}, Context()),
            "tool execution failed",
            "agent.tool.failed",
            SeverityNumber.ERROR,
            {"gen_ai.tool.name": "search"},
        ),
        (
            lambda events: events.inference_details({"gen_ai.input.messages": "[]"}, Context()),
            None,
            "gen_ai.client.inference.operation.details",
            SeverityNumber.DEBUG,
            {"gen_ai.input.messages": "[]"},
        ),
    ],
    ids=["started", "started without an agent", "limit", "model", "tool", "details"],
)
def test_records_have_the_guides_words_and_levels(events, exported, emit, body, name, severity, attributes):
    """Body, event name, severity as number and text, and attributes are what the guide and the conventions say."""
    emit(events)
    record = emitted(exported)
    assert (record.body, record.event_name) == (body, name)
    assert (record.severity_number, record.severity_text) == (severity, severity.name)
    assert dict(record.attributes) == attributes
    assert record.timestamp > 0


def test_the_operations_own_attributes_are_not_touched(events):
    """The agent's attributes are shared by its spans: a record takes a copy."""
    agent = dict(AGENT)
    events.chat_started(AgentRun(message_count=3), agent, Context(), 5)
    assert agent == AGENT


def test_the_record_of_a_start_has_the_time_of_the_start(events, exported):
    """It may be written later: whoever sorts records by their time sees it before those of what the run did."""
    events.chat_started(AgentRun(), {}, Context(), 5)
    assert emitted(exported).timestamp == 5


def test_a_record_belongs_to_the_span_of_its_context(events, exported):
    """It is correlated by the context that it is given, not by the one that is current."""
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("test").start_span("run")
    events.tool_failed({}, set_span_in_context(span, Context()))
    record = emitted(exported)
    assert (record.trace_id, record.span_id) == (span.get_span_context().trace_id, span.get_span_context().span_id)
    span.end()
    provider.shutdown()
