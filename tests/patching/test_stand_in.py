"""Objects that stand in for others look like them from everywhere."""

from __future__ import annotations

import collections.abc
import copy
import inspect
import io
import pickle

import pytest

from agentotel.patching.stand_in import StandIn, class_for


class Stream:
    """A sync stream: iterator and context manager, nothing else."""

    def __init__(self):
        self.response = "r"
        self.left = [1, 2]

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


class Basket:
    """A container with an order, an equality and a truth of its own."""

    __slots__ = ("__weakref__", "items")

    def __init__(self, *items):
        self.items = list(items)

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]

    def __eq__(self, other):
        return isinstance(other, Basket) and self.items == other.items

    def __hash__(self):
        return hash(tuple(self.items))

    def __lt__(self, other):
        return self.items < other.items

    def __bool__(self):
        return True

    def __call__(self, index):
        return self.items[index]

    def __repr__(self):
        return f"Basket({self.items})"

    def __del__(self):
        pass


def standing_in(real):
    """Return a stand-in for `real`."""
    return class_for(type(real), StandIn, {})(real)


ABSTRACT = [getattr(collections.abc, name) for name in collections.abc.__all__ if name != "ByteString"]


@pytest.mark.parametrize("real", [Stream(), Basket(1, 2), {"a": 1}, [1], io.StringIO("x"), 5, "text", len], ids=repr)
def test_it_is_an_instance_of_what_the_real_one_is(real):
    """No abstract class and no special method is claimed that the real object does not have, and none is missing."""
    stand_in = standing_in(real)
    assert isinstance(stand_in, type(real))
    assert [kind for kind in ABSTRACT if isinstance(stand_in, kind)] == [k for k in ABSTRACT if isinstance(real, k)]
    special = [name for name in dir(real) if name.startswith("__")]
    assert [name for name in special if not hasattr(stand_in, name)] == []
    for name in ("__aenter__", "__len__", "__await__", "__call__", "__getitem__", "__next__", "__aiter__", "__bool__"):
        assert hasattr(stand_in, name) == hasattr(real, name), name
    assert inspect.isawaitable(stand_in) == inspect.isawaitable(real)
    assert dir(stand_in) == dir(real)


def test_special_methods_do_what_those_of_the_real_one_do():
    """Length, items, order, equality, truth, hash, calls and text come from the real object."""
    stand_in, real = standing_in(Basket(1, 2)), Basket(1, 2)
    assert (len(stand_in), stand_in[1], stand_in(0), bool(stand_in), repr(stand_in)) == (2, 2, 1, True, repr(real))
    assert stand_in == real
    assert real == stand_in
    assert hash(stand_in) == hash(real)
    assert stand_in < Basket(3)
    assert min([Basket(3), stand_in]) is stand_in


def test_attributes_are_those_of_the_real_one():
    """Reading, setting and deleting reach the real object."""
    real = Stream()
    stand_in = standing_in(real)
    stand_in.response = "new"
    assert real.response == "new"
    del stand_in.response
    assert not hasattr(real, "response")
    with pytest.raises(AttributeError, match="'Stream' object has no attribute 'nothing'"):
        stand_in.nothing  # noqa: B018


def test_missing_operations_are_missing():
    """What the real object cannot do raises the same kind of error."""
    with pytest.raises(TypeError):
        len(standing_in(Stream()))


def test_copies_are_copies_of_the_real_one():
    """Copy and pickle give an object of the real type."""
    stand_in = standing_in({"a": [1]})
    assert type(copy.copy(stand_in)) is dict
    assert copy.deepcopy(stand_in) == {"a": [1]}
    assert pickle.loads(pickle.dumps(stand_in)) == {"a": [1]}


def test_chosen_methods_can_be_replaced():
    """A special method may do something else where the real type has it, and is not added where it has not."""
    made = class_for(Stream, StandIn, {"__next__": lambda self: "mine", "__anext__": lambda self: "never"})
    stand_in = made(Stream())
    assert next(stand_in) == "mine"
    assert not hasattr(stand_in, "__anext__")
