"""One operation between its start and its end."""

from __future__ import annotations

import sys
import threading

import pytest
from opentelemetry.context import Context, get_current, get_value
from opentelemetry.trace import INVALID_SPAN

from agentotel._base.clock import Stopwatch
from agentotel.model import names
from agentotel.model.operations import AgentRun, ModelCall, ToolCall, Usage, Workflow
from agentotel.telemetry.recording import ActiveRecording, InnerRecording, Totals


def recording(operation, outer=None, kind=ActiveRecording, context=None):
    """Return an open recording, and the list of how it has ended."""
    ends = []
    finish = lambda ended, error: ends.append((ended, error))  # noqa: E731
    made = kind(operation, outer, INVALID_SPAN, context or Context(), {}, {}, Stopwatch(), finish)
    return made, ends


def in_threads(number, work):
    """Run `work` in threads that start together."""
    barrier = threading.Barrier(number)

    def together():
        barrier.wait()
        work()

    threads = [threading.Thread(target=together) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- totals ---


@pytest.fixture
def _impatient():
    """Let threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_impatient")
def test_totals_are_exact_under_threads():
    """Tools run in threads: no token and no cent is lost when their model calls end together."""
    totals = Totals()

    def work():
        for _ in range(500):
            totals.add(Usage(input_tokens=3, output_tokens=1, reasoning_tokens=1), ("USD", 0.25))

    in_threads(8, work)
    assert totals.calls == 4_000
    assert totals.usage == Usage(input_tokens=12_000, output_tokens=4_000, reasoning_tokens=4_000)
    assert totals.cost == {"USD": 1_000.0}


def test_what_nobody_has_said_stays_unknown():
    """A kind of token that no call reports is None, not 0; currencies are kept apart."""
    totals = Totals()
    totals.add(Usage(input_tokens=0), None)
    totals.add(Usage(cache_read_tokens=2), ("EUR", 1.0))
    totals.add(Usage(), ("USD", 2.0))
    assert totals.usage == Usage(input_tokens=0, cache_read_tokens=2)
    assert totals.cost == {"EUR": 1.0, "USD": 2.0}
    assert totals.calls == 3


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


# --- merging layers of one call ---


def layers(*operations):
    """Return the recordings of one call as several layers see it, from the outside in."""
    made = [recording(operations[0])[0]]
    for operation in operations[1:]:
        inner, _ = recording(operation, made[-1], InnerRecording)
        made[-1].inner = inner
        made.append(inner)
    return made


def test_all_layers_around_hear_what_the_innermost_knows():
    """Three layers of one call: the lowest one's tokens and pieces reach the middle and the top."""
    top, middle, bottom = layers(ModelCall(), ModelCall(), ModelCall(usage=Usage(input_tokens=5)))
    bottom.chunk()
    bottom.chunk()
    assert bottom.layers() == [middle, top]
    bottom.merge()
    for layer in (middle, top):
        assert layer.operation.usage == Usage(input_tokens=5)
        assert layer.time_per_chunk() == bottom.time_per_chunk()


def test_what_lies_around_the_call_is_not_a_layer_of_it():
    """A run around the call hears nothing."""
    run, _ = recording(AgentRun())
    top, _ = recording(ModelCall(), run)
    bottom, _ = recording(ModelCall(), top, InnerRecording)
    assert bottom.layers() == [top]


def test_pieces_that_the_outer_layer_saw_itself_stand():
    """The user saw the outer layer's pieces: their times are not replaced."""
    top, bottom = layers(ModelCall(), ModelCall())
    bottom.chunk()
    bottom.chunk()
    top.chunk()
    bottom.merge()
    assert top.time_per_chunk() is None
