"""A target that matches nothing is explained by what there is instead."""

import pytest

from agentotel.patching import misses
from agentotel.patching.targets import parse


class Bot:
    def answer(self): ...

    def _hidden(self): ...


class Sub(Bot): ...


Bot.__module__ = Sub.__module__ = "shop"
NAMES = {"Bot": Bot, "Sub": Sub, "search": lambda: None, "LIMIT": 3}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("agent=shop:Bott.answer", "shop has no class Bott; did you mean Bot?"),
        ("agent=shop:Xyz.answer", "shop has no class Xyz; its classes are Bot, Sub"),
        ("agent=shop:Bot.xyz", "shop:Bot has no method xyz; its methods are answer"),
        (
            "agent=shop:Sub.answer",
            "shop:Sub inherits answer from shop:Bot; name that class instead (agent=shop:Bot.answer)",
        ),
        ("tool=shop:serch", "shop has no function or class serch; did you mean search?"),
        ("tool=shop:LIMIT", "shop:LIMIT is not callable (int)"),
    ],
)
def test_the_reason_names_what_there_is(text, reason):
    """Misspelt names get a suggestion, inherited methods their owner, other things what they are."""
    (target,), _ = parse(text)
    assert misses.explain(target, "shop", NAMES) == reason


def test_long_lists_are_cut():
    """A module with many names does not fill the screen."""
    names = {f"thing_{number}": len for number in range(50)}
    (target,), _ = parse("tool=shop:qqqqqq")
    assert misses.explain(target, "shop", names).endswith(", ...")
