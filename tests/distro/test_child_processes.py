"""The trace and the ids in processes that the program starts."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, get_current
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from agentotel.distro import child_processes, defaults

SPAN = NonRecordingSpan(SpanContext(0x1234, 0x5678, is_remote=False, trace_flags=TraceFlags(1)))
PARENT = f"00-{0x1234:032x}-{0x5678:016x}-01"
SHOW = [sys.executable, "-c", "import os; print(os.environ.get('TRACEPARENT'), os.environ.get('MINE'))"]


@pytest.fixture
def environ(environ):
    """Be a process that is instrumented."""
    environ.pop("TRACEPARENT", None)
    defaults.is_child_process()
    return environ


@pytest.fixture
def installed(environ):
    """Install, and put everything back, the context too."""
    original, before = subprocess.Popen.__init__, get_current()
    child_processes.install()
    yield
    child_processes.uninstall()
    attach(before)
    assert subprocess.Popen.__init__ is original


def run(**more):
    """Start a program that shows what it has been given."""
    return subprocess.run(SHOW, stdout=subprocess.PIPE, text=True, check=True, **more).stdout.strip()


def test_without_anything_current_nothing_is_added(installed):
    """A child that is started outside of any operation gets what it would have got."""
    assert run() == "None None"


def test_a_child_gets_the_trace(installed):
    """With the inherited environment, and with a copy of it, which is not changed."""
    attach(trace.set_span_in_context(SPAN))
    assert run() == f"{PARENT} None"
    import os

    given = {**os.environ, "MINE": "1"}
    before = dict(given)
    assert run(env=given) == f"{PARENT} 1"
    assert given == before


def test_an_environment_made_from_nothing_stays_as_it_is(installed):
    """It does not bear the mark of ours."""
    attach(trace.set_span_in_context(SPAN))
    assert run(env={"MINE": "2"}) == "None 2"


def test_positional_arguments_are_left_alone(installed):
    """``env`` may be given by position, as the eleventh argument."""
    attach(trace.set_span_in_context(SPAN))
    arguments = [SHOW, -1, None, None, subprocess.PIPE, None, None, True, False, None, {"MINE": "3"}]
    with subprocess.Popen(*arguments, text=True) as started:
        assert started.stdout.read().strip() == "None 3"


def test_popen_looks_as_before(installed):
    """Signature and documentation are those of the original."""
    original = subprocess.Popen.__init__.__wrapped__
    assert inspect.signature(subprocess.Popen.__init__) == inspect.signature(original)
    assert subprocess.Popen.__init__.__doc__ == original.__doc__


def test_what_the_parent_sent_is_current(environ):
    """The first operation of this process continues the parent's trace."""
    before = get_current()
    environ["TRACEPARENT"] = PARENT
    child_processes.install()
    child_processes.uninstall()
    assert trace.get_current_span().get_span_context().span_id == 0x5678
    attach(before)


class Process:
    """A process of multiprocessing, as far as it matters here."""

    def __init__(self, target=None, config=None):
        self._target = target
        self._config = config or {}


def test_a_spawned_process_continues_what_it_was_started_in():
    """What the parent handed over becomes current, and is not handed on."""
    before = get_current()
    process = Process(config={"_agentotel_carrier": {"TRACEPARENT": PARENT}})
    child_processes._receive(process)
    assert trace.get_current_span().get_span_context().span_id == 0x5678
    assert process._config == {}
    attach(before)


def test_a_worker_of_a_pool_belongs_to_nobody():
    """It was started in an operation that others do not belong to."""
    from multiprocessing.pool import worker

    before = get_current()
    attach(trace.set_span_in_context(SPAN))
    child_processes._receive(Process(worker))
    assert not get_current()
    attach(before)
