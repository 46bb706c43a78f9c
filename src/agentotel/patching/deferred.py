"""What becomes of the object that an intercepted call returned: the result itself, or something that brings it later.

It is decided by the object, never by the function: a plain ``def`` may return a coroutine, an argument may turn the
result into a stream, and what a coroutine returns is looked at in the same way again.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import io
from asyncio import CancelledError
from enum import Enum, auto
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, cast

from agentotel._base.failopen import attempt
from agentotel.model.contract import Deferred
from agentotel.patching.proxies import observed_coroutine, observed_object
from agentotel.patching.streams import observed_async_generator, observed_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from agentotel.patching.open_call import OpenCall


class _Shape(Enum):
    """What kind of object a type makes."""

    PLAIN = auto()
    COROUTINE = auto()
    FUTURE = auto()
    GENERATOR = auto()
    ASYNC_GENERATOR = auto()
    STREAM = auto()
    AWAITABLE = auto()


_STREAM: Final = Deferred()
_AWAITABLE: Final = Deferred(value_methods=("__await__", "__aenter__"))
_NOT_YET: Final = frozenset((_Shape.COROUTINE, _Shape.FUTURE, _Shape.GENERATOR, _Shape.ASYNC_GENERATOR))


def settle(opened: OpenCall, result: Any) -> Any:
    """Return `result`, or what the user gets in its place so that `opened` ends when the real result is there.

    Args:
        opened: The call; a plain result ends it at once.
        result: What the user's function, coroutine or value method returned.
    """
    observed = attempt(opened.site.settle_site, _observe, opened, result)
    return result if observed is None else observed


def _observe(opened: OpenCall, result: Any) -> Any:
    if opened.ended:
        return result
    shape = _shape_of(result)
    if shape not in _NOT_YET and opened.site.call.deferred is not None:
        deferred = attempt(opened.site.deferred_site, opened.site.call.deferred, result)
        if deferred is not None:
            return _observe_deferred(opened, result, deferred)
    if shape is _Shape.PLAIN:
        opened.complete(result)
        return result
    return _OBSERVE[shape](opened, result)


def _shape_of(result: object) -> _Shape:
    return _shape(cast("Hashable", type(result)))


@functools.lru_cache(maxsize=1024)  # classes made at run time may come without end
def _shape(kind: Any) -> _Shape:
    by_base = (
        (io.IOBase, _Shape.PLAIN),  # an open file is an iterator too, but it is the result
        (GeneratorType, _Shape.GENERATOR),
        (AsyncGeneratorType, _Shape.ASYNC_GENERATOR),
        (collections.abc.Coroutine, _Shape.COROUTINE),
    )
    for base, shape in by_base:
        if issubclass(kind, base):
            return shape
    if hasattr(kind, "_asyncio_future_blocking"):  # as asyncio.isfuture does
        return _Shape.FUTURE
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return _Shape.STREAM
    return _Shape.AWAITABLE if hasattr(kind, "__await__") else _Shape.PLAIN


def _observe_coroutine(opened: OpenCall, inner: Any) -> Any:
    return observed_coroutine(opened, inner, functools.partial(settle, opened))


def _observe_generator(opened: OpenCall, inner: GeneratorType[Any, Any, Any]) -> Any:
    if inner.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE:  # made by @types.coroutine: to be awaited
        return _observe_coroutine(opened, inner)
    return observed_generator(opened, inner)


def _observe_future(opened: OpenCall, future: Any) -> Any:
    future.add_done_callback(functools.partial(attempt, opened.site.settle_site, _future_done, opened))
    return future


def _future_done(opened: OpenCall, future: Any) -> None:
    if future.cancelled():
        opened.fail(CancelledError())
        return
    # exception() would count as having looked at it, and silence asyncio's "exception was never retrieved".
    error = future._exception if hasattr(future, "_exception") else future.exception()  # noqa: SLF001
    if error is not None:
        opened.fail(error)
    elif _shape_of(future.result()) is _Shape.PLAIN:
        opened.complete(future.result())
    else:
        opened.finish()  # the user holds the future itself: what comes out of it cannot be replaced


def _observe_stream(opened: OpenCall, stream: Any) -> Any:
    return observed_object(opened, stream, _STREAM, settle)


def _observe_awaitable(opened: OpenCall, awaitable: Any) -> Any:
    return observed_object(opened, awaitable, _AWAITABLE, settle)


_OBSERVE: Final[dict[_Shape, Callable[[OpenCall, Any], Any]]] = {
    _Shape.COROUTINE: _observe_coroutine,
    _Shape.FUTURE: _observe_future,
    _Shape.GENERATOR: _observe_generator,
    _Shape.ASYNC_GENERATOR: observed_async_generator,
    _Shape.STREAM: _observe_stream,
    _Shape.AWAITABLE: _observe_awaitable,
}


def _observe_deferred(opened: OpenCall, result: Any, deferred: Deferred) -> Any:
    given = attempt(opened.site.deferred_site, _value_now, result, deferred) if deferred.ready else None
    if given is None:
        return observed_object(opened, result, deferred, settle)
    (value,) = given
    observed = settle(opened, value)
    if observed is value:
        return result
    return observed_object(opened, result, deferred, settle, (value, observed))


def _value_now(result: Any, deferred: Deferred) -> tuple[Any] | None:
    """Ask for the value that costs nothing; None when it has to be awaited, or cannot be had.

    A library may refuse it (an answer that does not fit the program's schema): so it will when the program asks.
    """
    try:
        value = getattr(result, deferred.value_methods[0])()
    except Exception:  # noqa: BLE001 - the library's error, raised again where the program asks
        return None
    if inspect.iscoroutine(value):
        value.close()
        return None
    return (value,)
