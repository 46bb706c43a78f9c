"""Ids on what others record."""

from __future__ import annotations

import agentotel
from agentotel import testing
from agentotel.model.operations import AgentRun


def test_spans_outside_of_any_context_are_left_alone():
    """Without a context and outside of a run nothing is added."""
    with testing.recording() as telemetry:
        with telemetry.tracer_provider.get_tracer("x").start_as_current_span("GET"):
            pass
        assert dict(telemetry.span("GET").attributes) == {}


def test_ids_of_the_context_reach_foreign_spans():
    """A span of another instrumentation carries who it is for."""
    with testing.recording() as telemetry, agentotel.context(user_id="u1", tenant_id="t1"):
        with telemetry.tracer_provider.get_tracer("x").start_as_current_span("GET"):
            pass
        found = telemetry.span("GET").attributes
        assert (found["user.id"], found["tenant.id"]) == ("u1", "t1")
        assert found["request.id"]


def test_an_id_that_a_record_carries_already_stands():
    """What the program says about one record goes before the context."""
    from opentelemetry._logs import LogRecord

    with testing.recording() as telemetry:
        recording = telemetry.observer.start(AgentRun(name="shop", agent_id="a1"))
        token = recording.activate()
        telemetry.logger_provider.get_logger("shop").emit(LogRecord(body="x", attributes={"gen_ai.agent.id": "mine"}))
        recording.suspend(token)
        recording.stop()
        record = telemetry.logs()[-1]
        assert record.attributes["gen_ai.agent.id"] == "mine"
        assert record.attributes["gen_ai.agent.name"] == "shop"
