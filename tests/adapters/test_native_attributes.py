"""Values out of native spans: the first of the right kind, and never an exception."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters import native_attributes as reading

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.sampled_from(["[", "{", "1e9999"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=6,
)
READERS = (
    reading.text,
    reading.texts,
    reading.count,
    reading.whole,
    reading.number,
    reading.flag,
    reading.provider,
    reading.host,
    reading.port,
)


@given(values=st.lists(ANYTHING, max_size=3))
def test_no_value_makes_a_reader_raise(values):
    """Whatever a library sets, there is a value of the right kind or none."""
    names = [str(index) for index in range(len(values))]
    kinds = {"texts": tuple, "count": int, "whole": int, "port": int, "number": int | float, "flag": bool}
    for read in READERS:
        found = read(dict(zip(names, values, strict=True)), *names)
        assert found is None or isinstance(found, kinds.get(read.__name__, str)), read


@given(count=st.integers(min_value=0))
def test_a_count_is_read_as_number_and_as_text(count):
    """Some libraries write numbers as text."""
    assert reading.count({"n": count}, "n") == count
    assert reading.count({"n": str(count)}, "n") == count


@pytest.mark.parametrize("value", [-1, True, 1.5, "many", "", float("inf"), float("nan"), [1]])
def test_what_is_no_count_is_passed_over_for_the_next_name(value):
    """A count is whole and not negative."""
    assert reading.count({"a": value, "b": 7}, "a", "b") == 7


def test_a_seed_may_be_negative():
    """A whole number is one with a sign too."""
    assert reading.whole({"seed": -3}, "seed") == -3


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (("stop", "length"), ("stop", "length")),
        (["stop"], ("stop",)),
        ("stop", ("stop",)),
        ('["stop", "length"]', ("stop", "length")),
        ("[broken", ("[broken",)),
        ((), None),
        (7, None),
    ],
)
def test_texts_come_as_lists_as_json_and_alone(value, found):
    """Reasons to stop are written in all these ways."""
    assert reading.texts({"reasons": value}, "reasons") == found


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("google-gla", "gcp.gemini"),
        ("google-vertex", "gcp.vertex_ai"),
        ("Bedrock", "aws.bedrock"),
        ("openai", "openai"),
        ("acme", "acme"),
    ],
)
def test_providers_are_spelled_as_the_conventions_do(said, meant):
    """What the conventions do not know stays as the library says."""
    assert reading.provider({"gen_ai.system": said}, "gen_ai.provider.name", "gen_ai.system") == meant


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("https://api.acme.com:8443/v1", "api.acme.com", 8443),
        ("https://api.acme.com/v1", "api.acme.com", None),
        ("api.acme.com", "api.acme.com", None),
        ("http://[broken", None, None),
    ],
)
def test_a_url_is_taken_apart(address, host, port):
    """An address is a host; some libraries put the whole URL there."""
    attributes = {"server.address": address}
    assert reading.host(attributes, "server.address") == host
    assert reading.port(attributes, "server.port", "server.address") == port


def test_a_port_of_its_own_goes_before_the_one_in_a_url():
    """The first name counts."""
    assert reading.port({"server.port": 80, "server.address": "http://a:81"}, "server.port", "server.address") == 80


@given(text=st.text())
def test_what_is_no_json_stays_as_it_is(text):
    """Only objects and lists are decoded: a number that a tool returned as text stays text."""
    found = reading.decoded(text)
    assert found == text or isinstance(found, dict | list)


def test_json_that_is_nested_too_deeply_stays_text():
    """A library may have written anything."""
    deep = "[" * 200_000
    assert reading.decoded(deep) == deep
