"""Which operations are open, and what becomes of them when their process ends or forks."""

from __future__ import annotations

import pytest

from agentotel._base import failopen
from agentotel.model.operations import AgentRun, ModelCall, ToolCall
from agentotel.telemetry import open_recordings


@pytest.fixture
def nested(telemetry):
    """A tool inside of a run, both open; the context is put back."""
    run = telemetry.observer.start(AgentRun(name="shop"))
    before = run.activate()
    tool = telemetry.observer.start(ToolCall(name="search"))
    yield run, tool
    run.suspend(before)
    tool.stop()
    run.stop()


def test_what_has_started_is_open_until_it_ends(nested):
    """The number goes up and down; a second end changes nothing."""
    run, tool = nested
    assert open_recordings.count() == 2
    tool.stop()
    tool.stop()
    assert open_recordings.count() == 1
    run.fail(ValueError("broken"))
    assert open_recordings.count() == 0


def test_an_interrupted_operation_is_cancelled_and_says_so(telemetry, nested):
    """From the inside out, each once, without an error."""
    open_recordings.interrupt_all()
    assert open_recordings.count() == 0
    tool, run = telemetry.spans()
    assert (tool.name, run.name) == ("execute_tool search", "invoke_agent shop")
    for span in (tool, run):
        assert span.attributes["agentotel.interrupted"] is True
        assert "error.type" not in span.attributes
        assert span.status.is_unset
    assert run.attributes["agent.status"] == "cancelled"


def test_what_the_inner_layer_of_a_call_knows_is_kept(telemetry):
    """A model call that a lower layer has seen is one span with what both know."""
    outer = telemetry.observer.start(ModelCall(request_model="a"))
    before = outer.activate()
    inner = telemetry.observer.start(ModelCall(request_model="a"))
    inner.operation.response_model = "a-1"
    outer.suspend(before)
    open_recordings.interrupt_all()
    (span,) = telemetry.spans()
    assert span.attributes["gen_ai.response.model"] == "a-1"
    assert span.attributes["agentotel.interrupted"] is True


def test_a_disowned_operation_is_open_and_never_delivered(telemetry, nested):
    """In a forked process: what starts inside belongs to it, its end is somebody else's."""
    run, tool = nested
    open_recordings.disown_all()
    assert open_recordings.count() == 0
    assert telemetry.observer.current() is tool.operation or telemetry.observer.current() is run.operation
    inside = telemetry.observer.start(ModelCall(request_model="a"))
    inside.stop()
    tool.stop()
    run.fail(ValueError("broken"))
    (span,) = telemetry.spans()
    assert span.parent.span_id == run.span.get_span_context().span_id


def test_one_that_cannot_be_ended_keeps_no_other_open(nested, monkeypatch):
    """The failure is counted, the others end."""
    failopen.reset()
    failopen.configure(strict=False)

    class Broken:
        def interrupt(self):
            raise ValueError("broken")

        def disown(self):
            """Not in this test."""

    broken = Broken()
    open_recordings.opened(broken)
    open_recordings.interrupt_all()
    assert open_recordings.count() == 1
    open_recordings.ended(broken)
    assert failopen.errors() == {"recorder.interrupt": 1}
    failopen.reset()


def test_a_span_ends_also_where_errors_are_raised(telemetry, nested, monkeypatch):
    """Strict mode raises what went wrong, after the span has ended."""
    run, _ = nested
    failopen.configure(strict=True)
    monkeypatch.setattr("agentotel.telemetry.ending.outcome_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.fail(ValueError("broken"))
    failopen.configure(strict=False)
    monkeypatch.undo()
    assert [span.name for span in telemetry.spans()] == ["invoke_agent shop"]
    assert open_recordings.count() == 1
    failopen.reset()
