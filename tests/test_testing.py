"""`agentotel.testing`: what a piece of code records, in memory."""

from __future__ import annotations

import pytest
from opentelemetry import metrics, trace
from opentelemetry._logs import LogRecord

import agentotel
from agentotel import patching, testing
from agentotel._base import failopen
from agentotel.model.operations import AgentRun, Step, ToolCall


def record(telemetry, name):
    """Record one step."""
    telemetry.observer.start(Step(name=name)).stop()


def test_what_is_decorated_is_recorded():
    """Code that was written before the block records into it."""

    @agentotel.agent
    def concierge(message):
        return f"you said {message}"

    with testing.recording() as telemetry:
        assert concierge("hello") == "you said hello"
    assert telemetry.span("invoke_agent concierge").attributes["agent.status"] == "success"
    assert concierge("again") == "you said again"
    assert len(telemetry.spans()) == 1


def test_everything_can_be_read_after_the_block():
    """As the module's own example does."""
    with testing.recording() as telemetry:
        telemetry.observer.start(AgentRun(name="shop")).stop()
    assert [span.name for span in telemetry.spans()] == ["invoke_agent shop"]
    assert telemetry.metric("agent.requests") == {(("agent_name", "shop"), ("status", "success")): 1}
    assert [entry.body for entry in telemetry.logs()] == ["chat started"]


def test_spans_come_in_the_order_of_their_ends():
    """The inner one first."""
    with testing.recording() as telemetry:
        outer = telemetry.observer.start(Step(name="outer"))
        record(telemetry, "inner")
        assert [span.name for span in telemetry.spans()] == ["inner"]
        outer.stop()
    assert [span.name for span in telemetry.spans()] == ["inner", "outer"]


@pytest.mark.parametrize(("names", "number"), [([], 0), (["a", "a"], 2)])
def test_one_span_is_exactly_one(names, number):
    """None and several are an error that says what there is."""
    with testing.recording() as telemetry:
        for name in ["other", *names]:
            record(telemetry, name)
        with pytest.raises(AssertionError, match=rf"{number} spans are named 'a'; there are \['other'"):
            telemetry.span("a")
        assert telemetry.span("other").name == "other"


def test_metrics_are_numbers_or_counts_and_sums():
    """Counters are numbers, histograms (count, sum); what was never recorded is empty."""
    with testing.recording() as telemetry:
        for _ in range(2):
            telemetry.observer.start(ToolCall(name="search")).stop()
        assert telemetry.metric("agent.tool.calls") == {(("status", "success"), ("tool_name", "search")): 2}
        ((count, total),) = telemetry.metric("agent.tool.latency").values()
        assert count == 2
        assert total > 0
        assert telemetry.metric("agent.requests") == {}


def test_a_tests_own_spans_and_records_are_there_too():
    """With the ids of the context, as in production."""
    with testing.recording() as telemetry, agentotel.context(user_id="u1"):
        with telemetry.tracer_provider.get_tracer("mine").start_as_current_span("mine"):
            telemetry.logger_provider.get_logger("mine").emit(LogRecord(body="hello"))
    assert telemetry.span("mine").attributes["user.id"] == "u1"
    (entry,) = telemetry.logs()
    assert (entry.body, entry.attributes["user.id"]) == ("hello", "u1")
    assert entry.trace_id == telemetry.span("mine").context.trace_id


def test_nothing_global_is_changed():
    """The providers of the process stay; observer and strictness come back, also after an error."""
    with testing.recording():
        """The first one makes the global tracer provider, if there is none."""
    before = (trace.get_tracer_provider(), metrics.get_meter_provider(), patching.observer(), failopen.is_strict())
    with pytest.raises(KeyError), testing.recording() as telemetry:  # noqa: PT012 - the point
        assert patching.observer() is telemetry.observer
        assert failopen.is_strict()
        raise KeyError
    after = (trace.get_tracer_provider(), metrics.get_meter_provider(), patching.observer(), failopen.is_strict())
    assert after == before


def test_recordings_can_be_nested():
    """The inner one takes over and gives back."""
    with testing.recording() as outer:
        with testing.recording() as inner:
            assert patching.observer() is inner.observer
            record(inner, "inner")
        assert patching.observer() is outer.observer
        record(outer, "outer")
    assert [span.name for span in outer.spans()] == ["outer"]
    assert [span.name for span in inner.spans()] == ["inner"]


def test_settings_are_those_that_are_given(monkeypatch, tmp_path):
    """Those of the real environment and of files beside the program are not read."""
    monkeypatch.setenv("AGENTOTEL_CONVENTIONS", "guide")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agentotel.toml").write_text('conventions = "guide"\n')
    with testing.recording() as telemetry:
        telemetry.observer.start(AgentRun(name="shop")).stop()
    assert telemetry.spans()[0].name == "invoke_agent shop"
    with testing.recording({"AGENTOTEL_CONVENTIONS": "guide"}) as telemetry:
        telemetry.observer.start(AgentRun(name="shop")).stop()
    assert telemetry.spans()[0].name == "Agent.Chat"


def test_errors_of_agentotel_are_raised():
    """A test cannot pass because something was skipped."""

    def broken():
        raise ValueError("broken")

    environment = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}
    with testing.recording(environment) as telemetry, pytest.raises(ValueError, match="broken"):
        telemetry.observer.start(ToolCall(name="search", arguments=broken))
    failopen.reset()
