"""Finds what a target such as ``package.module:Class.method`` names, and puts a wrapper in its place."""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentotel._base.errors import TargetError, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType


_MOST_NAMES_LISTED: Final = 12


class Resolved(NamedTuple):
    """Where a target stands.

    Attributes:
        owner: The module or class that the target names: where a wrapper has to be set.
        name: The name of the attribute.
        original: What stands there, or in a base class, as its ``__dict__`` holds it: static and class methods unbound.
    """

    owner: Any
    name: str
    original: Any


def split(target: str) -> tuple[str, str]:
    """Return the module and the path inside it that `target` names.

    Raises:
        TargetError: If it is not of the form ``package.module:name`` or ``package.module:Class.method``.
    """
    module, colon, path = target.partition(":")
    parts = [*module.split("."), *path.split(".")]
    if not colon or not all(part.isidentifier() for part in parts):
        raise TargetError(f"{printable(target)!r}: expected package.module:function or package.module:Class.method")
    return module, path


def resolve(target: str, *, import_module: bool = False) -> Resolved:
    """Return where `target` stands.

    Args:
        target: ``package.module:Class.method`` or ``package.module:function``.
        import_module: Whether to import the module. Otherwise it has to be imported already.

    Raises:
        TargetError: What is missing, what there is instead, or why it cannot be wrapped.
    """
    module_name, path = split(target)
    owner: Any = _module(target, module_name, import_module=import_module)
    *owners, name = path.split(".")
    seen = module_name
    for part in owners:
        owner = _attribute(target, owner, part, seen)
        seen = f"{seen}:{part}" if ":" not in seen else f"{seen}.{part}"
    original = _attribute(target, owner, name, seen)
    _check_callable(target, original)
    return Resolved(owner, name, original)


def apply(target: str, wrapper: Callable[[Any], Any], *, import_module: bool = False) -> bool:
    """Put ``wrapper(original)`` in the place of what `target` names.

    Args:
        target: As in `resolve`.
        wrapper: Makes the wrapped function, such as ``functools.partial(wrap, call=call, site="openai")``. What it
            returns unchanged, because it is wrapped already, is left alone: applying twice wraps once.
        import_module: As in `resolve`.

    Returns:
        Whether something was changed.

    Raises:
        TargetError: If the target cannot be found, or does not let itself be changed.
    """
    owner, name, original = resolve(target, import_module=import_module)
    wrapped = wrapper(original)
    if wrapped is original:
        return False
    try:
        setattr(owner, name, wrapped)
    except (AttributeError, TypeError) as error:
        raise TargetError(f"{target}: {_describe(owner)} cannot be changed: {error}") from error
    return True


def _module(target: str, name: str, *, import_module: bool) -> ModuleType:
    if import_module:
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise TargetError(f"{target}: module {name!r} cannot be imported: {error}") from error
    module = sys.modules.get(name)
    if module is None:
        raise TargetError(f"{target}: module {name!r} is not imported{_instead(name, sys.modules)}")
    return module


def _attribute(target: str, owner: Any, name: str, seen: str) -> Any:
    for namespace in _namespaces(owner):
        if name in namespace:
            return namespace[name]
    names = {known for namespace in _namespaces(owner) for known in namespace if not known.startswith("__")}
    raise TargetError(f"{target}: {_describe(owner)} {seen!r} has no {name!r}{_instead(name, names)}")


def _namespaces(owner: Any) -> list[Any]:
    if isinstance(owner, type):
        return [vars(base) for base in owner.__mro__]
    return [getattr(owner, "__dict__", {})]


def _check_callable(target: str, original: Any) -> None:
    if isinstance(original, type):
        raise TargetError(f"{target}: is a class; name a method of it, such as {target}.__call__")
    if not (callable(original) or isinstance(original, property) or hasattr(original, "__get__")):
        raise TargetError(f"{target}: is of type {type(original).__name__}, which cannot be called")


def _describe(owner: Any) -> str:
    if inspect.ismodule(owner):
        return "module"
    return "class" if isinstance(owner, type) else f"object of type {type(owner).__name__}"


def _instead(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    public = [found for found in names if not found.startswith("_")]
    if not public or len(public) > _MOST_NAMES_LISTED:
        return ""
    return f"; it has {', '.join(public)}"
