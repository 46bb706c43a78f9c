"""A record of discovery reads well and knows where things stand."""

import functools
import inspect

import pytest

from agentotel.patching.discovered import Discovered, place_of


def function():
    """Stand somewhere."""


class Holder:
    @staticmethod
    def static(): ...

    @classmethod
    def of_class(cls): ...

    partial = functools.partial(function)


@pytest.mark.parametrize(
    ("value", "inner"),
    [
        (function, function),
        (functools.wraps(function)(lambda: None), function),
        (Holder.__dict__["static"], Holder.static),
        (Holder.__dict__["of_class"], Holder.of_class.__func__),
        (Holder.__dict__["partial"], function),
    ],
)
def test_the_place_is_that_of_the_function_inside(value, inner):
    """Decorators, descriptors and partial objects lead to the definition."""
    assert place_of(value, __name__) == (__file__, inspect.getsourcelines(inner)[1])


def test_what_has_no_code_is_in_its_module():
    """A constant has no line; its module may have a file."""
    assert place_of(3, "json")[0] == inspect.getfile(__import__("json"))
    assert place_of(3, "no.such.module") == (None, None)


def test_it_reads_as_a_sentence():
    """The name is written as in a target, and the reason goes on after it."""
    patched = Discovered("agent", "shop", "Bot", "chat", "name ends in Agent", None, None, "patched")
    failed = Discovered("tool", "shop", "", "LIMIT", "the target x", None, None, "failed", "is not callable (int)")
    assert str(patched) == "shop:Bot.chat (agent: name ends in Agent)"
    assert str(failed) == "shop:LIMIT is not callable (int)"
