"""What two layers say about one model call, put together field by field."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.model.operations import CHAT, EMBEDDINGS, ModelCall, Operation, Usage
from agentotel.telemetry.merging import complete

LAYER_FIELDS = {field.name for field in fields(Operation)} - {"conversation_id", "attributes"}
INNERMOST = {
    "operation", "provider", "request_model", "response_model", "response_id", "server_address", "server_port",
}  # fmt: skip
PLAIN = sorted({field.name for field in fields(ModelCall)} - LAYER_FIELDS - {"attributes", "usage"})
DEFAULTS = {field.name: field.default for field in fields(ModelCall)}


@pytest.mark.parametrize("name", PLAIN)
def test_each_field_that_only_the_inner_call_knows_is_taken(name):
    """Zeros included: a temperature of 0 is a temperature."""
    for value in ("inner", 7, 0, 0.0):
        if name in {"operation", "retries", "rate_limits", "stream", "finish_reasons", "stop_sequences"} and not value:
            continue
        outer, inner = ModelCall(), ModelCall()
        setattr(inner, name, value)
        complete(outer, inner)
        assert getattr(outer, name) == value


@pytest.mark.parametrize("name", PLAIN)
def test_each_field_that_only_the_outer_call_knows_stays(name):
    """What the inner one does not say takes nothing away."""
    outer = ModelCall()
    setattr(outer, name, EMBEDDINGS if name == "operation" else "outer")
    complete(outer, ModelCall())
    assert getattr(outer, name) == (CHAT if name == "operation" else "outer")


@pytest.mark.parametrize("name", PLAIN)
def test_where_both_say_something_the_lower_layer_knows_the_model(name):
    """Model, provider, server and response are the lower layer's, all else is what the user asked for."""
    outer, inner = ModelCall(), ModelCall()
    setattr(outer, name, "outer")
    setattr(inner, name, "inner")
    complete(outer, inner)
    assert getattr(outer, name) == ("inner" if name in INNERMOST else "outer")


@pytest.mark.parametrize("name", sorted(LAYER_FIELDS))
def test_what_each_layer_has_for_itself_is_not_merged(name):
    """Name, outcome, object and the adapter's own state stay with their layer, on every Python."""
    outer, inner = ModelCall(), ModelCall()
    setattr(inner, name, "inner")
    complete(outer, inner)
    assert getattr(outer, name) == DEFAULTS[name]


def test_attributes_of_both_are_kept_apart():
    """The outer one gets those that it does not have; the inner one's own are not changed."""
    outer, inner = ModelCall(attributes={"a": 1}), ModelCall(attributes={"a": 2, "b": 2})
    complete(outer, inner)
    assert outer.attributes == {"a": 1, "b": 2}
    assert inner.attributes == {"a": 2, "b": 2}
    outer.attributes["c"] = 3
    assert "c" not in inner.attributes


USAGES = st.none() | st.builds(Usage, *[st.none() | st.integers(0, 10)] * 5)


@given(USAGES, USAGES)
def test_tokens_are_the_inner_calls_where_it_has_them(outer_usage, inner_usage):
    """Field by field: the lower layer's number, else the outer one's; no object is shared; twice is as once."""
    outer, inner = ModelCall(usage=outer_usage), ModelCall(usage=inner_usage)
    complete(outer, inner)
    for name in Usage.__slots__:
        theirs, mine = getattr(inner_usage, name, None), getattr(outer_usage, name, None)
        assert getattr(outer.usage, name, None) == (mine if theirs is None else theirs)
    assert inner_usage is None or outer.usage is not inner_usage
    once = outer.usage
    complete(outer, inner)
    assert outer.usage == once


@pytest.mark.parametrize("name", PLAIN)
def test_nothing_said_is_nothing_whoever_says_it(name):
    """An outer field that was given as None takes the inner one's word; an inner None takes nothing away."""
    if name == "operation" or DEFAULTS[name] is not None:
        return
    outer, inner = ModelCall(**{name: None}), ModelCall(**{name: "inner"})
    complete(outer, inner)
    assert getattr(outer, name) == "inner"
    complete(outer, ModelCall(**{name: None}))
    assert getattr(outer, name) == "inner"
