"""The end of an operation, also where a part of it fails."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from opentelemetry.trace import StatusCode

import agentotel
from agentotel import testing
from agentotel._base import failopen
from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage
from agentotel.telemetry.recorder import Recorder

CALL = {"provider": "openai", "request_model": "gpt-4o-mini"}


@pytest.fixture
def silent():
    """As in production: errors are counted and forgotten."""
    failopen.reset()

    def configure():
        failopen.configure(strict=False)

    yield configure
    failopen.reset()


def tokens(telemetry, name="agent.token.usage"):
    """Return (records, tokens) over all kinds of a histogram of tokens."""
    points = telemetry.metric(name).values()
    return sum(count for count, _ in points), sum(total for _, total in points)


# --- a part that fails ---


class Broken:
    """A part of the recorder of which every method raises."""

    def __getattr__(self, name):
        def broken(*args, **kwargs):
            raise ValueError(f"broken: {name}")

        return broken

    def gathered(self):
        return self

    def add_up(self):
        """Find that nothing could be recorded."""


class BrokenContent(Broken):
    """A choke point that only hands out budgets."""

    def budget(self):
        return None


def record_everything(observer, run):
    """Record a run for a user with a model call, a tool and one that fails."""
    with run(observer, AgentRun(name="shop", agent_id="a1", user_id="u1")):
        with run(observer, ModelCall(**CALL, usage=Usage(input_tokens=50, output_tokens=12))):
            pass
        with run(observer, ToolCall(name="search")):
            pass
        with suppress(TimeoutError), run(observer, ToolCall(name="refund")):
            raise TimeoutError


SPANS = {"invoke_agent shop", "chat gpt-4o-mini", "execute_tool search", "execute_tool refund"}


@pytest.mark.parametrize("part", ["metrics", "events", "prices", "users", "content", "convention", "tracer"])
def test_a_part_that_raises_costs_only_itself(telemetry, run, silent, part):
    """Whatever is broken: every span ends, with its tokens; metrics are exact; log records are there."""
    silent()
    broken = BrokenContent() if part == "content" else Broken()
    recorder = Recorder(replace(telemetry.observer._sinks, **{part: broken}))
    record_everything(recorder, run)
    assert failopen.errors()
    if part != "tracer":
        assert len(telemetry.spans()) == 4
        assert part == "convention" or {span.name for span in telemetry.spans()} == SPANS
        assert all(span.end_time >= span.start_time for span in telemetry.spans())
        for operation in ("chat", "invoke_agent"):
            (span,) = [s for s in telemetry.spans() if s.attributes["gen_ai.operation.name"] == operation]
            assert span.attributes["gen_ai.usage.input_tokens"] == 50
        (failed,) = [span for span in telemetry.spans() if span.status.status_code is StatusCode.ERROR]
        assert failed.attributes["error.type"] == "TimeoutError"
    if part != "metrics":
        assert telemetry.metric("agent.requests") == {(("agent_name", "shop"), ("status", "success")): 1}
        assert tokens(telemetry) == (2, 62)
        assert tokens(telemetry, "gen_ai.client.token.usage") == (2, 62)
        assert sum(telemetry.metric("agent.tool.calls").values()) == 2
        assert sum(telemetry.metric("agent.errors").values()) == 1
    if part != "events":
        assert [record.body for record in telemetry.logs()] == ["chat started", "tool execution failed"]
    if part not in {"metrics", "prices"}:
        assert sum(telemetry.metric("agent.cost").values()) > 0


def test_a_call_whose_price_cannot_be_found_is_counted_as_unknown(telemetry, run, silent):
    """Prices that raise give no cost and no silent zero."""
    silent()
    recorder = Recorder(replace(telemetry.observer._sinks, prices=Broken()))
    with run(recorder, ModelCall(**CALL, usage=Usage(input_tokens=50))):
        pass
    assert telemetry.metric("agent.cost") == {}
    assert telemetry.metric("agent.cost.unknown") == {(("model", "gpt-4o-mini"),): 1}


def test_content_that_cannot_be_read_costs_only_itself(run, silent):
    """A thunk that raises leaves out its attribute, not the span, its tokens or the other content."""

    def broken():
        raise ValueError("broken")

    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_AND_EVENT"}) as telemetry:
        silent()
        call = ModelCall(**CALL, input_messages=broken, output_messages=lambda: ["hello"], usage=Usage(input_tokens=5))
        with run(telemetry.observer, call):
            pass
        (span,), (event,) = telemetry.spans(), telemetry.logs()
        for attributes in (span.attributes, event.attributes):
            assert attributes["gen_ai.output.messages"] == '["hello"]'
            assert "gen_ai.input.messages" not in attributes
        assert span.attributes["gen_ai.usage.input_tokens"] == 5
        assert failopen.errors() == {"content.thunk": 2}


def test_an_error_of_ours_is_loud_where_tests_run(telemetry):
    """In strict mode it is raised; the span has ended all the same."""
    recorder = Recorder(replace(telemetry.observer._sinks, metrics=Broken()))
    recording = recorder.start(ToolCall(name="search"))
    recording.stop()
    with pytest.raises(ValueError, match="broken: tool_call"):
        telemetry.observer._sinks.later.settle()
    assert [span.name for span in telemetry.spans()] == ["execute_tool search"]


def test_an_exception_without_words_keeps_its_type(run, silent):
    """A ``__str__`` of the program that raises costs the message, not the usage on the span."""

    class UnprintableError(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}) as telemetry:
        silent()
        call = ModelCall(**CALL, usage=Usage(input_tokens=5))
        with pytest.raises(UnprintableError), run(telemetry.observer, call):
            raise UnprintableError
        (span,) = telemetry.spans()
        assert span.attributes["error.type"].endswith("UnprintableError")
        assert span.attributes["gen_ai.usage.input_tokens"] == 5


# --- limits of the SDK ---


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("convention", ["genai", "guide"])
def test_ids_survive_the_limit_of_attributes(monkeypatch, run, convention):
    """The SDK drops the oldest attributes, which are the ids: they are put back."""
    monkeypatch.setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "10")
    with testing.recording({"AGENTOTEL_CONVENTIONS": convention}) as telemetry:
        with agentotel.context(user_id="u1", request_id="r1", tenant_id="t1", session_id="s1"):
            with run(telemetry.observer, AgentRun(name="shop", agent_id="a1")):
                call = ModelCall(**CALL, temperature=0.5, seed=1, top_p=1.0, max_tokens=5, usage=Usage(1, 2))
                with run(telemetry.observer, call):
                    pass
        expected = {
            "request.id": "r1", "user.id": "u1", "tenant.id": "t1", "session.id": "s1", "gen_ai.agent.name": "shop",
            "gen_ai.conversation.id": "s1", "agent.id" if convention == "guide" else "gen_ai.agent.id": "a1",
        }  # fmt: skip
        for span in telemetry.spans():
            assert span.dropped_attributes
            assert expected.items() <= dict(span.attributes).items(), span.name


# --- users ---


def test_users_are_there_as_long_as_their_runs(telemetry, run):
    """A user leaves with the end of the run, also of one that fails."""
    sinks = telemetry.observer._sinks
    with pytest.raises(ValueError), run(telemetry.observer, AgentRun(user_id="u1")):  # noqa: PT012 - the point
        sinks.later.settle()  # as whoever reads metrics does first
        assert sinks.users.concurrent() == 1
        raise ValueError
    assert sinks.users.concurrent() == 0
