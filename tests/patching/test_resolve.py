"""Finding and replacing what a target names."""

from __future__ import annotations

import functools
import sys
import types

import pytest

from agentotel._base.errors import TargetError
from agentotel.patching.resolve import apply, resolve
from agentotel.patching.wrap import wrap


class Base:
    limit = 3

    def run(self):
        return "run"

    @staticmethod
    def helper():
        return "helper"


class Bot(Base):
    class Inner:
        def deep(self):
            return "deep"

    def chat(self):
        return super().run()


@pytest.fixture
def shop(monkeypatch):
    """A module of its own, with fresh classes."""
    module = types.ModuleType("shop_for_tests")
    module.Base = type("Base", (), {"run": Base.__dict__["run"], "helper": Base.__dict__["helper"], "limit": 3})
    module.Bot = type(
        "Bot", (module.Base,), {"chat": lambda self: self.run(), "Inner": type("Inner", (Bot.Inner,), {})}
    )
    module.search = lambda: "found"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_method_is_found_where_it_is_named(shop):
    """The owner is the class that the target names, the original is what the ``__dict__`` holds."""
    assert resolve("shop_for_tests:Bot.chat") == (shop.Bot, "chat", shop.Bot.__dict__["chat"])
    assert resolve("shop_for_tests:search") == (shop, "search", shop.search)


def test_an_inherited_method_is_found_in_the_base(shop):
    """A method of a base class is found, static ones still unbound; it would be set on the named class only."""
    owner, name, original = resolve("shop_for_tests:Bot.helper")
    assert (owner, name) == (shop.Bot, "helper")
    assert original is shop.Base.__dict__["helper"]
    assert isinstance(original, staticmethod)


def test_a_nested_class_is_found(shop):
    """Classes may stand inside classes."""
    assert resolve("shop_for_tests:Bot.Inner.deep").owner is shop.Bot.Inner


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("shop_for_tests.search", "expected package.module:function or package.module:Class.method"),
        ("shop_for_tests:Bot chat", "expected package.module:function or package.module:Class.method"),
        ("shop_for_tests:", "expected package.module:function or package.module:Class.method"),
        ("shop_for_test:search", "module 'shop_for_test' is not imported; did you mean 'shop_for_tests'?"),
        ("shop_for_tests:Boot.chat", "module 'shop_for_tests' has no 'Boot'; did you mean 'Bot'?"),
        ("shop_for_tests:Bot.chatt", "class 'shop_for_tests:Bot' has no 'chatt'; did you mean 'chat'?"),
        ("shop_for_tests:Base.zzz", "class 'shop_for_tests:Base' has no 'zzz'; it has helper, limit, run"),
        ("shop_for_tests:Base.limit", "is of type int, which cannot be called"),
        ("shop_for_tests:Base", "is a class; name a method of it, such as shop_for_tests:Base.__call__"),
    ],
)
def test_a_wrong_target_is_named_with_the_reason(shop, target, message):
    """The message holds the target, what is missing, and what there is instead."""
    with pytest.raises(TargetError) as caught:
        resolve(target)
    assert str(caught.value).startswith((target, repr(target)))
    assert message in str(caught.value)


def test_control_characters_do_not_reach_the_message():
    """A target with line breaks is shown in one line."""
    with pytest.raises(TargetError) as caught:
        resolve("a\nb:\x1b[31m")
    assert str(caught.value).isprintable()


def test_modules_are_imported_only_on_demand(tmp_path, monkeypatch):
    """Without being told to, nothing is imported; when told, a failing import is named."""
    (tmp_path / "postponed_module.py").write_text("def f(): pass")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TargetError, match="is not imported"):
        resolve("postponed_module:f")
    assert "postponed_module" not in sys.modules
    assert resolve("postponed_module:f", import_module=True).name == "f"
    with pytest.raises(TargetError, match="cannot be imported: No module named 'absent_for_tests'"):
        resolve("absent_for_tests:f", import_module=True)


def test_applying_twice_wraps_once(shop, observer, call):
    """`apply` sets the wrapper, and says that there was nothing to do the second time."""
    wrapper = functools.partial(wrap, call=call(), site="test")
    assert apply("shop_for_tests:Bot.chat", wrapper)
    assert not apply("shop_for_tests:Bot.chat", wrapper)
    assert shop.Bot().chat() == "run"
    assert observer.only.ends == ["stop"]


def test_a_subclass_whose_base_is_wrapped_needs_nothing(shop, call):
    """An inherited method that is observed already is not set on the subclass again."""
    wrapper = functools.partial(wrap, call=call(), site="test")
    assert apply("shop_for_tests:Base.run", wrapper)
    assert not apply("shop_for_tests:Bot.run", wrapper)
    assert "run" not in vars(shop.Bot)


def test_applying_to_a_subclass_leaves_the_base_alone(shop, observer, call):
    """Only calls through the named class are observed."""
    apply("shop_for_tests:Bot.run", functools.partial(wrap, call=call(), site="test"))
    assert shop.Base().run() == "run"
    assert observer.recordings == []
    assert shop.Bot().run() == "run"
    assert observer.only.operation.subject.__class__ is shop.Bot


def test_what_cannot_be_changed_is_named():
    """A type that is closed to changes gives a reason rather than a traceback."""
    with pytest.raises(TargetError, match=r"^builtins:str\.upper: class cannot be changed: .*immutable"):
        apply("builtins:str.upper", lambda _: print)
