"""What becomes of returned coroutines, futures, awaitables, and objects that stand for a result."""

from __future__ import annotations

import asyncio
import gc
import inspect
import io
import types
import warnings

import pytest

from agentotel import patching
from agentotel._base import failopen
from agentotel.model.contract import Deferred
from agentotel.patching import wrap


class Raw:
    """A raw response: the body is parsed on demand, once."""

    def __init__(self, value):
        self.value = value
        self.parsed = 0

    def parse(self, *, to=None):
        self.parsed += 1
        return self.value if to is None else to(self.value)

    async def aparse(self):
        await asyncio.sleep(0)
        return self.value

    def close(self):
        return "closed"


class Manager:
    """A context manager that sends the request when it is entered, like those of the openai package."""

    def __init__(self, enter):
        self.enter = enter
        self.left_with = None

    def __enter__(self):
        return self.enter()

    def __exit__(self, kind, *rest):
        self.left_with = kind

    async def __aenter__(self):
        return self.enter()

    async def __aexit__(self, kind, *rest):
        self.left_with = kind


class Handle:
    """Something that can be awaited and is no coroutine."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def deferring(**description):
    """Return a `Call.deferred` that describes the objects of this module so."""

    def deferred(result):
        return Deferred(**description) if isinstance(result, (Raw, Manager)) else None

    return deferred


def test_a_coroutine_is_recorded_to_its_end(observer, call, current):
    """The operation is current while the coroutine runs, not before; its result is the one that `response` sees."""

    async def answer():
        await asyncio.sleep(0)
        return current()

    async def main():
        coroutine = wrap(answer, call(), "test")()
        assert inspect.iscoroutine(coroutine)
        assert coroutine.__qualname__.endswith("answer")
        assert observer.only.ends == []
        assert current() is None
        return await coroutine, current()

    assert asyncio.run(main()) == (observer.only, None)
    assert observer.only.seen == [("response", observer.only)]
    assert observer.only.ends == ["stop"]


def test_a_plain_function_that_returns_a_coroutine_is_async_all_the_same(observer, call):
    """The returned object decides, not the function."""

    async def answer():
        return 42

    async def main():
        return await wrap(lambda: answer(), call(), "test")()  # noqa: PLW0108 - the lambda is the point

    assert asyncio.run(main()) == 42
    assert observer.only.seen == [("response", 42)]


def test_tasks_interleave_without_mixing(observer, call, current):
    """Concurrent calls each see their own operation, at every point."""

    async def answer(number):
        seen = []
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append(current())
        return number, seen

    async def main():
        return await asyncio.gather(*(wrap(answer, call(), "test")(number) for number in range(3)))

    for (number, seen), recording in zip(asyncio.run(main()), observer.recordings, strict=True):
        assert seen == [recording] * 3
        assert recording.seen == [("response", (number, seen))]


def test_a_cancelled_coroutine_fails(observer, call):
    """The cancellation is recorded and goes on."""

    async def main():
        task = asyncio.create_task(wrap(asyncio.sleep, call(), "test")(60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert isinstance(observer.only.error, asyncio.CancelledError)
    assert observer.only.ends == ["fail"]


def test_a_coroutine_that_is_never_awaited_warns_once(observer, call):
    """Python's own warning appears once and under the user's name; the recording ends as abandoned."""

    async def forgotten():
        pass

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        wrap(forgotten, call(), "test")()
        gc.collect()
        patching.settle_collected()
    messages = [str(warning.message) for warning in caught]
    assert messages == [f"coroutine '{forgotten.__qualname__}' was never awaited"]
    caught.clear()  # a warning of this kind holds the coroutine
    assert observer.only.ends == ["stop"]
    assert observer.only.abandoned


def test_a_closed_unstarted_coroutine_does_not_warn(observer, call):
    """Closing it first is the documented way to drop it in silence, and stays that."""

    async def dropped():
        pass

    wrap(dropped, call(), "test")().close()
    gc.collect()
    patching.settle_collected()
    assert observer.only.ends == ["stop"]


def test_a_coroutine_made_by_types_coroutine_can_be_awaited(observer, call):
    """A generator that is meant to be awaited is no stream."""

    @types.coroutine
    def old():
        yield from asyncio.sleep(0).__await__()
        return 42

    async def main():
        return await wrap(old, call(), "test")()

    assert asyncio.run(main()) == 42
    assert observer.only.seen == [("response", 42)]


def test_what_a_coroutine_returns_is_looked_at_again(observer, call):
    """An async function that returns an async generator is a stream."""

    async def pieces():
        yield 1
        yield 2

    async def create():
        return pieces()

    async def main():
        return [piece async for piece in await wrap(create, call(), "test")()]

    assert asyncio.run(main()) == [1, 2]
    assert observer.only.seen == [1, 2]
    assert observer.only.ends == ["stop"]


@pytest.mark.parametrize("end", ["result", "error", "cancel"])
def test_a_future_stays_the_same_object(observer, call, end):
    """A returned task is the user's own; its end is the recording's."""

    async def work():
        await asyncio.sleep(0)
        if end == "error":
            raise LookupError
        return 42

    async def main():
        task = asyncio.create_task(work())
        assert wrap(lambda: task, call(), "test")() is task
        if end == "cancel":
            task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]

    result = asyncio.run(main())
    assert observer.only.ends == ["stop" if end == "result" else "fail"]
    if end == "result":
        assert observer.only.seen == [("response", 42)]
    elif end == "error":
        assert observer.only.error is result
    else:
        assert isinstance(observer.only.error, asyncio.CancelledError)


def test_a_forgotten_error_of_a_future_is_still_reported(observer, call):
    """Looking at the exception of a future does not silence asyncio's complaint that nobody looked at it."""
    complaints = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context["message"]))
        future = wrap(loop.create_future, call(), "test")()
        future.set_exception(LookupError())
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()
    patching.settle_collected()
    assert observer.only.ends == ["fail"]
    assert complaints == ["Future exception was never retrieved"]


def test_other_awaitables_are_recorded_when_awaited(observer, call):
    """An object with ``__await__`` keeps its type and gives its result to `response`."""

    async def main():
        handle = wrap(lambda: Handle(42), call(), "test")()
        assert isinstance(handle, Handle)
        assert handle.value == 42
        assert observer.only.ends == []
        return await handle

    assert asyncio.run(main()) == 42
    assert observer.only.seen == [("response", 42)]
    assert observer.only.ends == ["stop"]


def test_an_awaitable_that_raises_fails(observer, call):
    """The error of an awaited object is recorded and comes out."""
    error = LookupError()

    async def main():
        await wrap(lambda: Handle(error), call(), "test")()

    with pytest.raises(LookupError) as caught:
        asyncio.run(main())
    assert caught.value is error
    assert observer.only.error is error


def test_an_awaitable_that_nobody_awaits_is_abandoned(observer, call):
    """Dropping it ends the recording."""
    wrap(lambda: Handle(42), call(), "test")()
    assert observer.only.abandoned
    assert observer.only.ends == ["stop"]


def test_an_open_file_is_a_result(observer, call):
    """A file is an iterator, but what a tool that opens it returns is the file itself."""
    file = io.StringIO("text")
    assert wrap(lambda: file, call(), "test")() is file
    assert observer.only.ends == ["stop"]


def test_a_ready_value_is_recorded_at_once(observer, call):
    """A raw response whose body is there comes back as the same object, and `response` sees what it holds."""
    raw = Raw(42)
    assert wrap(lambda: raw, call(deferred=deferring(value_methods=("parse",), ready=True)), "test")() is raw
    assert observer.only.seen == [("response", 42)]
    assert observer.only.ends == ["stop"]


def test_a_ready_stream_is_the_one_that_the_user_reads(observer, call):
    """When the ready value is a stream, the user's ``parse()`` gives the observed one, each time the same."""
    raw = Raw(piece for piece in (1, 2))
    proxy = wrap(lambda: raw, call(deferred=deferring(value_methods=("parse",), ready=True)), "test")()
    assert isinstance(proxy, Raw)
    stream = proxy.parse()
    assert proxy.parse() is stream
    assert proxy.parse(to=str).startswith("<generator")
    del proxy
    assert next(stream) == 1
    stream.close()
    assert observer.only.seen == [1]
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


def test_a_value_that_must_be_awaited_is_not_ready(observer, call):
    """An adapter that calls an async value ready is put right: nothing is left unawaited, the user awaits it."""
    raw = Raw(42)
    proxy = wrap(lambda: raw, call(deferred=deferring(value_methods=("aparse",), ready=True)), "test")()
    assert asyncio.run(proxy.aparse()) == 42
    assert observer.only.seen == [("response", 42)]


def test_a_ready_value_that_the_library_refuses_is_left_to_the_user(observer, call):
    """When reading ahead fails, that is no error of ours: the user's own call raises it and decides."""

    class Broken(Raw):
        def parse(self):
            raise LookupError

    proxy = wrap(lambda: Broken(1), call(deferred=deferring(value_methods=("parse",), ready=True)), "shop")()
    assert failopen.errors() == {}
    with pytest.raises(LookupError):
        proxy.parse()
    assert observer.only.ends == ["fail"]


def test_a_deferred_value_is_recorded_when_it_is_asked_for(observer, call, current):
    """`response` sees what the value method returned; asking again changes nothing."""
    raw = Raw(current)
    proxy = wrap(lambda: raw, call(deferred=deferring(value_methods=("parse",))), "test")()
    assert isinstance(proxy, Raw)
    assert observer.only.ends == []
    assert proxy.parse(to=lambda tell: tell()) is observer.only
    assert proxy.parse() is current
    assert proxy.parsed == 2
    assert observer.only.seen == [("response", observer.only)]
    assert observer.only.ends == ["stop"]


def test_an_async_value_method_is_recorded_when_awaited(observer, call):
    """The value counts when it is there, not when the coroutine is made."""

    async def main():
        proxy = wrap(lambda: Raw(42), call(deferred=deferring(value_methods=("aparse",))), "test")()
        pending = proxy.aparse()
        assert observer.only.ends == []
        return await pending

    assert asyncio.run(main()) == 42
    assert observer.only.seen == [("response", 42)]


def test_an_end_method_ends_it_without_a_value(observer, call):
    """After ``close`` no value can come; that is no abandonment."""
    proxy = wrap(lambda: Raw(42), call(deferred=deferring(value_methods=("parse",))), "test")()
    assert proxy.close() == "closed"
    assert observer.only.ends == ["stop"]
    assert observer.only.seen == []
    assert not observer.only.abandoned


def test_a_dropped_deferred_result_is_abandoned(observer, call):
    """Nobody asked for the value."""
    wrap(lambda: Raw(42), call(deferred=deferring(value_methods=("parse",))), "test")()
    assert observer.only.ends == ["stop"]
    assert observer.only.abandoned


def test_a_failing_value_method_fails(observer, call):
    """The error of a value method belongs to the operation."""

    class Broken(Raw):
        def parse(self):
            raise LookupError

    proxy = wrap(lambda: Broken(1), call(deferred=deferring(value_methods=("parse",))), "test")()
    with pytest.raises(LookupError) as caught:
        proxy.parse()
    assert observer.only.error is caught.value


def test_what_a_context_manager_gives_is_observed(observer, call):
    """A stream that ``__enter__`` returns is recorded, and leaving the block ends it."""
    deferred = deferring(value_methods=("__enter__",))
    manager = Manager(lambda: (piece for piece in (1, 2, 3)))
    with wrap(lambda: manager, call(deferred=deferred), "test")() as stream:
        assert next(stream) == 1
        assert observer.only.ends == []
    assert observer.only.ends == ["stop"]
    assert observer.only.seen == [1]
    assert not observer.only.abandoned


def test_an_async_context_manager_may_give_a_raw_response(observer, call):
    """What ``__aenter__`` returns is looked at by the same rules again: here it is parsed inside the block."""
    deferred = deferring(value_methods=("__aenter__", "parse"))

    async def main():
        async with wrap(lambda: Manager(lambda: Raw(42)), call(deferred=deferred), "test")() as raw:
            assert isinstance(raw, Raw)
            return raw.parse()

    assert asyncio.run(main()) == 42
    assert observer.only.seen == [("response", 42)]
    assert observer.only.ends == ["stop"]


def test_an_error_inside_the_block_is_the_consumers(observer, call):
    """The manager learns of it, the error comes out, and the recording ends without failing."""
    manager = Manager(lambda: Raw(42))
    with (
        pytest.raises(LookupError),
        wrap(lambda: manager, call(deferred=deferring(value_methods=("__enter__", "parse"))), "test")(),
    ):
        raise LookupError
    assert manager.left_with is LookupError
    assert observer.only.ends == ["stop"]
