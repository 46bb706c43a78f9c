"""Spans and log records without the content that must not leave."""

from __future__ import annotations

import asyncio
import gc
import logging
from types import SimpleNamespace

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link

from agentotel.distro.net import ScrubbingLogRecordProcessor
from agentotel.distro.scrubbing import scrub_record, scrubbed_span
from agentotel.privacy import ByteBudget, Redactor, Scrubber, scrub_attributes

REDACTING = Scrubber(Redactor(), ByteBudget()).attributes


def ended_span(**more):
    """Return a span of another instrumentation."""
    provider = TracerProvider(shutdown_on_exit=False)
    span = provider.get_tracer("somebody.else").start_span("chat", **more)
    span.end()
    return span


def test_content_on_links_does_not_leave():
    """Attributes of links are scrubbed like those of the span; the link stays."""
    context = ended_span().get_span_context()
    span = ended_span(links=[Link(context, {"gen_ai.prompt": "canary", "kept": 1})])
    (link,) = scrubbed_span(span, scrub_attributes).links
    assert link.context == context
    assert link.attributes == {"kept": 1}
    assert span.links[0].attributes["gen_ai.prompt"] == "canary"


def test_a_span_without_content_is_the_same_object():
    """Events, links and attributes that hold none cost no copy."""
    span = ended_span(links=[Link(ended_span().get_span_context(), {"kept": 1})], attributes={"kept": 1})
    assert scrubbed_span(span, scrub_attributes) is span


BODIES = [
    {"event_name": "gen_ai.user.message", "body": {"content": "canary jane@example.org"}},
    {"event_name": "gen_ai.choice", "body": {"message": {"tool_calls": [{"arguments": "canary jane@example.org"}]}}},
    {"attributes": {"event.name": "gen_ai.system.message"}, "body": "canary jane@example.org"},
]


@pytest.mark.parametrize("given", BODIES)
def test_the_body_of_a_gen_ai_event_is_content(given):
    """Messages in the body, where the conventions had them for long, stay in the process while content is off."""
    record = LogRecord(**given)
    scrub_record(record, None, scrub_attributes)
    assert record.body is None


@pytest.mark.parametrize("given", BODIES)
def test_the_body_of_a_gen_ai_event_is_redacted(given):
    """With content on it leaves without its secrets, in the form that it had."""
    record = LogRecord(**given)
    scrub_record(record, None, REDACTING)
    assert str(record.body) == str(given["body"]).replace("jane@example.org", "[REDACTED:email]")


@pytest.mark.parametrize("event_name", [None, "agent.chat.started", "generated"])
def test_the_message_of_a_program_is_its_own(event_name):
    """No other body is touched."""
    record = LogRecord(event_name=event_name, body="jane@example.org", attributes={"exception.type": "ValueError"})
    scrub_record(record, SimpleNamespace(name="shop"), scrub_attributes)
    assert record.body == "jane@example.org"


def log_of_a_lost_task(scrub):
    """Return what asyncio logs about a task whose exception nobody asks for."""
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(ScrubbingLogRecordProcessor(scrub))
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    handler = LoggingHandler(logger_provider=provider)

    async def fail():
        raise ValueError("canary")

    async def main():
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task
        gc.collect()

    logging.getLogger("asyncio").addHandler(handler)
    try:
        asyncio.run(main())
    finally:
        logging.getLogger("asyncio").removeHandler(handler)
    (entry,) = exporter.get_finished_logs()
    return entry.log_record


def test_what_asyncio_says_about_a_lost_exception_is_without_its_words():
    """The first line says what has happened and the type is an attribute; the words are content."""
    record = log_of_a_lost_task(scrub_attributes)
    assert record.body == "Task exception was never retrieved"
    assert record.attributes["exception.type"] == "ValueError"
    assert "canary" not in str(dict(record.attributes))


def test_what_asyncio_says_about_a_lost_exception_is_whole_with_content_on():
    """The words are there when content is on."""
    assert "canary" in log_of_a_lost_task(REDACTING).body
