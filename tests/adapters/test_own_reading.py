"""Values are read by attribute or key, typed, from anything."""

import collections
import enum
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.adapters import own_reading as reading


class Colour(enum.Enum):
    RED = "red"


class AgentDict(dict):
    name = "by attribute"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("it.a.b", 1),
        ("it.list.1", "y"),
        ("it.list.9", reading.MISSING),
        ("it.a.b.c", reading.MISSING),
        ("it.by_number.3", "three"),
        ("it.object.name", "n"),
        ("it.nothing.more", reading.MISSING),
        ("other.a", reading.MISSING),
    ],
)
def test_a_path_leads_through_keys_attributes_and_positions(path, value):
    """What is not there is missing, at any step."""
    it = {"a": {"b": 1}, "list": ["x", "y"], "by_number": {3: "three"}, "nothing": None}
    it["object"] = types.SimpleNamespace(name="n")
    assert reading.follow_path(path, {"it": it}) == value


def test_mappings_of_other_classes_have_attributes_too():
    """An agent that is a dict is still an object; a key goes before the attribute."""
    assert reading.read(AgentDict(), "name") == "by attribute"
    assert reading.read(AgentDict(name="by key"), "name") == "by key"
    assert reading.read(collections.ChainMap({"name": "chained"}), "name") == "chained"


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (Colour.RED, "red"), (3, None), (None, None), (b"a", None)])
def test_only_texts_are_texts(value, text):
    """An enumeration's member stands for its value."""
    assert reading.text_of(value) == text


@pytest.mark.parametrize(
    ("value", "count"), [(3, 3), (3.0, 3), (3.5, None), (-1, None), (True, None), ("3", None), (float("inf"), None)]
)
def test_only_whole_numbers_are_counts(value, count):
    """Neither truth values nor texts, negative or broken numbers count."""
    assert reading.count_of(value) == count


@given(st.lists(st.integers(), max_size=6), st.dictionaries(st.sampled_from(["a", "b", "x"]), st.integers()))
def test_arguments_are_bound_as_python_would(args, kwargs):
    """For a call that Python accepts, each name holds what the function would get."""

    def function(self, a=None, b=None, *rest, **more):
        return {"a": a, "b": b, "args": rest, **more}

    try:
        expected = function("self", *args, **kwargs)
    except TypeError:
        return
    found = reading.arguments_of(function, "self", tuple(args), kwargs)
    assert {"a": None, "b": None, "args": (), **found} == expected
