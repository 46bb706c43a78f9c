"""Proxies of returned objects that are not the result yet: streams, awaitables, raw responses, context managers.

A proxy has exactly the special methods that the real object has, and passes ``isinstance`` and every attribute.
"""

from __future__ import annotations

import functools
import inspect
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any, Final, cast

from agentotel._base.own_frames import leave_out
from agentotel.model.contract import Deferred
from agentotel.patching.stand_in import StandIn, class_for
from agentotel.patching.streams import observed_async_generator, observed_generator

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Hashable

    from agentotel.patching.open_call import OpenCall

    Settle = Callable[[OpenCall, Any], Any]


def observed_object(
    opened: OpenCall, real: Any, deferred: Deferred, settle: Settle, given: tuple[Any, Any] | None = None
) -> Any:
    """Return a proxy of `real` that ends `opened` when the real object gives its result or its end.

    Args:
        opened: The call that returned `real`.
        real: A stream, an awaitable, or anything that stands for a result.
        deferred: Which of its methods give the result, and after which none can come any more.
        settle: What to do with a result: it is observed by the same rules as a directly returned one.
        given: A value that is known to come out of the value methods, and what to give the user in its place.
    """
    proxy = _proxy_class(cast("Hashable", type(real)))(real, opened, deferred, settle, given)
    opened.watch(proxy)
    return proxy


def observed_coroutine(opened: OpenCall, inner: Any, then: Callable[[Any], Any]) -> Any:
    """Return a coroutine that runs `inner` with the operation current and gives what `then` makes of its result."""
    outer = _await(opened, inner, then)
    for name in ("__name__", "__qualname__"):  # what "was never awaited" names
        setattr(outer, name, getattr(inner, name, getattr(outer, name)))
    opened.unstarted = inner
    return outer


async def _await(opened: OpenCall, inner: Awaitable[Any], then: Callable[[Any], Any]) -> Any:
    opened.unstarted = None
    token = opened.activate()
    try:
        result = await inner
    except BaseException as error:
        leave_out(error)
        opened.fail(error)
        raise
    finally:
        opened.suspend(token)
    return then(result)


class _Observed(StandIn):
    """The proxy; its special methods are added by `_proxy_class`."""

    def __init__(
        self, real: Any, opened: OpenCall, deferred: Deferred, settle: Settle, given: tuple[Any, Any] | None
    ) -> None:
        super().__init__(real)
        self._self_opened = opened
        self._self_deferred = deferred
        self._self_settle = settle
        self._self_given = given
        self._self_kept: Any = None
        self._self_parts: dict[str, tuple[Any, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._self_real, name)
        deferred = self._self_deferred
        if name in deferred.value_methods and callable(attribute):
            return functools.wraps(attribute)(functools.partial(_run, self, attribute, _given))
        if name in deferred.end_methods and callable(attribute):
            return functools.wraps(attribute)(functools.partial(_run, self, attribute, _ended))
        ends = _ends_of_part(deferred, name)
        return _part(self, name, attribute, ends) if ends else attribute


# What follows works on the state that a proxy keeps under the prefix `_self_`: functions rather than methods,
# so that the proxy has no name of ours that the real object does not have.
# ruff: noqa: SLF001


def _given(proxy: _Observed, value: Any) -> Any:
    """Settle the first value that a value method returned; what else it returns later is another form of the same."""
    if value is proxy._self_real:
        return proxy
    if proxy._self_given is not None:
        real, observed = proxy._self_given
        return observed if value is real else value
    observed = proxy._self_settle(proxy._self_opened, value)
    if observed is not value:
        proxy._self_given = (value, observed)
    return observed


def _ended(proxy: _Observed, value: Any) -> Any:
    proxy._self_opened.close()
    return value


@functools.lru_cache(maxsize=1024)
def _ends_of_part(deferred: Deferred, name: str) -> tuple[str, ...]:
    """Return the end methods of the attribute `name`: ``close`` where ``response.close`` is one of the whole."""
    return tuple(method[len(name) + 1 :] for method in deferred.end_methods if method.startswith(f"{name}."))


def _part(proxy: _Observed, name: str, real: Any, ends: tuple[str, ...]) -> Any:
    """Return what the user gets for a part of the object that can end it too: the same as long as the part is."""
    known, observed = proxy._self_parts.get(name, (None, None))
    if known is not real or observed is None:
        deferred = Deferred(end_methods=ends)
        observed = _proxy_class(cast("Hashable", type(real)))(
            real, proxy._self_opened, deferred, proxy._self_settle, None
        )
        proxy._self_parts[name] = (real, observed)
    return observed


def _entered(proxy: _Observed, value: Any) -> Any:
    return proxy if value is proxy._self_real else value


def _iterating(proxy: _Observed, iterator: Any) -> Any:
    """Observe what ``iter`` or ``aiter`` of the real object returned, and keep the proxy alive beside it."""
    opened = proxy._self_opened
    if iterator is proxy._self_real:
        return proxy
    if opened.ended:
        return iterator
    if type(iterator) is GeneratorType:
        return observed_generator(opened, iterator, stream=proxy)
    if type(iterator) is AsyncGeneratorType:
        return observed_async_generator(opened, iterator, stream=proxy)
    nested_proxy = _proxy_class(cast("Hashable", type(iterator)))(
        iterator, opened, proxy._self_deferred, proxy._self_settle, None
    )
    nested_proxy._self_kept = proxy
    return nested_proxy


def _run(
    proxy: _Observed, method: Callable[..., Any], then: Callable[[_Observed, Any], Any], /, *args: Any, **kwargs: Any
) -> Any:
    """Call a method of the real object with the operation current; `then` sees its result, awaited if need be."""
    opened = proxy._self_opened
    token = opened.activate()
    try:
        result = method(*args, **kwargs)
    except BaseException as error:
        leave_out(error)
        opened.fail(error)
        raise
    finally:
        opened.suspend(token)
    if inspect.iscoroutine(result):
        return observed_coroutine(opened, result, functools.partial(then, proxy))
    return then(proxy, result)


def _iter(self: _Observed) -> Any:
    return _run(self, self._self_real.__iter__, _iterating)


def _aiter(self: _Observed) -> Any:
    return _run(self, self._self_real.__aiter__, _iterating)


def _next(self: _Observed) -> Any:
    opened = self._self_opened
    token = opened.activate()
    try:
        item = self._self_real.__next__()
    except StopIteration as end:
        leave_out(end)
        opened.finish()
        raise
    except BaseException as error:
        leave_out(error)
        opened.fail(error)
        raise
    finally:
        opened.suspend(token)
    opened.arrived(item)
    return item


async def _anext(self: _Observed) -> Any:
    opened = self._self_opened
    token = opened.activate()
    try:
        item = await self._self_real.__anext__()
    except StopAsyncIteration as end:
        leave_out(end)
        opened.finish()
        raise
    except BaseException as error:
        leave_out(error)
        opened.fail(error)
        raise
    finally:
        opened.suspend(token)
    opened.arrived(item)
    return item


def _await_special(self: _Observed) -> Generator[Any, Any, Any]:
    coroutine = _await(self._self_opened, self._self_real, functools.partial(_given, self))
    return coroutine.__await__()


def _enter(self: _Observed) -> Any:
    then = _given if "__enter__" in self._self_deferred.value_methods else _entered
    return _run(self, self._self_real.__enter__, then)


def _exit(self: _Observed, *exception: Any) -> Any:
    return _run(self, self._self_real.__exit__, _ended, *exception)


async def _aenter(self: _Observed) -> Any:
    then = _given if "__aenter__" in self._self_deferred.value_methods else _entered
    return await _await(self._self_opened, self._self_real.__aenter__(), functools.partial(then, self))


async def _aexit(self: _Observed, *exception: Any) -> Any:
    ended = functools.partial(_ended, self)
    return await _await(self._self_opened, self._self_real.__aexit__(*exception), ended)


_SPECIAL: Final = {
    "__iter__": _iter,
    "__next__": _next,
    "__aiter__": _aiter,
    "__anext__": _anext,
    "__await__": _await_special,
    "__enter__": _enter,
    "__exit__": _exit,
    "__aenter__": _aenter,
    "__aexit__": _aexit,
}


@functools.lru_cache(maxsize=1024)  # classes made at run time may come without end
def _proxy_class(kind: Any) -> type[_Observed]:
    return cast("type[_Observed]", class_for(kind, _Observed, _SPECIAL))
