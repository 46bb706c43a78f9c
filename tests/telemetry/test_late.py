"""What is left for later is done in order, by whoever needs it first, and is never lost."""

from __future__ import annotations

import os
import threading

import pytest

from agentotel import testing
from agentotel._base import failopen
from agentotel.model.operations import AgentRun, ModelCall, Usage
from agentotel.telemetry import late
from agentotel.telemetry.late import LateAttributes, Later, Sums

CALL = {"provider": "openai", "request_model": "gpt-4o-mini"}


def test_things_are_done_in_the_order_in_which_they_came():
    """Nothing is done before somebody asks, then everything is, once."""
    later, done = Later(), []
    for number in range(3):
        later.add("site", done.append, number)
    assert done == []
    later.settle()
    later.settle()
    assert done == [0, 1, 2]


def test_when_too_much_waits_the_one_who_adds_does_it(monkeypatch):
    """What waits is bounded."""
    monkeypatch.setattr(late, "_MOST_WAITING", 3)
    later, done = Later(), []
    for number in range(3):
        later.add("site", done.append, number)
    assert done == [0, 1, 2]


def test_what_fails_stops_nothing_else():
    """An error is counted under its site; what comes after it is done."""
    later, done = Later(), []
    later.add("site", int, "no number")
    later.add("site", done.append, 1)
    failopen.reset()
    failopen.configure(strict=False)
    try:
        later.settle()
        assert failopen.errors() == {"site": 1}
    finally:
        failopen.configure(strict=True)
        failopen.reset()
    assert done == [1]


def test_what_is_being_done_may_read_what_it_completes():
    """Asking again from inside returns at once."""
    later, done = Later(), []
    later.add("site", lambda: (later.settle(), done.append(1)))
    later.settle()
    assert done == [1]


def test_whoever_asks_meanwhile_waits_until_it_is_done():
    """Another thread that needs the result gets it complete."""
    later, begun, may_end, seen = Later(), threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        assert may_end.wait(10)
        seen.append("done")

    later.add("site", slow)
    first = threading.Thread(target=later.settle)
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=lambda: (later.settle(), seen.append("asked")))
    second.start()
    may_end.set()
    first.join(10)
    second.join(10)
    assert seen == ["done", "asked"]


class Adding(Sums):
    """Adds up numbers, and remembers each sum."""

    def __init__(self):
        self.waiting, self.sums = [], []

    def add_up(self):
        self.sums.append(sum(self.waiting))
        self.waiting.clear()

    def forget(self):
        self.waiting.clear()


def test_what_late_work_comes_to_is_added_up_before_anybody_goes_on(monkeypatch):
    """In portions, so that not all of it is kept; also where nothing was left to be done."""
    monkeypatch.setattr(late, "_PORTION", 2)
    later, adding = Later(), Adding()
    later.keep(adding)
    for number in (1, 2, 3):
        later.add("site", adding.waiting.append, number)
    later.settle()
    assert adding.sums == [3, 3]
    adding.waiting.append(4)
    later.settle()
    assert adding.sums == [3, 3, 4]


def test_what_was_done_before_an_error_is_added_up():
    """Where errors are raised."""
    failopen.configure(strict=True)
    later, adding = Later(), Adding()
    later.keep(adding)
    later.add("site", adding.waiting.append, 1)
    later.add("site", int, "no number")
    with pytest.raises(ValueError, match="no number"):
        later.settle()
    assert adding.sums == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_leaves_to_its_parent_what_is_the_parents():
    """What waited at the fork is done by the parent alone."""
    later, done, adding = Later(), [], Adding()
    later.keep(adding)
    later.add("site", done.append, 1)
    adding.waiting.append(1)
    child = os.fork()
    if child == 0:
        later.settle()
        os._exit(len(done) + sum(adding.sums))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    later.settle()
    assert (done, adding.sums) == ([1], [1])


def test_late_attributes_are_put_together_once_when_they_are_read():
    """Until then nothing is computed."""
    built = []
    attributes = LateAttributes(lambda: built.append(1) or {"a": 1})
    assert built == []
    assert dict(attributes) == {"a": 1}
    assert (attributes["a"], len(attributes), built) == (1, 1, [1])


def test_a_span_read_right_after_its_end_has_everything():
    """Whoever reads the span first makes its attributes complete, and the metrics are there for whoever reads them."""
    with testing.recording() as telemetry:
        run = telemetry.observer.start(AgentRun(name="support", agent_id="a"))
        token = run.activate()
        call = telemetry.observer.start(ModelCall(**CALL))
        call.operation.usage = Usage(input_tokens=5, output_tokens=7)
        call.stop()
        run.suspend(token)
        run.stop()
        outer = telemetry.span("invoke_agent support").attributes
        inner = telemetry.span("chat gpt-4o-mini").attributes
        assert outer["gen_ai.usage.input_tokens"] == inner["gen_ai.usage.input_tokens"] == 5
        assert sum(count for count, _ in telemetry.metric("gen_ai.client.token.usage").values()) == 2


def test_metrics_are_complete_for_whoever_collects_them_first():
    """Nobody has to read a span for its operation to be measured."""
    with testing.recording() as telemetry:
        telemetry.observer.start(ModelCall(**CALL, usage=Usage(input_tokens=5))).stop()
        assert telemetry.metric("gen_ai.client.operation.duration")


def test_nothing_of_the_programs_own_is_kept_for_later():
    """With content off, what the operation refers to is let go of at its end."""
    with testing.recording() as telemetry:
        messages = lambda: ["secret"]  # noqa: E731
        recording = telemetry.observer.start(ModelCall(**CALL, input_messages=messages, subject=messages))
        recording.operation.scratch = [1]
        recording.stop()
        operation = recording.operation
        assert (operation.input_messages, operation.scratch, operation.subject) == (None, None, None)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "an alias of it"])
def test_why_a_call_ended_is_known_at_its_end_whoever_has_seen_it(model):
    """A framework tells its agent about the answer at once: what only the SDK knows must not come later."""
    with testing.recording() as telemetry:
        outer = telemetry.observer.start(ModelCall(request_model=model))
        inner = telemetry.observer.start(ModelCall(**CALL), outer)
        inner.operation.finish_reasons = ("stop",)
        inner.stop()
        outer.stop()
        assert outer.operation.finish_reasons == ("stop",)
        assert telemetry.span("chat gpt-4o-mini").attributes["gen_ai.provider.name"] == "openai"


def test_operations_of_derived_kinds_end_and_keep_nothing_either():
    """Whoever derives a kind of operation gets what all others get."""

    class Completion(ModelCall):
        pass

    with testing.recording() as telemetry:
        recording = telemetry.observer.start(Completion(**CALL, input_messages=lambda: ["secret"], subject=[]))
        recording.stop()
        operation = recording.operation
        assert (operation.input_messages, operation.subject) == (None, None)
        assert telemetry.span("chat gpt-4o-mini").attributes["gen_ai.request.model"] == "gpt-4o-mini"


def test_with_content_on_everything_is_done_at_once():
    """Content may change after the end, so it is not left for later."""
    with testing.recording({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}) as telemetry:
        said = ["hello"]
        telemetry.observer.start(ModelCall(**CALL, output_messages=lambda: list(said))).stop()
        said[0] = "changed"
        assert telemetry.span("chat gpt-4o-mini").attributes["gen_ai.output.messages"] == '["hello"]'


def test_what_should_not_wait_long_makes_sure_that_somebody_asks():
    """Whoever settles from time to time is told, each time; without one it waits like all else."""
    later, done, told = Later(), [], []
    later.add_soon("site", done.append, 1)
    later.expect = lambda: told.append(list(done))
    later.add_soon("site", done.append, 2)
    assert (done, told) == ([], [[]])
    later.settle()
    assert done == [1, 2]


def test_the_start_of_a_run_is_logged_before_its_end_with_the_time_of_the_start():
    """Whoever asks while the run goes on finds it there; what it says is correlated with the run's span."""
    with testing.recording() as telemetry:
        run = telemetry.observer.start(AgentRun(name="support"))
        telemetry.observer._sinks.later.settle()
        (record,) = telemetry.logs()
        assert (record.event_name, record.timestamp) == ("agent.chat.started", run.watch.start_ns)
        assert record.span_id == run.span.get_span_context().span_id
        run.stop()


def test_the_start_of_a_run_that_is_over_is_logged_as_if_it_had_been_at_once():
    """Its record has the ids of the run, although the run is not open any more."""
    with testing.recording() as telemetry:
        run = telemetry.observer.start(AgentRun(name="support", user_id="u"))
        run.stop()
        telemetry.observer._sinks.later.settle()
        (record,) = telemetry.logs()
        assert record.span_id == run.span.get_span_context().span_id
        assert record.attributes["gen_ai.agent.name"] == "support"
