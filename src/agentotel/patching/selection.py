"""Says what in a class or module a target means."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from agentotel.patching import matching

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agentotel.patching.targets import Target


def module_names(module_globals: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that a module goes by: its own first, and for ``__main__`` those that a user would write."""
    name = str(module_globals.get("__name__"))
    if name != "__main__":
        return (name,)
    names = [name]
    specification = getattr(module_globals.get("__spec__"), "name", None)
    if isinstance(specification, str):
        names.append(specification.removesuffix(".__main__"))
    file = module_globals.get("__file__")
    if isinstance(file, str):
        names.append(PurePath(file).stem)
    return tuple(names)


def namespace_of(module: object) -> dict[str, Any]:
    """Return the names of a module without waking it up: modules that load lazily do so when they are touched."""
    try:
        namespace = object.__getattribute__(module, "__dict__")
    except AttributeError:  # whatever a program puts into sys.modules
        return {}
    return namespace if isinstance(namespace, dict) else {}


def is_class(value: object) -> bool:
    """Whether `value` is a class, without asking it: a lazy object answers `isinstance` by loading something."""
    return issubclass(type(value), type)


def classes_defined_in(namespace: Mapping[str, Any], module: str) -> list[type]:
    """Return the classes of a module that it did not import from elsewhere."""
    return [value for value in namespace.values() if is_class(value) and value.__module__ == module]


def covers(target: Target, cls: type, module: Iterable[str]) -> bool:
    """Whether `target` names `cls`, whose module goes by the names `module`, or a method of it."""
    if not target.matches_module(module):
        return False
    return target.names_method_of(cls.__qualname__) or target.names_class(cls.__qualname__)


def meant_in_module(target: Target, module: str, namespace: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give the classes and functions of a module that a target names.

    What was only imported into the module counts where the target names it in full, not by a glob.
    """
    for name, value in tuple(namespace.items()):
        if name == target.qualified or (name == target.class_pattern and is_class(value)):
            yield name, value
        elif is_class(value):
            if matching.is_part_of(str(value.__module__), module) and covers(target, value, (target.module,)):
                yield name, value
        elif target.class_pattern is None and _is_function_meant(target, module, name, value):
            yield name, value


def _is_function_meant(target: Target, module: str, name: str, value: Any) -> bool:
    own = isinstance(value, partial) or getattr(value, "__module__", None) == module
    return own and matching.obstacle(value) is None and matches_publicly(name, target.qualified)


def meant_in_class(target: Target, cls: type) -> Iterator[tuple[str, Any]]:
    """Give the methods of `cls` itself that a target means: those it names, or all of its kind where it names none."""
    names_class = any(target.names_class(base.__qualname__) for base in cls.__mro__)
    for name, value in tuple(cls.__dict__.items()):
        if any(target.names_method_of(base.__qualname__) for base in cls.__mro__):
            if matches_publicly(name, target.last_pattern) and not isinstance(value, type):
                yield name, value
        elif names_class and name in matching.METHODS.get(target.kind, ()):
            yield name, value


def matches_publicly(name: str, pattern: str) -> bool:
    """Whether `pattern` means `name`; a glob means no private names unless it begins like one."""
    return fnmatchcase(name, pattern) and (pattern.startswith("_") or not name.startswith("_"))
