"""Attributes: what repeats is encoded once, and what cannot be encoded costs itself only."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan

from agentotel._base import failopen
from agentotel.distro.otlp import attributes
from agentotel.distro.otlp.attributes import AttributeEncoder, of_span, plain
from otlp_generated import ATTRIBUTES


def values(encoder, given):
    """Return what a receiver reads of attributes, by key."""
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value"))
        for pair in Span.FromString(encoder.encode(given)).attributes
    }


@given(st.lists(ATTRIBUTES, max_size=4))
def test_what_was_encoded_before_changes_nothing(batch):
    """An encoder that has seen other attributes writes what a new one writes."""
    old = AttributeEncoder(b"\x4a")
    for one in batch:
        assert old.encode(one) == AttributeEncoder(b"\x4a").encode(one)


def test_equal_values_of_different_types_are_not_confused():
    """``1 == True == 1.0``, and yet these are three values."""
    encoder = AttributeEncoder(b"\x4a")
    for value in (True, 1, 1.0, (True,), (1,), "1", ("1",)):
        fresh = AttributeEncoder(b"\x4a").encode({"k": value})
        assert encoder.encode({"k": value}) == encoder.encode({"k": value}) == fresh


def test_what_is_remembered_is_bounded():
    """Ids that never come again do not fill the memory, and long values are not kept at all."""
    encoder = AttributeEncoder(b"\x4a")
    for number in range(3 * attributes._MAX_PAIRS):
        encoder.encode({f"key {number}": f"id {number}", "long": "x" * 1_000 + str(number)})
    assert 0 < len(encoder._pairs) <= attributes._MAX_PAIRS
    assert 0 < len(attributes._heads) <= attributes._MAX_KEYS
    assert not any(key == "long" for key, _, _ in encoder._pairs)


@pytest.mark.parametrize("value", [2**63, object(), {1, 2}, (1, object())])
def test_one_that_has_no_form_is_left_out_and_reported(caplog, value):
    """The others stay; it is said once."""
    failopen.reset()
    encoder = AttributeEncoder(b"\x4a")
    assert values(encoder, {"a": 1, "bad": value, "b": 2}) == {"a": 1, "b": 2}
    encoder.encode({"bad": value})
    assert failopen.errors() == {"otlp.attribute": 2}
    assert len(caplog.records) == 1
    failopen.reset()


def test_attributes_nested_without_end_are_left_out(caplog):
    """A value that contains itself is no reason to lose a span."""
    endless = []
    endless.append(endless)
    assert values(AttributeEncoder(b"\x4a"), {"bad": endless, "kept": True}) == {"kept": True}
    failopen.reset()


def test_attributes_of_a_span_are_read_without_its_views():
    """The plain dictionary inside the SDK's container; whatever else a span has is taken as it is."""
    bounded = BoundedAttributes(attributes={"a": 1})
    assert of_span(ReadableSpan("s", attributes=bounded)) is bounded._dict
    assert plain(bounded) is bounded._dict
    assert of_span(SimpleNamespace(attributes={"b": 2})) == {"b": 2}
    assert of_span(ReadableSpan("s")) == plain(None) == {}
