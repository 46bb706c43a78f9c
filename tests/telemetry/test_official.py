"""Agreement with the official GenAI instrumentations about who records a call."""

from __future__ import annotations

import pytest
from opentelemetry.context import Context

from agentotel.model.operations import EMBEDDINGS, ModelCall
from agentotel.telemetry import official

CALLS = [ModelCall(), ModelCall(operation=EMBEDDINGS)]


@pytest.mark.newest
@pytest.mark.parametrize("call", CALLS, ids=["chat", "embeddings"])
def test_theirs_holds_back_inside_ours(call):
    """A call of theirs in our context is one of their suppressed invocations, and records no span."""
    from opentelemetry.util.genai.handler import TelemetryHandler

    handler = TelemetryHandler()
    context = official.held_back(call, Context())
    assert not official.records(call, context)
    make = handler.embedding if call.operation == EMBEDDINGS else handler.inference
    inner = make("openai", request_model="m", context=context)
    assert type(inner).__name__.startswith("Suppressed")
    inner.stop()


@pytest.mark.newest
def test_ours_sees_theirs():
    """Inside a call of theirs ours knows that it is recorded already."""
    from opentelemetry import context as otel_context
    from opentelemetry.util.genai.handler import TelemetryHandler

    theirs = TelemetryHandler().inference("openai", request_model="m")
    try:
        assert official.records(ModelCall(), otel_context.get_current())
        assert not official.records(ModelCall(operation=EMBEDDINGS), otel_context.get_current())
    finally:
        theirs.stop()
    assert not official.records(ModelCall(), otel_context.get_current())


def test_nothing_is_marked_where_their_package_is_not_loaded(monkeypatch):
    """Without their package the context stays the very object that it was."""
    import sys

    monkeypatch.delitem(sys.modules, "opentelemetry.util.genai._inference_invocation", raising=False)
    context = Context()
    assert official.held_back(ModelCall(), context) is context
