"""Generators and async generators that drive the user's ones, and record the pieces as they pass.

The operation is current only while the user's generator runs, never while the consumer holds the yielded piece: so
nothing leaks into the consumer's context, and each piece may be pulled by another task or thread.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from agentotel._base.own_frames import leave_out
from agentotel.patching.open_call import NOT_ACTIVE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator

    from agentotel.patching.open_call import OpenCall


def observed_generator(
    opened: OpenCall, inner: Generator[Any, Any, Any], stream: object = None
) -> Generator[Any, Any, Any]:
    """Return a generator that behaves as `inner` does: values, ``send``, ``throw``, ``close`` and return value.

    Args:
        opened: The call that returned `inner`.
        inner: The user's generator, not started yet.
        stream: The stream object that `inner` iterates over, if any. It is kept alive, and leaving the loop early
            does not end the recording then: the user may go on with a second loop.
    """
    generator = _drive(opened, inner, stream)
    _rename(generator, inner)
    if stream is None:
        opened.watch(generator)
    return generator


def observed_async_generator(
    opened: OpenCall, inner: AsyncGenerator[Any, Any], stream: object = None
) -> AsyncGenerator[Any, Any]:
    """Return an async generator that behaves as `inner` does; arguments as in `observed_generator`."""
    generator = _drive_async(opened, inner, stream)
    _rename(generator, inner)
    if stream is None:
        opened.watch(generator)
    return generator


def _rename(ours: Any, theirs: Any) -> None:
    ours.__name__ = theirs.__name__
    ours.__qualname__ = theirs.__qualname__


def _drive(opened: OpenCall, inner: Generator[Any, Any, Any], stream: object) -> Generator[Any, Any, Any]:
    send: Callable[[Any], Any] = inner.send
    resume, argument = send, None
    recording = opened.recording
    activate, suspend, arrived = recording.activate, recording.suspend, recording.chunk
    for keep in opened.keepers():
        try:  # what `OpenCall.activate` does: each call that is spared is spared for every piece
            token = activate()
        except Exception as error:  # noqa: BLE001 - the guard reports it
            token = opened.not_active(error)
        try:
            item = resume(argument)
        except StopIteration as end:
            opened.finish()
            return end.value
        except BaseException as error:
            leave_out(error)
            _broke_off(opened, error, stream)
            raise
        finally:
            argument = None  # an exception kept in a frame that its traceback names would be a cycle
            if token is not NOT_ACTIVE:
                try:
                    suspend(token)
                except Exception as error:  # noqa: BLE001 - the same
                    opened.not_suspended(error)
        if not opened.ended:
            try:
                arrived()
            except Exception as error:  # noqa: BLE001 - the same
                opened.not_timed(error)
            keep(item)
        try:
            argument = yield item
            resume = send
        except BaseException as error:  # noqa: BLE001 - thrown in by the consumer, GeneratorExit included: passed on
            resume, argument = inner.throw, error
        item = None


async def _drive_async(opened: OpenCall, inner: AsyncGenerator[Any, Any], stream: object) -> AsyncGenerator[Any, Any]:
    resume: Callable[[Any], Awaitable[Any]] = partial(_first_pull, inner)
    argument: Any = None
    is_closing = False
    while True:
        token = opened.activate()
        try:
            item = await resume(argument)
        except StopAsyncIteration:
            opened.finish()
            return
        except BaseException as error:
            leave_out(error)
            _broke_off(opened, error, stream, is_closing=is_closing)
            raise
        finally:
            argument = None  # as above
            opened.suspend(token)
        opened.arrived(item)
        try:
            argument = yield item
            resume = inner.asend
        except BaseException as error:  # noqa: BLE001 - thrown in by the consumer, GeneratorExit included: passed on
            resume, argument = inner.athrow, error
            # A closing that is cancelled before it has begun arrives as the cancellation.
            is_closing = isinstance(error, GeneratorExit) or stream is not None
        item = None


def _first_pull(inner: AsyncGenerator[Any, Any], argument: Any) -> Awaitable[Any]:
    """Start `inner` unseen by the event loop: ours, which closes it, is the one that the loop has to close.

    With both registered, ``loop.shutdown_asyncgens`` would close both at the same time, and one of the two attempts
    fails with "asynchronous generator is already running".
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        return inner.asend(argument)
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _broke_off(opened: OpenCall, error: BaseException, stream: object, *, is_closing: bool = False) -> None:
    # The event loop closes a generator that was dropped, and cancels the closing when the program is about to end.
    cleaning_up = (is_closing or not opened.products) and not isinstance(error, Exception)
    if not (isinstance(error, GeneratorExit) or cleaning_up):
        opened.fail(error)
    elif stream is None:
        opened.close()
