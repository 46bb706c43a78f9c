"""Numbers, texts and lengths as protobuf itself writes them."""

from __future__ import annotations

import pytest
from google.protobuf.wrappers_pb2 import DoubleValue, Int64Value, StringValue, UInt64Value
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

from agentotel.distro.otlp import wire


@given(st.integers(1, 2**64 - 1))
def test_numbers_that_are_not_negative(number):
    """Of any length."""
    assert wire.number(b"\x08", number) == UInt64Value(value=number).SerializeToString()


@given(st.integers(-(2**63), 2**63 - 1).filter(bool))
def test_signed_numbers(number):
    """A negative one has ten bytes."""
    assert b"\x08" + wire.int64(number) == Int64Value(value=number).SerializeToString()


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_numbers_of_more_than_64_bits_have_no_form(number):
    """Which the caller hears as an error, as with the official encoder."""
    with pytest.raises(ValueError, match="more than 64 bits"):
        wire.int64(number)


@given(st.integers(-(2**31), 2**31 - 1).filter(bool))
def test_numbers_that_may_well_be_negative(number):
    """Small ones are short whatever their sign."""
    assert b"\x30" + wire.zigzag(number) == ExponentialHistogramDataPoint(scale=number).SerializeToString()


@given(st.floats().filter(bool))
def test_floating_point_numbers(number):
    """With the infinite ones and those that are none."""
    assert b"\x09" + wire.double(number) == DoubleValue(value=number).SerializeToString()


@given(st.text(min_size=1))
def test_texts(words):
    """In UTF-8, after their length in bytes."""
    assert wire.text(b"\x0a", words) == StringValue(value=words).SerializeToString()


def test_what_is_empty_is_not_written():
    """As protobuf does for fields without presence."""
    assert (wire.text(b"\x0a", ""), wire.text(b"\x0a", None), wire.number(b"\x08", 0), wire.time(b"\x09", None)) == (
        b"",
        b"",
        b"",
        b"",
    )
