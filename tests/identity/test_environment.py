"""Tests of what child processes get."""

import json
import os
import subprocess
import sys

import pytest
from opentelemetry import baggage, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import attach
from opentelemetry.context.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agentotel.identity import (
    AllowListedBaggage,
    Identity,
    context,
    context_from_environment,
    current,
    environment_for_child,
)

SPAN = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False, trace_flags=trace.TraceFlags(1)))
TRACEPARENT = f"00-{1:032x}-{2:016x}-01"


@pytest.fixture
def restricted():
    """Let the global propagator keep all baggage in, as with an empty allow-list."""
    before = propagate.get_global_textmap()
    wrapped = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    propagate.set_global_textmap(AllowListedBaggage(wrapped, []))
    yield
    propagate.set_global_textmap(before)


def test_nothing_current_changes_nothing():
    """Without a trace and ids the child gets its environment as it was, as a copy."""
    environment = {"PATH": "/bin", "TRACEPARENT": "inherited"}
    result = environment_for_child(environment)
    assert result == environment
    assert result is not environment


def test_trace_and_ids_are_added(restricted):
    """The child continues the trace with the ids, even with an empty allow-list; other baggage stays in."""
    attach(baggage.set_baggage("secret", "x", trace.set_span_in_context(SPAN, Context())))
    with context(request_id="r", user_id="a b"):
        result = environment_for_child({"PATH": "/bin"})
    attach(Context())
    assert result == {"PATH": "/bin", "TRACEPARENT": TRACEPARENT, "BAGGAGE": "request.id=r,user.id=a+b"}


def test_a_stale_trace_is_replaced():
    """What our own parent left does not reach the child beside the current trace."""
    stale = {"TRACEPARENT": "old", "TRACESTATE": "old=1", "BAGGAGE": "user.id=old", "KEEP": "1"}
    attach(trace.set_span_in_context(SPAN, Context()))
    result = environment_for_child(stale)
    attach(Context())
    assert result == {"TRACEPARENT": TRACEPARENT, "KEEP": "1"}


def test_the_environment_of_our_own_start():
    """What a parent left is found again: the remote span, the baggage and the identity."""
    ctx = context_from_environment({"TRACEPARENT": TRACEPARENT, "BAGGAGE": "user.id=u,request.id=r,k=v"})
    span_context = trace.get_current_span(ctx).get_span_context()
    assert (span_context.trace_id, span_context.span_id, span_context.is_remote) == (1, 2, True)
    assert baggage.get_baggage("k", ctx) == "v"
    assert current(ctx) == Identity("r", "u")


@pytest.mark.parametrize(
    "environment",
    [{}, {"PATH": "/bin"}, {"TRACEPARENT": ""}, {"TRACEPARENT": "garbage"}, {"BAGGAGE": ""}],
)
def test_an_environment_without_a_parent(environment):
    """Nothing usable gives no context."""
    assert context_from_environment(environment) is None


def test_a_real_child_process_sees_trace_and_ids():
    """The way through a real process and back keeps everything."""
    program = (
        "import json, os\n"
        "from opentelemetry import trace\n"
        "from agentotel.identity import attributes, context_from_environment, current\n"
        "ctx = context_from_environment(os.environ)\n"
        "span = trace.get_current_span(ctx).get_span_context()\n"
        "print(json.dumps([span.trace_id, dict(attributes(current(ctx)))]))\n"
    )
    attach(trace.set_span_in_context(SPAN, Context()))
    with context(request_id="r", user_id="Zoë", tenant_id="t;,="):
        environment = environment_for_child({"PYTHONPATH": os.pathsep.join(sys.path)})
    attach(Context())
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert json.loads(done.stdout) == [1, {"request.id": "r", "user.id": "Zoë", "tenant.id": "t;,="}]
