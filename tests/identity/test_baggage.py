"""Tests of what comes in and goes out as baggage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context.context import Context
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agentotel.identity import AllowListedBaggage, Identity, context, from_baggage, with_identity


def incoming(header):
    """Return the context of a request that came with this baggage header."""
    return W3CBaggagePropagator().extract({"baggage": header}, Context())


def outgoing(allowed, ctx):
    """Return the headers that leave from `ctx`."""
    carrier = {}
    AllowListedBaggage(W3CBaggagePropagator(), allowed).inject(carrier, ctx)
    return carrier


def test_ids_come_in_as_baggage():
    """The four keys are read, percent-encoding included."""
    ctx = incoming("user.id=a%20b,tenant.id=t,session.id=s,request.id=r,other=1")
    assert from_baggage(ctx) == Identity("r", "a b", "t", "s")


def test_a_request_id_is_made_for_incoming_ids_without_one():
    """Whoever calls with a user but no request gets a request id."""
    identity = from_baggage(incoming("user.id=u"))
    assert identity.user_id == "u"
    assert len(identity.request_id) == 32


def test_enduser_id_is_the_user_unless_user_id_is_there():
    """The older key counts where the newer one is absent."""
    assert from_baggage(incoming("enduser.id=old")).user_id == "old"
    assert from_baggage(incoming("enduser.id=old,user.id=new")).user_id == "new"
    assert from_baggage(incoming("user.id=new,enduser.id=old")).user_id == "new"


def test_baggage_without_ids_is_no_identity():
    """Other baggage says nothing about who it is for."""
    assert from_baggage(incoming("color=blue")) is None
    assert from_baggage(Context()) is None


@given(st.text(max_size=2000))
def test_hostile_baggage_is_cleaned(value):
    """Whatever a caller sends, the ids are short and printable."""
    identity = from_baggage(baggage.set_baggage("user.id", value, Context()))
    if identity is not None:
        assert identity.user_id.isprintable()
        assert len(identity.user_id) <= 256


def test_only_allowed_baggage_leaves():
    """Keys that are not on the list stay in the process."""
    ctx = baggage.set_baggage("secret", "x", baggage.set_baggage("color", "blue", Context()))
    assert outgoing({"color"}, ctx) == {"baggage": "color=blue"}


def test_ids_leave_only_when_allowed():
    """The ids of the current identity follow the same list, and win over baggage of the same key."""
    ctx = with_identity(baggage.set_baggage("tenant.id", "old", Context()), Identity("r", "u", "t"))
    assert outgoing({"tenant.id"}, ctx) == {"baggage": "tenant.id=t"}
    assert outgoing((), ctx) == {}


def test_the_current_context_is_the_default():
    """Without a context the current one is written."""
    carrier = {}
    with context(tenant_id="t"):
        AllowListedBaggage(W3CBaggagePropagator(), ["tenant.id"]).inject(carrier)
    assert carrier == {"baggage": "tenant.id=t"}


def test_the_trace_is_not_touched():
    """Wrapping the composite propagator leaves traceparent as it is, in both directions."""
    wrapped = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    propagator = AllowListedBaggage(wrapped, ["color"])
    headers = {"traceparent": f"00-{1:032x}-{2:016x}-01", "baggage": "color=blue,secret=x"}
    ctx = propagator.extract(headers, Context())
    assert trace.get_current_span(ctx).get_span_context().trace_id == 1
    assert dict(baggage.get_all(ctx)) == {"color": "blue", "secret": "x"}
    carrier = {}
    propagator.inject(carrier, ctx)
    assert carrier == {"traceparent": headers["traceparent"], "baggage": "color=blue"}
    assert propagator.fields == wrapped.fields


def test_injecting_leaves_the_context_alone():
    """What must not leave is still there inside the process."""
    ctx = baggage.set_baggage("secret", "x", Context())
    outgoing((), ctx)
    assert baggage.get_baggage("secret", ctx) == "x"


@given(st.dictionaries(st.from_regex(r"[a-z.]{1,8}", fullmatch=True), st.text("ab ;,=ü", min_size=1)))
def test_nothing_but_the_list_ever_leaves(entries):
    """For any baggage exactly the allowed entries arrive on the other side."""
    ctx = Context()
    for key, value in entries.items():
        ctx = baggage.set_baggage(key, value, ctx)
    allowed = set(sorted(entries)[::2])
    arrived = baggage.get_all(incoming(outgoing(allowed, ctx).get("baggage", "")))
    assert dict(arrived) == {key: value.strip() for key, value in entries.items() if key in allowed}


@pytest.mark.parametrize("key", ["user.id", "tenant.id", "session.id", "request.id"])
def test_ids_survive_the_way_to_another_process(key):
    """What leaves as baggage is the identity on the other side."""
    sent = Identity("r", "u", "t", "s")
    header = outgoing({key, "request.id"}, with_identity(Context(), sent))["baggage"]
    arrived = from_baggage(incoming(header))
    field = key.replace(".", "_")
    assert getattr(arrived, field) == getattr(sent, field)
