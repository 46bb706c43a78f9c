"""Generators and async generators: the same behaviour as without us, and a recording that ends once."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentotel import patching
from agentotel._base import failopen
from agentotel.patching import open_call, wrap

TOPIC = contextvars.ContextVar("topic", default="none")


class ThrownError(Exception):
    """What the consumer throws in."""


def script(steps):
    """Return a generator function that does what `steps` say, and writes down what it is told."""

    def generator():
        told = []
        for step in steps:
            try:
                if step == "raise":
                    raise LookupError
                if step == "return":
                    return told
                told.append((yield step))
            except ThrownError:  # noqa: PERF203 - the point of the script
                if step == "refuse":
                    raise
                told.append("caught")
            except GeneratorExit:
                if step == "stubborn":
                    yield "still here"
                raise
        return told

    return generator


def async_script(steps):
    """The same as an async generator function (which has no return value)."""

    async def generator():
        told = []
        for step in steps:
            await asyncio.sleep(0)
            try:
                if step == "raise":
                    raise LookupError
                if step == "return":
                    return
                told.append((yield (step, tuple(told))))
            except ThrownError:
                if step == "refuse":
                    raise
                told.append("caught")
            except GeneratorExit:
                if step == "stubborn":
                    yield "still here"
                await asyncio.sleep(0)
                raise

    return generator


def outcome(function, *args):
    """Return what a call gave, as something that can be compared."""
    try:
        return "value", function(*args)
    except BaseException as error:
        return type(error), str(error), getattr(error, "value", None), type(error.__cause__)
    finally:
        del args  # a thrown exception that stays in a frame of its own traceback would keep the generator alive


async def async_outcome(function, *args):
    """The same for something that has to be awaited."""
    try:
        return "value", await function(*args)
    except BaseException as error:
        return type(error), str(error), type(error.__cause__)
    finally:
        del args  # as above


STEPS = st.lists(st.sampled_from(["a", "b", "refuse", "raise", "return", "stubborn"]), max_size=5)
MOVES = st.lists(
    st.sampled_from(
        [
            ("send", None),
            ("send", 1),
            ("throw", ThrownError),
            ("throw", GeneratorExit),
            ("throw", StopIteration),
            ("throw", StopAsyncIteration),
            ("close",),
        ]
    ),
    max_size=7,
)


SAME_FOR_ALL_EXAMPLES = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SAME_FOR_ALL_EXAMPLES
@given(steps=STEPS, moves=MOVES)
def test_a_generator_behaves_as_without_us(observer, call, current, steps, moves):
    """Any sequence of next, send, throw and close gives the same values, return value and errors, wrapped or bare."""
    observer.recordings.clear()
    bare, wrapped = script(steps)(), wrap(script(steps), call(), "test")()
    for name, *args in moves:
        assert outcome(getattr(wrapped, name), *fresh(args)) == outcome(getattr(bare, name), *fresh(args))
    close_quietly(wrapped)
    close_quietly(bare)
    del wrapped
    assert len(observer.only.ends) == 1
    assert current() is None


@SAME_FOR_ALL_EXAMPLES
@given(steps=STEPS, moves=MOVES)
def test_an_async_generator_behaves_as_without_us(observer, call, current, steps, moves):
    """The same for asend, athrow and aclose, each one in a task of its own."""
    observer.recordings.clear()

    async def play():
        bare, wrapped = async_script(steps)(), wrap(async_script(steps), call(), "test")()
        for name, *args in moves:
            method = f"a{name}"
            ours = await asyncio.create_task(async_outcome(getattr(wrapped, method), *fresh(args)))
            assert ours == await asyncio.create_task(async_outcome(getattr(bare, method), *fresh(args)))
        for generator in (wrapped, bare):
            for _ in range(2):
                await async_outcome(generator.aclose)

    asyncio.run(play())
    assert len(observer.only.ends) == 1
    assert current() is None


def fresh(args):
    """Make the exceptions that are to be thrown."""
    return [arg("x") if isinstance(arg, type) else arg for arg in args]


def close_quietly(generator):
    """Close also one that answers GeneratorExit with a value."""
    for _ in range(2):
        outcome(generator.close)


def test_it_is_a_generator_of_the_same_name(observer, call):
    """The returned object is a real generator with the name of the user's."""
    generator = wrap(script(["a"]), call(), "test")()
    assert inspect.isgenerator(generator)
    assert generator.__qualname__ == "script.<locals>.generator"
    generator = wrap(async_script(["a"]), call(), "test")()
    assert inspect.isasyncgen(generator)
    assert generator.__name__ == "generator"


def test_chunks_are_noted_as_they_come_and_folded_at_the_end(observer, call):
    """`chunk` runs after the stream, in order; the recording is told of each arrival at once."""
    stream = wrap(script(["a", "b"]), call(), "test")()
    assert next(stream) == "a"
    assert observer.only.journal.count("chunk") == 1
    assert observer.only.seen == []
    assert list(stream) == ["b"]
    assert observer.only.seen == ["a", "b"]
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


def test_long_streams_do_not_pile_up(observer, call, monkeypatch):
    """As soon as more chunks would be held than allowed, they are folded; none is lost, the order stays."""
    monkeypatch.setattr(open_call, "MOST_CHUNKS_HELD", 3)
    stream = wrap(lambda: (number for number in range(10)), call(), "test")()
    for _ in range(4):
        next(stream)
    assert observer.only.seen == [0, 1, 2]
    list(stream)
    assert observer.only.seen == list(range(10))


def test_one_bad_chunk_does_not_cost_the_others(lenient, call):
    """A chunk that cannot be folded is counted, and the others are still folded."""

    def fold(operation, piece):
        operation.scratch.append(10 // piece)

    assert list(wrap(lambda: (n for n in (5, 0, 2)), call(chunk=fold), "shop")()) == [5, 0, 2]
    assert lenient.only.seen == [2, 5]
    assert failopen.errors() == {"shop.chunk": 1}


def test_the_operation_is_current_only_while_the_generator_runs(observer, call, current):
    """The consumer's context is its own between two pieces, in each of two interleaved streams."""

    def talk():
        for _ in range(2):
            yield current()

    one, two = wrap(talk, call(), "test")(), wrap(talk, call(), "test")()
    seen = [(next(stream), current()) for stream in (one, two, one, two)]
    first, second = observer.recordings
    assert seen == [(first, None), (second, None), (first, None), (second, None)]


def test_context_variables_pass_in_both_directions(observer, call):
    """What the consumer sets between two pieces is seen by the generator, and the other way round."""

    def talk():
        yield TOPIC.get()
        TOPIC.set("from inside")
        yield TOPIC.get()

    stream = wrap(talk, call(), "test")()
    token = TOPIC.set("from outside")
    assert next(stream) == "from outside"
    next(stream)
    assert TOPIC.get() == "from inside"
    TOPIC.reset(token)


def test_leaving_the_loop_ends_the_recording(observer, call):
    """A consumer that breaks and lets go of the generator leaves an ended, abandoned recording with what came."""
    for _ in wrap(script(["a", "b"]), call(), "test")():
        break
    assert observer.only.ends == ["stop"]
    assert observer.only.seen == ["a"]
    assert observer.only.abandoned


def test_closing_ends_the_recording_at_once(observer, call):
    """An explicit close is no abandonment."""
    stream = wrap(script(["a", "b"]), call(), "test")()
    next(stream)
    stream.close()
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


def test_children_of_a_dropped_generator_end_before_it(observer, call):
    """The user's clean-up runs inside the operation that it belongs to."""
    ends = []

    def clean():
        try:
            yield 1
        finally:
            ends.append(list(observer.only.ends))

    next(wrap(clean, call(), "test")())
    assert ends == [[]]
    assert observer.only.ends == ["stop"]


@pytest.mark.parametrize("make", [script, async_script])
def test_a_generator_that_nobody_starts_is_abandoned(observer, call, make):
    """Dropping an unstarted generator ends the recording."""
    stream = wrap(make(["a"]), call(), "test")()
    assert observer.only.ends == []
    del stream
    assert observer.only.ends == ["stop"]
    assert observer.only.abandoned


def test_an_error_in_the_middle_fails_with_what_came(observer, call):
    """The very exception comes out, and the chunks before it are folded."""
    stream = wrap(script(["a", "raise"]), call(), "test")()
    with pytest.raises(LookupError) as caught:
        list(stream)
    assert observer.only.error is caught.value
    assert observer.only.ends == ["fail"]
    assert observer.only.seen == ["a"]


def test_a_generator_may_be_pulled_by_other_threads(observer, call, current):
    """Pieces pulled in another thread are recorded like any other, and leave that thread's context clean."""
    stream = wrap(script(["a", "b"]), call(), "test")()
    seen = []
    next(stream)
    worker = threading.Thread(target=lambda: seen.append((next(stream), current())))
    worker.start()
    worker.join()
    assert list(stream) == []
    assert seen == [("b", None)]
    assert observer.only.ends == ["stop"]


def test_async_chunks_come_from_any_task(observer, call, current):
    """Each piece may be pulled by a task of its own."""

    async def talk():
        for _ in range(2):
            await asyncio.sleep(0)
            yield current()

    async def main():
        stream = wrap(talk, call(), "test")()
        pieces = [await asyncio.create_task(stream.__anext__()) for _ in range(2)]
        await asyncio.create_task(stream.aclose())
        return pieces

    assert asyncio.run(main()) == [observer.only, observer.only]
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


@pytest.mark.parametrize("settled", [True, False])
def test_leaving_an_async_loop_ends_the_recording(observer, call, settled):
    """A dropped async generator is closed by the loop, in time or while it shuts down; both end the recording."""

    async def main():
        async for _ in wrap(async_script(["a", "b"]), call(), "test")():
            break
        if settled:
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(main())
    assert observer.only.ends == ["stop"]
    assert observer.only.abandoned
    assert observer.only.seen == [("a", ())]


def test_the_loop_closes_a_kept_async_generator_without_complaint(observer, call):
    """A generator whose clean-up awaits is closed once when the loop shuts down, although there are two of them."""
    complaints, cleaned, kept = [], [], []

    async def talk():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        kept.append(wrap(talk, call(), "test")())
        await kept[0].__anext__()

    asyncio.run(main())
    assert complaints == []
    assert cleaned == [True]
    assert observer.only.ends == ["stop"]


def test_an_async_generator_of_a_dead_loop_ends_too(observer, call):
    """A generator that is dropped when its loop is closed already still ends its recording."""
    kept = []

    async def talk():
        yield 1

    loop = asyncio.new_event_loop()

    async def main():
        kept.append(wrap(talk, call(), "test")())
        await kept[0].__anext__()

    loop.run_until_complete(main())
    loop.close()
    kept.clear()
    gc.collect()
    patching.settle_collected()
    assert len(observer.only.ends) == 1


def test_cancellation_in_the_middle_fails(observer, call):
    """A task that is cancelled while it waits for a piece fails the recording with that cancellation."""
    waiting = asyncio.Event()

    async def talk():
        yield 1
        waiting.set()
        await asyncio.Event().wait()

    async def consume():
        async for _ in wrap(talk, call(), "test")():
            pass

    async def main():
        task = asyncio.create_task(consume())
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert observer.only.ends == ["fail"]
    assert isinstance(observer.only.error, asyncio.CancelledError)
    assert observer.only.seen == [1]


def test_a_recorder_that_fails_on_each_piece_does_not_disturb_the_stream(lenient, call, monkeypatch):
    """Errors of the recorder between pieces are counted; the stream goes on."""
    for name in ("activate", "chunk"):
        monkeypatch.setattr(type(lenient.start(None)), name, lambda *_: 1 / 0)
    assert list(wrap(script(["a", "b"]), call(), "test")()) == ["a", "b"]
    assert failopen.errors() == {"recorder.activate": 4, "recorder.chunk": 2}


def test_streams_that_are_read_in_many_loops_do_not_pile_up(observer, call, monkeypatch):
    """A loop that is begun anew for each piece folds no later than one that goes on."""

    class Stream:
        def __init__(self) -> None:
            self.numbers = iter(range(10))

        def __iter__(self):
            yield from self.numbers

        def __next__(self) -> int:
            return next(self.numbers)

    monkeypatch.setattr(open_call, "MOST_CHUNKS_HELD", 3)
    stream = wrap(Stream, call(), "test")()
    for _ in range(4):
        next(iter(stream))
    assert observer.only.seen == [0, 1, 2]
    assert list(stream) == [4, 5, 6, 7, 8, 9]
    assert observer.only.seen == list(range(10))
