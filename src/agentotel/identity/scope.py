"""`context(...)`: the ids that hold inside a block, a function, a generator or a coroutine."""

from __future__ import annotations

import functools
import inspect
import types
from typing import TYPE_CHECKING, Any, TypeVar, cast

from opentelemetry.context import attach, get_current

from agentotel.identity.baggage import from_baggage
from agentotel.identity.current import current, with_identity
from agentotel.identity.fields import Identity, clean_fields, overridden

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
    from contextvars import Token

    from opentelemetry.context import Context

F = TypeVar("F", bound="Callable[..., Any]")


def context(
    *,
    request_id: object = None,
    user_id: object = None,
    tenant_id: object = None,
    session_id: object = None,
) -> IdentityScope:
    """Say who the operations inside are for.

    Use it as ``with`` or ``async with``, or as a decorator of a function of any kind. Nested contexts
    override only the fields that they name. Values that are no ids are reported and left out; nothing is
    ever raised.

    Args:
        request_id: The request; made here when neither this call nor anything around it names one.
        user_id: The end user.
        tenant_id: The customer that pays.
        session_id: The conversation or session.
    """
    given = {"request_id": request_id, "user_id": user_id, "tenant_id": tenant_id, "session_id": session_id}
    return IdentityScope(clean_fields(given))


class IdentityScope:
    """What `context` returns: a context manager (sync and async) and a decorator, usable any number of times.

    Args:
        fields: Ids by field name, already clean.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Remember the fields; nothing is current yet."""
        self._fields = fields
        self._entered: list[_Section] = []

    def __enter__(self) -> Identity:
        """Enter and return the identity that holds now."""
        section = _Section(self._fields)
        section.resume()
        self._entered.append(section)
        return section.identity

    def __exit__(self, *exc_info: object) -> None:
        """Put back what was current before."""
        # Several tasks may be inside the same object: leave the innermost entry that was made here.
        here = next((section for section in reversed(self._entered) if section.suspend()), None)
        if here is not None:
            self._entered.remove(here)

    async def __aenter__(self) -> Identity:
        """Enter and return the identity that holds now."""
        return self.__enter__()

    async def __aexit__(self, *exc_info: object) -> None:
        """Put back what was current before."""
        self.__exit__()

    def __call__(self, function: F) -> F:
        """Decorate `function`: every call gets a context of its own; the kind of function stays."""
        return cast("F", functools.wraps(function)(_wrapper(function, self._fields)))


class _Section:
    """One run of code under one identity, left and entered again as generators do at each ``yield``."""

    __slots__ = ("_inside", "_outside", "_token", "identity")

    def __init__(self, fields: Mapping[str, str]) -> None:
        outside = get_current()
        self.identity = overridden(current(outside) or from_baggage(outside), fields)
        self._outside = outside
        self._inside = with_identity(outside, self.identity)
        self._token: Token[Context] | None = None

    def resume(self) -> None:
        """Make what was current when the section was left (at first: its identity) current again."""
        self._outside = get_current()
        self._token = attach(self._inside)

    def suspend(self) -> bool:
        """Put back what was current at `resume`; False when that was in another thread or task.

        `opentelemetry.context.detach` is not used: for that harmless case it logs an error with a traceback.
        """
        token, inside = self._token, get_current()
        if token is None:
            return False
        try:
            token.var.reset(token)
        except (ValueError, RuntimeError, AttributeError):
            # Another context, or a runtime context without contextvars. A copy of ours is put right, too.
            if current(inside) is not self.identity:
                return False
            attach(self._outside)
        self._inside = inside
        self._token = None
        return True

    def __enter__(self) -> None:
        self.resume()

    def __exit__(self, *exc_info: object) -> None:
        self.suspend()


def _wrapper(function: Callable[..., Any], fields: Mapping[str, str]) -> Callable[..., Any]:
    """Return a function of the same kind as `function`: frameworks decide by it how to call."""
    if inspect.iscoroutinefunction(function):

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            return await _awaited(function(*args, **kwargs), _Section(fields))

        return coroutine
    if inspect.isgeneratorfunction(function):

        def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from _pulled(function(*args, **kwargs), _Section(fields)))

        return generator
    if inspect.isasyncgenfunction(function):
        return _async_generator_function(function, lambda: _Section(fields))

    def plain(*args: Any, **kwargs: Any) -> Any:
        section = _Section(fields)
        with section:
            result = function(*args, **kwargs)
        return _followed(result, section)

    return plain


def _followed(result: Any, section: _Section) -> Any:
    """Return `result`, put under `section` where it is code that has yet to run."""
    if isinstance(result, types.CoroutineType):
        return _awaited(result, section)
    if isinstance(result, types.GeneratorType):
        return _pulled(result, section)
    if isinstance(result, types.AsyncGeneratorType):
        return _async_generator_function(lambda: result, lambda: section)()
    return result


async def _awaited(coroutine: Coroutine[Any, Any, Any], section: _Section) -> Any:
    """Await `coroutine` under `section`."""
    with section:
        return await coroutine


def _pulled(generator: Generator[Any, Any, Any], section: _Section) -> Generator[Any, Any, Any]:
    """Run `generator`, each pull under `section`: between pulls nothing of it is current in the consumer."""
    step: Callable[[], Any] = functools.partial(generator.send, None)
    while True:
        with section:
            try:
                value = step()
            except StopIteration as stop:
                return stop.value
        try:
            sent = yield value
        except GeneratorExit:
            with section:
                generator.close()
            raise
        except BaseException as error:  # noqa: BLE001 - the consumer threw it: it belongs to the generator
            step = functools.partial(generator.throw, error)
        else:
            step = functools.partial(generator.send, sent)


def _async_generator_function(
    function: Callable[..., AsyncGenerator[Any, Any]], make_section: Callable[[], _Section]
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Do for async generators what `_pulled` does; they have no ``yield from``, so it is a whole function."""

    async def async_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator, section = function(*args, **kwargs), make_section()
        step: Callable[[], Any] = functools.partial(generator.asend, None)
        while True:
            with section:
                try:
                    value = await step()
                except StopAsyncIteration:
                    return
            try:
                sent = yield value
            except GeneratorExit:
                with section:
                    await generator.aclose()
                raise
            except BaseException as error:  # noqa: BLE001 - the consumer threw it: it belongs to the generator
                step = functools.partial(generator.athrow, error)
            else:
                step = functools.partial(generator.asend, sent)

    return async_generator
