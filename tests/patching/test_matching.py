"""Which classes are taken for agents, tools and pools without configuration, and what can be wrapped."""

import abc
import functools
import json
import sysconfig
import typing
from pathlib import Path

import pytest

from agentotel.patching import matching


class SupportAgent:
    def chat(self, message): ...


class Concierge(SupportAgent): ...


class SearchTool: ...


class Agent: ...


class Agency: ...


class TablePool:
    def __init__(self):
        self.max_size = 3
        self.size = 0


class CarPool:
    def __init__(self):
        self.size = 0


class Thing:
    def plain(self): ...

    async def later(self): ...

    @staticmethod
    def static(): ...

    @classmethod
    def of_class(cls): ...

    @property
    def prop(self): ...

    @functools.cached_property
    def cached(self): ...

    @abc.abstractmethod
    def abstract(self): ...

    class Inner: ...

    text = "text"
    part = functools.partial(print)
    part_method = functools.partialmethod(plain)


@pytest.mark.parametrize(
    ("cls", "role"),
    [(SupportAgent, "agent"), (Agent, "agent"), (SearchTool, "tool"), (Concierge, "agent"), (TablePool, "pool")],
)
def test_the_name_or_that_of_a_base_class_decides(cls, role):
    """A class is what its name ends in; a subclass under another name is what its base is."""
    assert matching.match(cls).role == role


@pytest.mark.parametrize("cls", [Agency, CarPool, Thing, json.JSONDecoder])
def test_other_classes_are_nothing(cls):
    """Neither a similar name nor a pool without a limit is enough."""
    assert matching.match(cls) is None


def test_why_tells_of_the_base_class():
    """The reason for a class without the suffix names the class that has it."""
    assert matching.match(Concierge).why == "derives from SupportAgent, whose name ends in Agent"


def test_a_library_class_lends_its_subclasses_no_role():
    """A class of a library does not make the user's subclass an agent: that framework has its own adapter."""
    library = type("FrameworkAgent", (), {"__module__": "json", "chat": lambda self: None})
    assert matching.match(type("Mine", (library,), {"__module__": __name__})) is None


@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("__main__", None, True),
        ("__main__", "/anywhere/site-packages/x.py", True),
        ("shop.bots", "/srv/app/shop/bots.py", True),
        ("shop.bots", "/usr/src/app/shop/bots.py", True),
        ("openai", "/srv/env/lib/python3.11/site-packages/openai/__init__.py", False),
        ("apt", "/usr/lib/python3/dist-packages/apt/__init__.py", False),
        ("json", json.__file__, False),
        ("late", str(Path(sysconfig.get_paths()["purelib"], "late.py")), False),
        ("sys", None, False),
        ("agentotel.patching", "/srv/app/src/agentotel/patching/__init__.py", False),
        ("agentotel.demo.agent", "/srv/env/lib/python3.11/site-packages/agentotel/demo/agent.py", True),
        ("agentotelling", "/srv/app/agentotelling.py", True),
    ],
)
def test_only_the_users_own_modules_count(name, file, expected):
    """Libraries, the standard library and agentotel are not the user's; ``__main__`` and the demo are."""
    assert matching.is_users_module(name, file) is expected


@pytest.mark.parametrize("name", ["plain", "later", "static", "of_class", "part", "part_method"])
def test_whatever_can_be_called_as_a_method_can_be_wrapped(name):
    """Functions, static and class methods and partial objects have no obstacle."""
    assert matching.obstacle(Thing.__dict__[name]) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("prop", "property"),
        ("cached", "property"),
        ("abstract", "abstract"),
        ("Inner", "class"),
        ("text", "not callable (str)"),
    ],
)
def test_an_obstacle_is_named(name, reason):
    """What cannot be wrapped comes with the reason."""
    assert reason in matching.obstacle(Thing.__dict__[name])


def test_protocols_are_told_from_classes_that_derive_from_them():
    """Only the Protocol itself is a mere description."""

    class Speaker(typing.Protocol):
        def chat(self): ...

    class SpeakingAgent(Speaker): ...

    assert matching.is_protocol(Speaker)
    assert not matching.is_protocol(SpeakingAgent)
