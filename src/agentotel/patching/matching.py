"""Decides, without configuration, which classes of the user's own code are agents, tools and pools.

It also tells the user's own code from libraries, and what in a class can be wrapped at all. Reads classes
only; runs nothing of the user's, and keeps no state but a cache of where libraries are installed.
"""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache, lru_cache, partial, partialmethod, singledispatchmethod
from pathlib import Path
from types import FunctionType
from typing import Any, Literal

Role = Literal["agent", "tool", "pool"]

AGENT_METHODS: tuple[str, ...] = (
    "chat", "achat", "chat_stream", "stream_chat", "astream_chat",
    "run", "arun", "run_sync", "run_async", "run_stream",
    "invoke", "ainvoke", "stream", "astream",
)  # fmt: skip
"""Methods of a class whose name ends in ``Agent`` that are one run of the agent."""

TOOL_METHODS: tuple[str, ...] = ("execute", "aexecute", "run", "arun", "invoke", "ainvoke")
"""Methods of a class whose name ends in ``Tool`` that are one execution of the tool."""

METHODS: dict[str, tuple[str, ...]] = {"agent": AGENT_METHODS, "tool": TOOL_METHODS}
"""The same by kind, also for a target or decorator that names a class without a method."""

POOL_LIMITS: tuple[str, ...] = ("max_size", "maxsize", "capacity")
"""Where a pool says how much it may hold."""

POOL_SIZES: tuple[str, ...] = ("size", "__len__")
"""Where a pool says how much it holds now."""

_SUFFIXES: tuple[tuple[str, Role], ...] = (("Agent", "agent"), ("Tool", "tool"), ("Pool", "pool"))
_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
_OWN_PACKAGE = __name__.partition(".")[0]
_DEMO_PACKAGE = f"{_OWN_PACKAGE}.demo"


@dataclass(frozen=True, slots=True)
class Match:
    """What a class is taken for, and why (a phrase for the user)."""

    role: Role
    why: str


def is_users_module(name: str, file: str | None) -> bool:
    """Whether a module is the user's own code rather than a library, the standard library or agentotel.

    Args:
        name: Its full name; ``__main__`` is always the user's.
        file: Its ``__file__``; a module without one is not the user's.
    """
    if name == "__main__" or is_part_of(name, _DEMO_PACKAGE):  # the demo is a user's program that ships with us
        return True
    if not file or is_part_of(name, _OWN_PACKAGE):
        return False
    return not is_library_file(file)


def is_part_of(module: str, package: str) -> bool:
    """Whether `module` is `package` or lies inside it."""
    return module == package or module.startswith(f"{package}.")


@lru_cache(maxsize=4096)
def is_library_file(file: str) -> bool:
    """Whether `file` lies where the interpreter or an installer puts libraries."""
    path = Path(os.path.normcase(os.path.abspath(file)))  # noqa: PTH100 - a symbolic link keeps the user's own view
    if not _LIBRARY_FOLDERS.isdisjoint(path.parts):
        return True
    return any(root in path.parents for root in _library_roots())


@cache
def _library_roots() -> frozenset[Path]:
    paths = sysconfig.get_paths()
    roots = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib") if paths.get(key)}
    roots.add(os.path.dirname(os.__file__))  # noqa: PTH120 - as the interpreter spells it
    everything = roots | {os.path.realpath(root) for root in roots}
    return frozenset(Path(os.path.normcase(root)) for root in everything)


def role_by_name(name: str) -> Role | None:
    """Return what a class of this name is taken for: ``SupportAgent``, ``_Agent`` and ``Agent`` are agents."""
    return next((role for suffix, role in _SUFFIXES if name.endswith(suffix)), None)


def match(cls: type) -> Match | None:
    """Return what `cls` is taken for, by its name or by that of a base class of the user's own code.

    Its own methods are not looked at: a class may take all of them from its base.
    """
    for base in cls.__mro__:
        role = role_by_name(base.__name__)
        if role is None or not is_users_class(base):
            continue
        if role == "pool" and not is_pool(cls):
            continue
        derived = "" if base is cls else f"derives from {base.__name__}, whose "
        return Match(role, f"{derived}name ends in {role.capitalize()}")
    return None


def is_users_class(cls: type) -> bool:
    """Whether `cls` is defined in the user's own code."""
    module = str(cls.__module__)
    return is_users_module(module, getattr(sys.modules.get(module), "__file__", None))


def is_pool(cls: type) -> bool:
    """Whether a class tells how much it holds and how much it may hold.

    Attributes that only ``__init__`` sets are found by their names in its code, so that nothing needs to run.
    """
    return _has_any(cls, POOL_LIMITS) and _has_any(cls, POOL_SIZES)


def _has_any(cls: type, names: tuple[str, ...]) -> bool:
    if any(hasattr(cls, name) for name in names):
        return True
    written = getattr(getattr(inspect.unwrap(cls.__init__), "__code__", None), "co_names", ())  # type: ignore[misc]
    # Not inspect.get_annotations: from Python 3.14 on it runs the user's annotations.
    annotated = [base.__dict__.get("__annotations__", {}) for base in cls.__mro__]  # noqa: RUF063
    return any(name in found for found in (written, *annotated) for name in names)


def is_protocol(cls: type) -> bool:
    """Whether `cls` is a ``typing.Protocol``: it describes a class and is none."""
    return bool(cls.__dict__.get("_is_protocol", False))


def is_abstract(value: Any) -> bool:
    """Whether a method only says what its subclasses have to implement."""
    return bool(getattr(value, "__isabstractmethod__", False))


def obstacle(value: Any) -> str | None:
    """Return why an attribute of a class or module cannot be wrapped as a call, or None when it can.

    Args:
        value: As it stands in ``__dict__``, so that descriptors are seen as they are.
    """
    if isinstance(value, property):
        return "is a property, and reading it is no operation"
    if isinstance(value, type):
        return "is a class"
    if is_abstract(value):
        return "is abstract; the classes that implement it are patched"
    if isinstance(value, FunctionType | classmethod | staticmethod | partial | partialmethod | singledispatchmethod):
        return None
    if not callable(value):
        return f"is not callable ({type(value).__name__})"
    return None
