"""Attribute values survive the store."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from agentotel.local import values

INT64 = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.none() | st.booleans() | INT64 | st.floats() | st.text() | st.binary()
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["bytesValue", "doubleValue", "kvlistValue", "", "a"]) | st.text(), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def any_value(plain):
    """Make an `AnyValue`, independently of the code under test."""
    value = AnyValue()
    if isinstance(plain, bool):
        value.bool_value = plain
    elif isinstance(plain, int):
        value.int_value = plain
    elif isinstance(plain, float):
        value.double_value = plain
    elif isinstance(plain, str):
        value.string_value = plain
    elif isinstance(plain, bytes):
        value.bytes_value = plain
    elif isinstance(plain, list):
        value.array_value.SetInParent()
        value.array_value.values.extend(any_value(item) for item in plain)
    elif isinstance(plain, dict):
        value.kvlist_value.SetInParent()
        value.kvlist_value.values.extend(KeyValue(key=key, value=any_value(item)) for key, item in plain.items())
    return value


def same(left, right):
    """Compare exactly: types count, and NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


@given(PLAIN)
def test_every_value_comes_back_as_what_was_sent(plain):
    """Encoding to the store's text and reading it back gives the same value, of the same type."""
    text = values.dumps(values.encode(any_value(plain)))
    assert text.isascii()
    assert same(values.loads(text), plain)


@given(st.dictionaries(st.text(), PLAIN, max_size=5))
def test_attributes_come_back_as_what_was_sent(plain):
    """A map of attributes is never taken for a tagged value, whatever its keys are."""
    pairs = [KeyValue(key=key, value=any_value(value)) for key, value in plain.items()]
    assert same(values.loads_map(values.dumps(values.attributes(pairs))), plain)


@given(PLAIN)
def test_jsonable_is_strict_json(plain):
    """What the interfaces print is accepted by a JSON reader that knows neither NaN nor bytes."""
    json.loads(json.dumps(values.jsonable(plain), allow_nan=False))


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (True, "true"), (None, "null"), (7, "7"), (1.5, "1.5"), ([1, "x"], '[1, "x"]')],
)
def test_shown_is_what_a_user_would_type(value, text):
    """A value reads as a user writes it after ``--where KEY=``."""
    assert values.shown(value) == text
