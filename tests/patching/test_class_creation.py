"""Classes are seen as they are made, and class statements go on exactly as before."""

import abc
import builtins
import dataclasses
import functools
import subprocess
import sys

import pytest

from agentotel._base import failopen
from agentotel.patching.class_creation import ClassCreation


@pytest.fixture
def seen():
    """The names of the classes that are made in this module, while the hook is installed."""
    before = builtins.__build_class__
    names = []
    creation = ClassCreation(
        lambda module: module["__name__"] == __name__,
        lambda created: names.append((created.cls.__qualname__.rpartition(".")[2], created.undecorated)),
    )
    creation.install()
    yield names
    creation.uninstall()
    assert builtins.__build_class__ is before


class LooksAtItsCaller(type):
    def __new__(cls, name, bases, namespace):
        caller = sys._getframe(1)
        namespace["caller"] = (
            caller.f_code.co_name,
            caller.f_lineno,
            caller.f_globals is globals(),
            dict(caller.f_locals),
        )
        return super().__new__(cls, name, bases, namespace)


def test_decorated_and_plain_classes_are_told_apart(seen):
    """A class that a decorator is going to see is reported as such, before the decorator."""

    class Plain: ...

    @dataclasses.dataclass(slots=True)
    class Decorated:
        x: int

    assert seen == [("Plain", True), ("Decorated", False)]
    assert Decorated(3).x == 3


def test_a_metaclass_sees_the_frame_of_the_class_statement(seen):
    """Name, line, globals and locals of the calling frame are those of the user's code: pydantic needs them."""
    local_value = "here"

    class Made(metaclass=LooksAtItsCaller): ...

    name, line, same_globals, names = Made.caller
    assert name == "test_a_metaclass_sees_the_frame_of_the_class_statement"
    assert abs(line - sys._getframe().f_lineno) < 10
    assert same_globals
    assert names["local_value"] == local_value
    assert set(names) == {"seen", "local_value"}


def test_keyword_arguments_zero_argument_super_and_hooks_of_classes_work(seen):
    """Class keyword arguments, ``__init_subclass__``, ``__set_name__``, ``super()`` and ABCs behave as before."""
    told = []

    class Named:
        def __set_name__(self, owner, name):
            told.append(name)

    class Base(abc.ABC):
        def __init_subclass__(cls, flavour, **rest):
            super().__init_subclass__(**rest)
            told.append(flavour)

        @abc.abstractmethod
        def answer(self): ...

        def greet(self):
            return "hello"

    class Derived(Base, flavour="sweet"):
        named = Named()

        def answer(self):
            return super().greet() + __class__.__name__

    assert Derived().answer() == "helloDerived"
    assert told == ["named", "sweet"]
    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_libraries_are_built_without_a_frame_of_ours(seen):
    """For a module that is not interesting the caller of the metaclass is the class statement itself."""
    depth = []
    source = "class Made(metaclass=Meta): ..."

    class Meta(type):
        def __new__(cls, name, bases, namespace):
            depth.append(sys._getframe(1).f_code.co_filename)
            depth.append(sys._getframe(2).f_code.co_name)
            return super().__new__(cls, name, bases, namespace)

    exec(compile(source, "library.py", "exec"), {"__name__": "library", "Meta": Meta})
    assert depth == ["library.py", "test_libraries_are_built_without_a_frame_of_ours"]
    assert [name for name, _ in seen] == ["Meta"]


def test_an_error_in_the_class_body_is_the_users(seen):
    """What the class statement raises passes through, and nothing is reported."""
    with pytest.raises(ZeroDivisionError):

        class Broken:
            value = 1 / 0

    assert seen == []


def test_an_error_of_ours_does_not_reach_the_class_statement(monkeypatch):
    """What the listener raises is counted and forgotten."""
    monkeypatch.setattr(failopen, "_strict", False)
    creation = ClassCreation(lambda module: module["__name__"] == __name__, lambda created: 1 / 0)
    before = failopen.errors().get("patching.class_creation", 0)
    creation.install()
    try:

        class Fine: ...

    finally:
        creation.uninstall()
    assert Fine.__name__ == "Fine"
    assert failopen.errors()["patching.class_creation"] == before + 1


def test_it_composes_with_others_who_replace_the_builtin(seen):
    """Somebody else's replacement on top of ours still lets us see classes, and may be removed later than ours."""
    below = builtins.__build_class__
    calls = []

    def theirs(func, name, *bases, **kwargs):
        calls.append(name)
        return below(func, name, *bases, **kwargs)

    builtins.__build_class__ = theirs
    try:

        class Both: ...

    finally:
        builtins.__build_class__ = below
    assert calls == ["Both"]
    assert [name for name, _ in seen] == ["Both"]


def test_uninstalling_below_somebody_else_only_switches_off():
    """When ours is no longer on top it is left in the chain and passes everything on."""
    original = builtins.__build_class__
    names = []
    creation = ClassCreation(lambda module: True, lambda created: names.append(created.cls.__name__))
    creation.install()
    ours = builtins.__build_class__
    theirs = functools.partial(ours)
    builtins.__build_class__ = theirs
    try:
        creation.uninstall()
        assert builtins.__build_class__ is theirs

        class Unseen: ...

    finally:
        builtins.__build_class__ = original
    assert names == []


def test_importing_it_warns_of_nothing():
    """The template of the call is compiled without a warning on any version."""
    module = ClassCreation.__module__
    result = subprocess.run([sys.executable, "-W", "error", "-c", f"import {module}"], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_module_is_asked_about_once():
    """The verdict on a module is kept, so that the next class costs next to nothing."""
    asked = []
    creation = ClassCreation(lambda module: bool(asked.append(module["__name__"])), lambda created: None)
    for _ in range(3):
        creation.cares_about({"__name__": "boring"})
    assert asked == ["boring"]
