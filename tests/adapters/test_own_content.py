"""Content of unknown shape becomes messages and data, bounded in depth and size."""

import json
from decimal import Decimal
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters import own_content as content


def text(value):
    """A text part."""
    return {"type": "text", "content": value}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hi", [{"role": "user", "parts": [text("hi")]}]),
        ([{"role": "system", "content": "a"}, "b"], [
            {"role": "system", "parts": [text("a")]}, {"role": "user", "parts": [text("b")]}]),
        ([{"type": "text", "text": "c"}, {"type": "image", "url": "u"}], [
            {"role": "user", "parts": [text("c")]},
            {"role": "user", "parts": [{"type": "image", "content": {"type": "image", "url": "u"}}]}]),
        ({"role": "user", "content": None}, [{"role": "user", "parts": []}]),
        ([], []),
    ],
)  # fmt: skip
def test_messages_have_the_shape_of_the_conventions(value, expected):
    """Texts, lists of messages and lists of parts are understood."""
    if isinstance(value, list) and value and "type" in value[0]:
        expected = [{"role": "user", "parts": [part for message in expected for part in message["parts"]]}]
    assert content.messages(value, "user") == expected


def test_depth_and_size_are_bounded():
    """A web of objects that would never end does."""
    deep = []
    for _ in range(1000):
        deep = [deep]
    wide = [[[0] * 30] * 30 for _ in range(300)]
    assert "<list>" in json.dumps(content.jsonable(deep))
    assert len(json.dumps(content.jsonable(wide))) < 1_500_000


def test_known_values_are_written_as_text():
    """Numbers, paths and keys of the standard library have one obvious text."""
    assert content.jsonable({1: Decimal("1.50"), "p": PurePosixPath("/a")}) == {"1": "1.50", "p": "/a"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_json_stays_what_it_is(value):
    """What is JSON-able already comes out equal, as far as it is not too deep."""
    converted = content.jsonable(value)
    json.dumps(converted)
    if "<list>" not in str(converted) and "<dict>" not in str(converted):
        assert converted == value
