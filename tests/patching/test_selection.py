"""What a target means in modules and classes."""

import functools
import importlib.util
import sys

import pytest

from agentotel.patching import selection
from agentotel.patching.targets import parse


def target(text):
    """The one target in a text."""
    (found,), problems = parse(text)
    assert problems == []
    return found


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ({"__name__": "shop.bots"}, ("shop.bots",)),
        ({"__name__": "__main__", "__file__": "/srv/my_agent.py", "__spec__": None}, ("__main__", "my_agent")),
        ({"__name__": "__main__"}, ("__main__",)),
    ],
)
def test_main_goes_by_the_names_that_users_write(module, expected):
    """The main file is known by its name as well."""
    assert selection.module_names(module) == expected


def test_main_of_a_package_goes_by_the_package():
    """``python -m shop`` is known as shop."""
    spec = importlib.util.spec_from_loader("shop.__main__", loader=None)
    assert "shop" in selection.module_names({"__name__": "__main__", "__spec__": spec})


def test_globs_mean_own_public_functions_and_names_mean_anything():
    """What was only imported counts by its full name; private functions only by a pattern that begins so."""

    def search_here(): ...

    def search_there(): ...

    def _search_private(): ...

    search_there.__module__ = "elsewhere"
    for function in (search_here, _search_private):
        function.__module__ = "shop"
    names = {
        "search_here": search_here,
        "search_there": search_there,
        "_search_private": _search_private,
        "search_part": functools.partial(search_here),
        "search_limit": 3,
    }

    def meant(text):
        return [name for name, _ in selection.meant_in_module(target(text), "shop", names)]

    assert meant("tool=shop:search_*") == ["search_here", "search_part"]
    assert meant("tool=shop:search_there") == ["search_there"]
    assert meant("tool=shop:_search_*") == ["_search_private"]


def test_methods_of_a_class_are_those_of_the_pattern():
    """Only the class's own methods; nested classes are none; a glob means no private ones."""

    class Bot:
        def answer(self): ...

        def ask(self): ...

        def _secret(self): ...

        class Aside: ...

    def meant(text):
        return [name for name, _ in selection.meant_in_class(target(text), Bot)]

    assert meant("agent=m:*Bot.a*") == ["answer", "ask"]
    assert meant("agent=m:*Bot._secret") == ["_secret"]
    assert meant("agent=m:*Bot.*") == ["answer", "ask"]


def test_lazy_modules_stay_asleep(tmp_path, monkeypatch):
    """Looking at a module that loads when it is touched does not load it."""
    (tmp_path / "sleepy.py").write_text("raise AssertionError('woken')\n")
    spec = importlib.util.spec_from_file_location("sleepy", tmp_path / "sleepy.py")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "sleepy", module)
    spec.loader.exec_module(module)
    assert selection.namespace_of(module)["__name__"] == "sleepy"


@pytest.mark.parametrize("value", [None, 3, object()])
def test_anything_may_stand_in_sys_modules(value):
    """What is no module has no names."""
    assert selection.namespace_of(value) == {}


def test_lazy_objects_are_not_asked():
    """An object that pretends to have a class is not touched."""

    class Lazy:
        @property
        def __class__(self):
            raise AssertionError("touched")

    assert not selection.is_class(Lazy())
    assert selection.is_class(Lazy)
