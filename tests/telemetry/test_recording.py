"""One operation between its start and its end."""

from __future__ import annotations

import threading

import pytest
from opentelemetry.context import Context, get_current, get_value

from agentotel.model import names
from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Workflow
from agentotel.telemetry.inner_recording import InnerRecording
from telemetry.bare_recordings import in_threads, recording

# --- the one end ---


@pytest.mark.parametrize("number", [8])
def test_only_the_first_end_counts(number):
    """However many threads end it, and however, it ends once."""
    made, ends = recording(AgentRun())
    in_threads(number, lambda: (made.stop(), made.fail(ValueError()), made.stop()))
    assert len(ends) == 1
    assert made.ended


def test_an_end_knows_its_error():
    """`fail` passes the exception on, `stop` none."""
    error = ValueError()
    failed, ends = recording(AgentRun())
    assert not failed.ended
    failed.fail(error)
    assert ends == [(failed, error)]
    stopped, ends = recording(AgentRun())
    stopped.stop()
    assert ends == [(stopped, None)]


def test_it_is_current_between_activate_and_suspend():
    """The context of the recording is current, and what was current before comes back."""
    made, _ = recording(AgentRun(), context=Context({names.RECORDING_KEY: "mine"}))
    before = get_current()
    token = made.activate()
    assert get_value(names.RECORDING_KEY) == "mine"
    made.suspend(token)
    assert get_current() == before


def test_it_can_be_suspended_in_another_thread(caplog):
    """A generator that is closed elsewhere neither raises nor logs that a context could not be detached."""
    made, _ = recording(AgentRun(), context=Context({names.RECORDING_KEY: "mine"}))
    token = made.activate()
    seen = []

    def elsewhere():
        made.suspend(token)
        seen.append(get_value(names.RECORDING_KEY))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    made.suspend(token)
    assert seen == [None]
    assert caplog.records == []


# --- streams ---


def test_the_time_to_the_first_piece_is_not_that_of_the_last(monkeypatch):
    """Pieces at 2, 3 and 5 seconds: 2 s to the first, 1.5 s between pieces, whenever one asks."""
    now = 0
    for module in ("_base.clock", "telemetry.recording"):
        monkeypatch.setattr(f"agentotel.{module}.perf_counter_ns", lambda: now)
    made, _ = recording(ModelCall())
    for seconds in (2, 3, 5):
        now = seconds * 1_000_000_000
        made.chunk()
    now = 60_000_000_000
    assert made.time_to_first_chunk() == pytest.approx(2.0)
    assert made.time_per_chunk() == pytest.approx(1.5)


def test_what_was_no_stream_has_no_times():
    """No piece, no time to it; one piece, no time between pieces."""
    made, _ = recording(ModelCall())
    assert (made.time_to_first_chunk(), made.time_per_chunk()) == (None, None)
    made.chunk()
    assert made.time_to_first_chunk() >= 0
    assert made.time_per_chunk() is None


# --- which operations are one ---


@pytest.mark.parametrize(
    ("operation", "same"),
    [
        (lambda me: AgentRun(subject=me, function="base"), True),
        (lambda me: AgentRun(subject=me, function="sub"), False),
        (lambda me: AgentRun(subject=object(), function="base"), False),
        (lambda me: AgentRun(subject=None, function="base"), False),
        (lambda me: ToolCall(subject=me, function="base"), False),
    ],
    ids=["super", "recursion", "other object", "no object", "other kind"],
)
def test_what_is_the_same_run(operation, same):
    """Another function on the same object is; a recursion, another object and another kind are not."""
    me = object()
    made, _ = recording(AgentRun(subject=me, function="sub"))
    assert made.is_same_run(operation(me)) is same


def test_a_chain_of_overrides_is_one_run_and_then_a_recursion():
    """Three overrides are one run, also when one is called again; calling the first one again is a second run."""
    me, top, middle, base = object(), object(), object(), object()
    made, _ = recording(AgentRun(subject=me, function=top))
    calls = (middle, base, top, middle)
    assert [made.is_same_run(AgentRun(subject=me, function=call)) for call in calls] == [True, True, False, True]


def test_only_the_first_model_call_is_taken_in():
    """A model call takes in one model call, nothing else, and no other operation takes in any."""
    made, _ = recording(ModelCall())
    assert made.takes_in(ModelCall())
    assert not made.takes_in(ToolCall())
    made.inner, _ = recording(ModelCall(), made, InnerRecording)
    assert not made.takes_in(ModelCall())
    assert not recording(AgentRun())[0].takes_in(ModelCall())


def test_what_is_around():
    """Recordings around are given inside out, and the nearest run is the one that an operation belongs to."""
    flow, _ = recording(Workflow())
    run, _ = recording(AgentRun(name="shop"), flow)
    tool, _ = recording(ToolCall(), run)
    assert list(tool.around()) == [run, flow]
    assert tool.enclosing_run() is run.operation
    assert run.enclosing_run() is run.operation
    assert flow.enclosing_run() is None
