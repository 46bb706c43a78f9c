"""Explains, to the user who wrote it, why a target matches nothing."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from agentotel.patching import matching, selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agentotel.patching.targets import Target

_MOST_NAMES = 8


def never_imported(target: Target) -> str:
    """Say that no module of that name was imported."""
    if target.module_is_glob:
        return f"no module that was imported matches {target.module}"
    return f"the module {target.module} was never imported"


def functions_of_main(target: Target) -> str:
    """Say that a function of the program's main file cannot be patched from outside, and what to do."""
    decorator = {"model": "model_call"}.get(target.kind, target.kind)
    return (
        f"{target.module} runs as __main__, and a function of __main__ is called by the code that defines it before "
        f"anybody could patch it; decorate it with @agentotel.{decorator}, or move it into a module of its own"
    )


def explain(target: Target, module: str, namespace: Mapping[str, Any]) -> str:
    """Say why `target` matches nothing in a module that was imported.

    Args:
        target: What the user wrote.
        module: Full name of the module.
        namespace: Its ``__dict__``.
    """
    if target.class_pattern is None:
        return _no_such_name(target.last_pattern, module, namespace)
    classes = {value.__qualname__: value for value in namespace.values() if selection.is_class(value)}
    covered = [cls for qualname, cls in classes.items() if target.names_method_of(qualname)]
    if not covered:
        own = [name for name, cls in classes.items() if cls.__module__ == module]
        return f"{module} has no class {target.class_pattern}{_suggest(target.class_pattern, own, 'its classes are')}"
    return _no_such_method(target, module, covered)


def _no_such_name(name: str, module: str, namespace: Mapping[str, Any]) -> str:
    if name in namespace:
        return f"{module}:{name} {matching.obstacle(namespace[name]) or 'cannot be wrapped'}"
    names = [own for own, value in namespace.items() if callable(value) and not own.startswith("_")]
    return f"{module} has no function or class {name}{_suggest(name, names, 'it has')}"


def _no_such_method(target: Target, module: str, classes: Iterable[type]) -> str:
    method = target.last_pattern
    cls = next(iter(classes))
    inherited = next((base for base in cls.__mro__[1:] if method in base.__dict__), None)
    where = f"{module}:{cls.__qualname__}"
    if inherited is not None:
        owner = f"{inherited.__module__}:{inherited.__qualname__}"
        return f"{where} inherits {method} from {owner}; name that class instead ({target.kind}={owner}.{method})"
    if method in cls.__dict__:
        return f"{where}.{method} {matching.obstacle(cls.__dict__[method]) or 'cannot be wrapped'}"
    names = [name for name, value in cls.__dict__.items() if callable(value) and not name.startswith("_")]
    return f"{where} has no method {method}{_suggest(method, names, 'its methods are')}"


def _suggest(name: str, candidates: list[str], introduction: str) -> str:
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    if not candidates:
        return ""
    shown = ", ".join(sorted(candidates)[:_MOST_NAMES])
    return f"; {introduction} {shown}{', ...' if len(candidates) > _MOST_NAMES else ''}"
