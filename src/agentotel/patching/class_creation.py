"""Sees every class of interesting modules at the moment it is made, before any decorator.

This module owns state: `install` replaces ``builtins.__build_class__`` for the whole process, `uninstall`
restores it.

A class statement calls ``builtins.__build_class__``. No other place sees the classes of ``__main__``, those
made inside functions, and the original that ``@dataclass(slots=True)`` copies. Two things keep this harmless:

- The replacement is an object whose ``__call__`` is a descriptor. For a module that is not interesting it
  hands out the original builtin, so that libraries run without any frame of ours.
- Metaclasses look at their caller's frame (pydantic resolves local types there, `enum` and `typing` the
  module), so for an interesting module the original is called from a frame with the names, file and line of
  the class statement.
"""

from __future__ import annotations

import builtins
import opcode
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentotel._base import failopen

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, FunctionType

    OnClass = Callable[["CreatedClass"], None]
    IsInteresting = Callable[[dict[str, Any]], bool]

_SITE: Final = "patching.class_creation"
_MAX_VERDICTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class CreatedClass:
    """A class that was just made.

    Attributes:
        cls: The class, as its metaclass returned it.
        module_globals: The global names of the module that the class statement stands in.
        undecorated: Whether it is certain that no decorator is going to see the class.
    """

    cls: type
    module_globals: dict[str, Any]
    undecorated: bool


class ClassCreation:
    """Calls `on_class` for each class that is made in an interesting module, until `uninstall`.

    Args:
        is_interesting: Tells it from the global names of a module; asked once per module name.
        on_class: Runs inside the fail-open guard: what it raises never reaches the class statement.
    """

    def __init__(self, is_interesting: IsInteresting, on_class: OnClass) -> None:
        self._is_interesting = is_interesting
        self._on_class = on_class
        self._verdicts: dict[str, bool] = {}
        self._hook: _BuildClass | None = None

    def install(self) -> None:
        """Begin to see classes; calls of a ``__build_class__`` that somebody else installed before go on to it."""
        if self._hook is None:
            self._hook = _BuildClass(builtins.__build_class__, self)
            builtins.__build_class__ = self._hook

    def uninstall(self) -> None:
        """Stop seeing classes. Where somebody replaced ``__build_class__`` after us, ours stays and passes on."""
        hook, self._hook = self._hook, None
        if hook is None:
            return
        hook.active = False
        if builtins.__build_class__ is hook:
            builtins.__build_class__ = hook.original

    def cares_about(self, module_globals: dict[str, Any]) -> bool:
        """Whether classes of this module are reported."""
        name = module_globals.get("__name__")
        verdict = self._verdicts.get(name) if isinstance(name, str) else False
        return self._decide(str(name), module_globals) if verdict is None else verdict

    def _decide(self, name: str, module_globals: dict[str, Any]) -> bool:
        verdict = bool(failopen.attempt(_SITE, self._is_interesting, module_globals))
        if len(self._verdicts) >= _MAX_VERDICTS:  # a program that makes up module names without end
            self._verdicts.clear()
        self._verdicts[name] = verdict
        return verdict

    def report(self, cls: object, module_globals: dict[str, Any], *, undecorated: bool) -> None:
        """Tell `on_class` about a class; what a metaclass returned instead of one is left alone."""
        if isinstance(cls, type):
            failopen.attempt(_SITE, self._on_class, CreatedClass(cls, module_globals, undecorated))


class _ChooseHowToBuild:
    """The ``__call__`` of `_BuildClass`: looked up first, called then, so that it can step aside in between."""

    def __get__(self, hook: _BuildClass | None, _: type | None = None) -> Callable[..., Any]:
        if hook is None:
            return _BuildClass.build
        if not hook.active:
            return hook.original
        # Under somebody else's replacement the calling frame is theirs: only `build` sees whose class it is.
        outermost = builtins.__build_class__ is hook
        if outermost and not hook.creation.cares_about(sys._getframe(1).f_globals):  # noqa: SLF001 - no other way to it
            return hook.original
        return hook.build


class _BuildClass:
    """What stands in for the builtin."""

    def __init__(self, original: Callable[..., Any], creation: ClassCreation) -> None:
        self.original = original
        self.creation = creation
        self.active = True

    __call__ = _ChooseHowToBuild()

    def build(self, func: FunctionType, /, *args: Any, **kwargs: Any) -> Any:
        """Make the class as the builtin does, and report it."""
        creation = self.creation
        module_globals = getattr(func, "__globals__", None)
        if module_globals is None or not creation.cares_about(module_globals):
            return self.original(func, *args, **kwargs)
        caller = sys._getframe(1)  # noqa: SLF001 - no other way to it
        look_alike = failopen.attempt(_SITE, _look_alike, caller, self.original, (func, *args), kwargs)
        if look_alike is None:
            cls = self.original(func, *args, **kwargs)
        else:
            cls = eval(look_alike, caller.f_globals, caller.f_locals)  # noqa: S307 - code of ours, made of constants
        creation.report(cls, module_globals, undecorated=_is_stored_next(caller))
        return cls


def _constants_template() -> CodeType:
    """Compile a call all of whose parts are constants, so that no name of ours enters the user's namespaces."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # "'str' object is not callable": it will not be a str
        return compile("'callee'(*'positional', **'named')", "<class statement>", "eval")


_TEMPLATE: Final = _constants_template()


def _look_alike(caller: FrameType, callee: object, positional: tuple[Any, ...], named: dict[str, Any]) -> CodeType:
    """Return code that calls `callee` and looks like `caller` to whoever inspects the stack."""
    parts = {"callee": callee, "positional": positional, "named": named}
    return _TEMPLATE.replace(
        co_consts=tuple(parts[constant] for constant in _TEMPLATE.co_consts),
        co_name=caller.f_code.co_name,
        co_filename=caller.f_code.co_filename,
        co_firstlineno=caller.f_lineno,
    )


def _is_stored_next(caller: FrameType) -> bool:
    """Whether the class statement binds the name at once: then there are no decorators."""
    return (failopen.attempt(_SITE, _next_operation, caller) or "").startswith("STORE_")


def _next_operation(caller: FrameType) -> str:
    code = caller.f_code.co_code
    for position in range(caller.f_lasti + 2, len(code), 2):
        name = opcode.opname[code[position]]
        if name not in {"CACHE", "EXTENDED_ARG"}:
            return name
    return ""
