"""The choke point for content."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from agentotel import privacy
from agentotel._base import failopen
from agentotel.model.operations import AgentRun, ModelCall, Step, ToolCall, Workflow
from agentotel.telemetry.content import ContentCapture

MAIL = "write to ann@example.org"


class Captured:
    """A choke point and what it has counted."""

    def __init__(self, on_spans=True, on_events=True, attribute_bytes=16_384, span_bytes=131_072):
        self.counts = Counter()
        self.content = ContentCapture(
            privacy.ContentPolicy(on_spans, on_events),
            privacy.Redactor(),
            privacy.ByteBudget(attribute_bytes, span_bytes),
            self._count,
        )
        self._budget = None

    def _count(self, instrument, label, number):
        self.counts[instrument.name, label] += number

    def start(self, operation):
        """Return the content at the start of a span."""
        self._budget = self.content.budget()
        return self.content.at_start(operation, self._budget)

    def end(self, operation):
        """Return the content at the end of a span."""
        return self.content.at_end(operation, self._budget or self.content.budget())


@pytest.fixture
def _silent():
    """As in production: errors are counted and forgotten."""
    was_strict = failopen.is_strict()
    failopen.configure(strict=False)
    failopen.reset()
    yield
    failopen.configure(strict=was_strict)
    failopen.reset()


def forbidden():
    """A thunk that must not be called."""
    raise AssertionError("content was read although it is off")


def everything(thunk):
    """Return an operation of each kind with all the content it can have."""
    return [
        ModelCall(input_messages=thunk, output_messages=thunk, system_instructions=thunk, tool_definitions=thunk),
        AgentRun(input_messages=thunk, output_messages=thunk, system_instructions=thunk),
        ToolCall(arguments=thunk, result=thunk),
        Workflow(input_messages=thunk, output_messages=thunk),
        Step(),
    ]


@pytest.mark.parametrize("operation", everything(forbidden), ids=lambda operation: type(operation).__name__)
def test_content_that_is_off_is_never_even_read(operation):
    """No thunk is called, and an exception has its type only."""
    captured = Captured(on_spans=False, on_events=False)
    assert captured.content.budget() is None
    assert captured.start(operation) == {}
    assert captured.end(operation) == {}
    assert captured.content.details(operation) == {}
    assert captured.content.exception(ValueError("canary"), None) == {"exception.type": "ValueError"}


@pytest.mark.parametrize(
    ("kind", "at_start", "at_end"),
    [
        (
            ModelCall,
            {"gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.tool.definitions"},
            {"gen_ai.output.messages"},
        ),
        (AgentRun, {"gen_ai.system_instructions", "gen_ai.input.messages"}, {"gen_ai.output.messages"}),
        (ToolCall, {"gen_ai.tool.call.arguments"}, {"gen_ai.tool.call.result"}),
        (Workflow, {"gen_ai.input.messages"}, {"gen_ai.output.messages"}),
        (Step, set(), set()),
    ],
    ids=["model", "agent", "tool", "workflow", "step"],
)
def test_content_that_is_on_is_json_under_the_conventions_names(kind, at_start, at_end):
    """What is known at the start, what the end adds, and both together for the event."""
    captured = Captured()
    (operation,) = [made for made in everything(lambda: ["hello"]) if type(made) is kind]
    start, end = captured.start(operation), captured.end(operation)
    assert (set(start), set(end)) == (at_start, at_end)
    assert all(json.loads(value) == ["hello"] for value in (start | end).values())
    assert captured.content.details(operation) == start | end
    assert captured.counts == {}


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_content_that_is_empty_is_left_out(nothing):
    """An attribute without anything in it helps nobody."""
    assert Captured().start(ToolCall(arguments=lambda: nothing)) == {}


def test_what_went_in_is_recorded_at_the_end_where_it_was_not_known_before():
    """A library that makes its span first tells the arguments later; what was known is not asked for again."""
    captured, asked = Captured(), []
    operation = ToolCall(result=lambda: "r")
    assert captured.start(operation) == {}
    operation.arguments = lambda: asked.append(1) or "late"
    assert set(captured.end(operation)) == {"gen_ai.tool.call.arguments", "gen_ai.tool.call.result"}
    captured.start(operation)
    assert set(captured.end(operation)) == {"gen_ai.tool.call.result"}
    assert len(asked) == 2


def test_false_and_zero_are_results():
    """A tool that returns 0 or False has returned something."""
    captured = Captured()
    assert captured.end(ToolCall(result=lambda: 0)) == {"gen_ai.tool.call.result": "0"}
    assert captured.end(ToolCall(result=lambda: False)) == {"gen_ai.tool.call.result": "false"}


def test_secrets_are_replaced_and_counted_by_kind():
    """Each secret counts once under its kind, in whatever attribute it stood."""
    captured = Captured()
    call = ModelCall(
        input_messages=lambda: [MAIL, "or to bob@example.org"], tool_definitions=lambda: {"api_key": "abc"}
    )
    written = captured.start(call)
    assert "example.org" not in str(written)
    assert "abc" not in str(written)
    assert "write to" in written["gen_ai.input.messages"]
    assert captured.counts == {
        ("agentotel.self.redacted", "email"): 2,
        ("agentotel.self.redacted", "sensitive_key"): 1,
    }


def test_an_attribute_is_cut_to_its_bytes_and_counted():
    """Not characters but bytes: text of two bytes per character is cut as well, once per attribute."""
    captured = Captured(attribute_bytes=200)
    written = captured.start(ModelCall(input_messages=lambda: ["ä" * 150], system_instructions=lambda: ["short"]))
    assert len(written["gen_ai.input.messages"].encode()) <= 200
    assert "truncated" in written["gen_ai.input.messages"]
    assert written["gen_ai.system_instructions"] == '["short"]'
    assert captured.counts == {("agentotel.self.truncated", "gen_ai.input.messages"): 1}


def test_the_budget_of_a_span_holds_from_its_start_to_its_end():
    """What the start has used up the end cannot use again, nor can the exception."""
    captured = Captured(attribute_bytes=1_000, span_bytes=1_500)
    call = ModelCall(input_messages=lambda: ["x" * 5_000], output_messages=lambda: ["y" * 5_000])
    budget = captured.content.budget()
    start = captured.content.at_start(call, budget)
    end = captured.content.at_end(call, budget)
    words = captured.content.exception(ValueError("z" * 5_000), budget)
    sizes = [len(str(value).encode()) for value in (start | end).values()]
    assert max(sizes) <= 1_000
    written = sum(sizes) + sum(len(words.get(f"exception.{part}", "").encode()) for part in ("message", "stacktrace"))
    assert 1_400 < written <= 1_500


def test_the_event_has_a_budget_of_its_own():
    """Content that goes to both is not cut because the span has had its share."""
    captured = Captured(attribute_bytes=1_000, span_bytes=1_000)
    call = ModelCall(input_messages=lambda: ["x" * 800])
    captured.start(call)
    assert captured.content.details(call) == captured.start(call)
    assert captured.counts == {}


@pytest.mark.usefixtures("_silent")
def test_content_that_cannot_be_read_costs_only_itself():
    """A thunk that raises leaves its attribute out; the others are written."""

    def broken():
        raise ValueError("broken")

    call = ModelCall(system_instructions=broken, input_messages=lambda: ["hello"])
    assert Captured().start(call) == {"gen_ai.input.messages": '["hello"]'}
    assert failopen.errors() == {"content.thunk": 1}


def test_an_exceptions_words_are_content():
    """With content on, message and stack are there, redacted."""
    captured = Captured()
    try:
        raise ValueError(MAIL)
    except ValueError as error:
        words = captured.content.exception(error, captured.content.budget())
    assert words["exception.type"] == "ValueError"
    assert "write to" in words["exception.message"]
    assert "test_an_exceptions_words_are_content" in words["exception.stacktrace"]
    assert "ann@example.org" not in str(words)
    assert captured.counts["agentotel.self.redacted", "email"] >= 2


@pytest.mark.usefixtures("_silent")
def test_an_exception_that_cannot_be_printed_keeps_its_type_and_stack():
    """A ``__str__`` of the program that raises costs only the message."""

    class UnprintableError(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    captured = Captured()
    words = captured.content.exception(UnprintableError(), captured.content.budget())
    assert words["exception.type"].endswith("UnprintableError")
    assert "exception.message" not in words
    assert "UnprintableError" in words["exception.stacktrace"]


@pytest.mark.parametrize("signal", ["span", "record"])
def test_the_second_line_drops_the_content_of_others_where_it_is_off(signal):
    """Attributes of other instrumentations that hold content do not leave, on the signal where content is off."""
    captured = Captured(on_spans=signal != "span", on_events=signal != "record")
    scrub = getattr(captured.content, f"scrub_{signal}")
    assert scrub({"gen_ai.prompt": MAIL, "kept": 1}) == {"kept": 1}
    assert scrub({"kept": 1}) is None


@pytest.mark.parametrize("signal", ["span", "record"])
def test_the_second_line_redacts_and_cuts_where_content_is_on(signal):
    """What others have recorded is redacted, cut and counted as our own is."""
    captured = Captured(attribute_bytes=64)
    scrub = getattr(captured.content, f"scrub_{signal}")
    scrubbed = scrub({"gen_ai.prompt": MAIL, "gen_ai.completion": "long " * 50, "kept": 1})
    assert "ann@example.org" not in str(scrubbed)
    assert len(scrubbed["gen_ai.completion"].encode()) <= 64
    assert scrubbed["kept"] == 1
    assert captured.counts == {
        ("agentotel.self.redacted", "email"): 1,
        ("agentotel.self.truncated", "gen_ai.completion"): 1,
    }
