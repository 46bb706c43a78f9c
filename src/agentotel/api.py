"""Decorators for those who would rather mark their agents, tools, model calls and steps in code.

They do what discovery does for classes that it finds: `agentotel.patching.discovery` leaves alone what is
marked. A marked function or method runs unchanged while nothing is recorded (no distro,
``OTEL_SDK_DISABLED``), and keeps its name, signature and kind (sync, async, generator, async generator). Each
works with and without arguments::

    @agent
    class Concierge:
        def chat(self, message): ...

    @tool(name="search", outcome="result.ok")
    def search_orders(text): ...

A decorated class has the methods of its kind wrapped (see `agentotel.patching.matching.METHODS`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from agentotel._base import failopen
from agentotel.adapters import own_classes
from agentotel.identity import context
from agentotel.patching import matching, targets
from agentotel.patching.wrap import wrap

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["agent", "context", "model_call", "step", "tool"]

F = TypeVar("F")

_logger: Final = logging.getLogger("agentotel")


@overload
def agent(function: F, /) -> F: ...
@overload
def agent(
    *, name: str | None = None, id: str | None = None, usage: str | None = None, outcome: str | None = None
) -> Callable[[F], F]: ...
def agent(function: Any = None, /, **options: str | None) -> Any:
    """Record each call as one run of an agent.

    Use it on a method or function that is a run, or on a class with ``chat``, ``run``, ``invoke`` or the
    like.

    Args:
        function: What to mark; a function, a method (also static, class and async ones) or a class.
        **options: ``name``: a name, or the path to it such as ``self.title``; ``id``, ``usage``, ``outcome``:
            where they stand, such as ``self.key``, ``result.meta.tokens``, ``result.ok``.
    """
    return _decorate("agent", function, options)


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(*, name: str | None = None, id: str | None = None, outcome: str | None = None) -> Callable[[F], F]: ...
def tool(function: Any = None, /, **options: str | None) -> Any:
    """Record each call as one execution of a tool.

    Use it on a method or function that is a tool, or on a class with ``execute``, ``run`` or ``invoke``.

    Args:
        function: As for `agent`.
        **options: As for `agent`; ``id`` is that of the call, such as ``arguments.call_id``.
    """
    return _decorate("tool", function, options)


@overload
def model_call(function: F, /) -> F: ...
@overload
def model_call(
    *, name: str | None = None, usage: str | None = None, outcome: str | None = None
) -> Callable[[F], F]: ...
def model_call(function: Any = None, /, **options: str | None) -> Any:
    """Record each call as one call of a model.

    Use it on a client of your own. SDKs that agentotel knows need no mark: the call would be seen there as
    well.

    Args:
        function: A function or method.
        **options: As for `agent`.
    """
    return _decorate("model", function, options)


@overload
def step(function: F, /) -> F: ...
@overload
def step(*, name: str | None = None, outcome: str | None = None) -> Callable[[F], F]: ...
def step(function: Any = None, /, **options: str | None) -> Any:
    """Record each call as a step: middleware, a guardrail, parsing, anything worth seeing on the time line.

    Args:
        function: A function or method.
        **options: As for `agent`.
    """
    return _decorate("step", function, options)


def _decorate(kind: str, function: Any, options: dict[str, str | None]) -> Any:
    given = {option: value for option, value in options.items() if value is not None}

    def decorate(target: Any) -> Any:
        marked = failopen.attempt(f"api.{kind}", _mark, kind, target, given)
        return target if marked is None else marked

    return decorate if function is None else decorate(function)


def _mark(kind: str, target: Any, options: dict[str, str]) -> Any:
    name, paths = _understood(kind, target, options)
    if isinstance(target, type):
        return _mark_class(kind, target, paths, name)
    reason = matching.obstacle(target)
    if reason is not None and not matching.is_abstract(target):
        _complain(kind, f"{_where(target)} {reason}; it stays as it is")
        return target
    return _wrapped(kind, target, _where(target), paths, name)


def _mark_class(kind: str, cls: type, paths: dict[str, str], name: str | None) -> type:
    allowed = matching.METHODS.get(kind, ())
    methods = [
        method for method in cls.__dict__ if method in allowed and matching.obstacle(cls.__dict__[method]) is None
    ]
    for method in methods:
        where = f"{_where(cls)}.{method}"
        type.__setattr__(cls, method, _wrapped(kind, cls.__dict__[method], where, paths, name))
    if not methods:
        hint = f"it has none of {', '.join(allowed)}" if allowed else "this decorator is for functions and methods"
        _complain(kind, f"the class {_where(cls)} stays as it is: {hint}; decorate the method itself")
    return cls


def _wrapped(kind: str, function: Any, where: str, paths: dict[str, str], name: str | None) -> Any:
    return wrap(function, own_classes.call(kind, where, paths, name), f"own_classes.{kind}")


def _understood(kind: str, target: Any, options: dict[str, str]) -> tuple[str | None, dict[str, str]]:
    """Return the name, if one was given rather than the path to it, and the paths that can be used."""
    name = options.get("name")
    given = {option: value for option, value in options.items() if option != "name" or _is_path(value)}
    paths: dict[str, str] = {}
    for option, path in given.items():
        problem = targets.problem_of_option(option, path)
        if problem:
            _complain(kind, f"{_where(target)}: {problem}")
        else:
            paths[option] = path
    return (None if name is None or "name" in given else name), paths


def _is_path(name: object) -> bool:
    return isinstance(name, str) and name.startswith(tuple(f"{root}." for root in targets.OPTIONS["name"]))


def _where(target: Any) -> str:
    function = getattr(target, "func", getattr(target, "__func__", target))
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', None) or '?'}:{qualname}"


def _complain(kind: str, what: str) -> None:
    decorator = "model_call" if kind == "model" else kind
    _logger.warning("agentotel: @agentotel.%s: %s", decorator, what)
