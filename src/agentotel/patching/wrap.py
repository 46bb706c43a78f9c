"""Wraps functions so that calling them is observed: signature, name, binding and result stay what they were."""

from __future__ import annotations

import copy
import pkgutil
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import wrapt

from agentotel._base.failopen import attempt
from agentotel._base.own_frames import leave_out
from agentotel.model.contract import Intercepted
from agentotel.patching import collected, observation
from agentotel.patching.deferred import settle
from agentotel.patching.open_call import CallSite, OpenCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentotel.model.contract import Call, Note, Observer, Recording

F = TypeVar("F")

# Generic in the stubs of wrapt 2 and not at run time in wrapt 1.
_FunctionBase: Any = wrapt.FunctionWrapper
_BoundBase: Any = wrapt.BoundFunctionWrapper


def wrap(function: F, call: Call, site: str) -> F:
    """Return `function` observed as one operation per call.

    Use it on functions, methods as they stand in the ``__dict__`` of their class, static and class methods,
    properties, and anything else that can be called. A function that is already observed is returned as it is.

    Args:
        function: What to wrap.
        call: What the adapter says about it.
        site: The adapter's name, under which errors of ours are counted.
    """
    if isinstance(function, property):
        return cast("F", _with_getter(function, wrap(function.fget, call, site)))
    if _is_wrapped(function, _ObservedFunction):
        return function
    return cast("F", _ObservedFunction(function, _interceptor(CallSite(call, site, _plain(function)))))


def wrap_note(function: F, note: Note, site: str) -> F:
    """Return `function` such that each call first tells the innermost open operation about itself.

    Arguments as in `wrap`. Outside of any operation it is a plain pass-through.
    """
    if _is_wrapped(function, _NotedFunction):
        return function
    return cast("F", _NotedFunction(function, _note_taker(note, f"{site}.note", _plain(function))))


def _interceptor(site: CallSite) -> Callable[..., Any]:
    nothing_waits, inject = collected.is_empty, site.call.inject

    def intercept(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        if not nothing_waits():
            collected.settle()
        observer = observation.observer()
        recording = None if observer is None else _start(observer, site, instance, args, kwargs)
        if recording is None:
            return wrapped(*args, **kwargs)
        opened = OpenCall(site, recording)
        if inject is not None:
            args, kwargs = attempt(site.inject_site, _injected, site, recording, instance, args, kwargs) or (
                args,
                kwargs,
            )
        token = opened.activate()
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            leave_out(error)
            opened.fail(error)
            raise
        finally:
            opened.suspend(token)
        return settle(opened, result)

    return intercept


def _start(observer: Observer, site: CallSite, instance: Any, args: Any, kwargs: Any) -> Recording | None:
    call = site.call
    intercepted = Intercepted(call.target, site.function, instance, args, kwargs)
    operation = attempt(site.request_site, call.request, intercepted)
    if operation is None:
        return None
    if operation.subject is None:
        operation.subject = instance
    operation.function = site.function
    return attempt("recorder.start", observer.start, operation)


def _injected(site: CallSite, recording: Recording, instance: Any, args: Any, kwargs: Any) -> Any:
    """Return the arguments with the headers of this operation in them."""
    assert site.call.inject is not None
    return site.call.inject(Intercepted(site.call.target, site.function, instance, args, kwargs), recording.headers())


def _note_taker(note: Note, site: str, function: Any) -> Callable[..., Any]:
    def tell(observer: Observer, instance: Any, args: Any, kwargs: Any) -> None:
        operation = observer.current()
        if operation is not None:
            note.note(operation, Intercepted(note.target, function, instance, args, kwargs))

    is_always_told = not note.of_content

    def intercept(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        observer = observation.observer()
        if observer is not None and (is_always_told or observer.wants_content):
            attempt(site, tell, observer, instance, args, kwargs)
        return wrapped(*args, **kwargs)

    return intercept


def _plain(function: Any) -> Any:
    """Return the function inside a static or class method and under wrappers of ours."""
    while isinstance(function, (_ObservedFunction, _NotedFunction)):
        function = function.__wrapped__
    return getattr(function, "__func__", function)


def _is_wrapped(function: Any, kind: type) -> bool:
    """Whether `function` is wrapped as `kind`, also under wrappers that others have put on top."""
    while isinstance(function, wrapt.FunctionWrapper):
        if type(function) is kind:
            return True
        function = function.__wrapped__
    return False


def _with_getter(prop: property, getter: Any) -> property:
    return prop if getter is prop.fget else property(getter, prop.fset, prop.fdel, prop.__doc__)


def _found(name: str) -> object:
    try:
        return pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        return None


class _BoundFunction(_BoundBase):  # type: ignore[misc]
    """A method of an object: pickled and copied as the method that it stands for."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        if isinstance(self.__wrapped__, MethodType):
            return self.__wrapped__.__reduce_ex__(protocol)
        return pkgutil.resolve_name, (f"{self.__wrapped__.__module__}:{self.__wrapped__.__qualname__}",)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        owner = getattr(self.__wrapped__, "__self__", None)
        if owner is None or isinstance(owner, type):
            return self
        return self._self_parent.__get__(copy.deepcopy(owner, memo), type(owner))


class _Function(_FunctionBase):  # type: ignore[misc]
    """A function: pickled by its name, and never copied, as functions are."""

    __bound_function_wrapper__ = _BoundFunction

    def __reduce_ex__(self, protocol: Any) -> Any:
        name = f"{self.__wrapped__.__module__}:{self.__wrapped__.__qualname__}"
        if _found(name) is self:
            return self.__wrapped__.__qualname__
        return pkgutil.resolve_name, (name,)  # wrapped under another name: the original stands under its own

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


class _ObservedFunction(_Function):
    """A function whose calls are operations."""


class _NotedFunction(_Function):
    """A function whose calls tell the open operation something."""
