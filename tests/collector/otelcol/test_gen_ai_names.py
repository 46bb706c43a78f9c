"""Spans of other instrumentations leave the Collector with the current GenAI names and exactly their numbers."""

from __future__ import annotations

import pytest

from backend_programs import wait_until
from collector.otelcol.otlp_sink import plain
from collector.otelcol.otlp_traffic import send, span, spans

pytestmark = pytest.mark.backends

CANARY = "the-prompt-of-the-user"

CASES = {
    "openllmetry model": (
        {
            "llm.request.type": "chat",
            "gen_ai.system": "OpenAI",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.prompt_tokens": 1234,
            "gen_ai.usage.completion_tokens": 56,
            "gen_ai.usage.cache_read_input_tokens": 1000,
            "gen_ai.usage.reasoning_tokens": 7,
            "gen_ai.is_streaming": True,
            "gen_ai.prompt.0.content": CANARY,
            "gen_ai.completion.0.content": CANARY,
        },
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.input_tokens": 1234,
            "gen_ai.usage.output_tokens": 56,
            "gen_ai.usage.cache_read.input_tokens": 1000,
            "gen_ai.usage.reasoning.output_tokens": 7,
            "gen_ai.request.stream": True,
        },
    ),
    "openllmetry tool": (
        {"traceloop.span.kind": "tool", "traceloop.entity.name": "search", "traceloop.entity.input": CANARY},
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.name": "search",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
        },
    ),
    "openinference model": (
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "aws",
            "llm.model_name": "claude-5",
            "llm.token_count.prompt": 900,
            "llm.token_count.completion": 80,
            "llm.token_count.total": 980,
            "llm.token_count.prompt_details.cache_read": 300,
            "llm.token_count.prompt_details.cache_write": 20,
            "llm.token_count.completion_details.reasoning": 5,
            "llm.cost.total": 0.25,
            "llm.input_messages.0.message.content": CANARY,
            "llm.output_messages.0.message.content": CANARY,
            "llm.invocation_parameters": CANARY,
            "input.value": CANARY,
            "output.value": CANARY,
            "input.mime_type": "application/json",
        },
        {
            "openinference.span.kind": "LLM",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": "claude-5",
            "gen_ai.usage.input_tokens": 900,
            "gen_ai.usage.output_tokens": 80,
            "gen_ai.usage.cache_read.input_tokens": 300,
            "gen_ai.usage.cache_write.input_tokens": 20,
            "gen_ai.usage.reasoning.output_tokens": 5,
            "agent.cost": 0.25,
        },
    ),
    "openinference agent": (
        {"openinference.span.kind": "AGENT", "agent.name": "planner", "session.id": "s1", "input.value": CANARY},
        {
            "openinference.span.kind": "AGENT",
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "planner",
            "session.id": "s1",
            "gen_ai.conversation.id": "s1",
        },
    ),
    "openinference tool": (
        {"openinference.span.kind": "TOOL", "tool.name": "search", "tool.parameters": CANARY, "tool_call.id": "c1"},
        {
            "openinference.span.kind": "TOOL",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
            "gen_ai.tool.call.id": "c1",
        },
    ),
    "earlier conventions": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "az.ai.openai",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.cache_creation.input_tokens": 3,
        },
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "azure.ai.openai",
            "gen_ai.usage.input_tokens": 11,
            "gen_ai.usage.cache_write.input_tokens": 3,
        },
    ),
    "numbers as text": (
        {"gen_ai.system": "mistral", "gen_ai.usage.prompt_tokens": "42", "gen_ai.usage.completion_tokens": "2"},
        {"gen_ai.provider.name": "mistral_ai", "gen_ai.usage.input_tokens": 42, "gen_ai.usage.output_tokens": 2},
    ),
    "current names win": (
        {
            "gen_ai.provider.name": "anthropic",
            "gen_ai.system": "other",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.prompt_tokens": 60,
        },
        {"gen_ai.provider.name": "anthropic", "gen_ai.usage.input_tokens": 100},
    ),
    "current conventions": (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.prompt.name": "greeting",
            "gen_ai.input.messages": "[]",
            "gen_ai.usage.input_tokens": 8,
        },
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.prompt.name": "greeting",
            "gen_ai.input.messages": "[]",
            "gen_ai.usage.input_tokens": 8,
        },
    ),
    "no model at all": ({"http.request.method": "GET"}, {"http.request.method": "GET"}),
}


@pytest.mark.parametrize("case", CASES)
def test_names_become_the_current_ones(local, case):
    """Every attribute of the span that leaves is what is expected, and there is no other."""
    before, after = CASES[case]
    send(local, spans(span(case, before)))
    arrived = wait_until(lambda: local.sink.span(case), "the span arrives")
    assert plain(arrived.attributes) == after


def test_content_of_old_events_is_dropped(local):
    """The events by which earlier libraries sent prompts stay, without the prompts."""
    event = ("gen_ai.content.prompt", {"gen_ai.prompt": CANARY, "index": 1})
    send(local, spans(span("old events", {}, events=(event,))))
    arrived = wait_until(lambda: local.sink.span("old events"), "the span arrives")
    assert [(it.name, plain(it.attributes)) for it in arrived.events] == [("gen_ai.content.prompt", {"index": 1})]
