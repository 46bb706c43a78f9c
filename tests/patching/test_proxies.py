"""Proxies of stream objects: the user's object in all that can be seen, and recorded to its end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from agentotel.model.contract import Call, Deferred
from agentotel.model.operations import Operation
from agentotel.patching import apply, wrap
from agentotel.patching.wrap import _plain

CHUNKS = 3

# openai 3 stands on httpx2, openai 2 on httpx, and both may be installed.
httpx = next(
    sys.modules[base.__module__] for base in openai.DefaultHttpxClient.__mro__ if base.__module__ in {"httpx", "httpx2"}
)


class Numbers:
    """A stream in the shape of those of the model SDKs: its own iterator, closable."""

    def __init__(self, count=CHUNKS, error=None):
        self.count = count
        self.error = error
        self.given = 0
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self):
        if self.given == self.count:
            raise self.error or StopIteration
        self.given += 1
        return self.given

    def close(self):
        self.closed = True


class Managed(Numbers):
    """The same as a context manager, iterated by a generator that leaves the position where it is."""

    def __iter__(self):
        while self.given < self.count:
            yield self.__next__()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class AsyncNumbers:
    """The async one, whose ``close`` is a coroutine function as in the openai package."""

    def __init__(self, count=CHUNKS):
        self.count = count
        self.given = 0
        self.closed = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        await asyncio.sleep(0)
        if self.given == self.count:
            raise StopAsyncIteration
        self.given += 1
        return self.given

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        await self.close()

    async def close(self):
        await asyncio.sleep(0)
        self.closed = True


class AsyncGenerated(AsyncNumbers):
    """The same, iterated by an async generator."""

    async def __aiter__(self):
        while self.given < self.count:
            yield await self.__anext__()


@pytest.fixture
def stream(observer, call):
    """Return an observed stream made by the given class."""
    return lambda make, *args, **kwargs: wrap(make, call(), "test")(*args, **kwargs)


@pytest.fixture
def make_stream(call):
    """The class as a function whose calls are observed."""
    return lambda make: wrap(lambda: make(), call(), "test")()  # noqa: PLW0108 - a class is no target


@pytest.mark.parametrize("make", [Numbers, Managed])
def test_a_stream_is_read_to_its_end(observer, make_stream, make):
    """All chunks come out, are folded in order, and the end of the stream is the end of the recording."""
    stream = make_stream(make)
    assert list(stream) == [1, 2, 3]
    assert observer.only.seen == [1, 2, 3]
    assert observer.only.journal.count("chunk") == CHUNKS
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


@pytest.mark.parametrize("make", [AsyncNumbers, AsyncGenerated])
def test_an_async_stream_is_read_to_its_end(observer, make_stream, make):
    """The same for async streams."""

    async def main():
        return [number async for number in make_stream(make)]

    assert asyncio.run(main()) == [1, 2, 3]
    assert observer.only.seen == [1, 2, 3]
    assert observer.only.ends == ["stop"]


def test_it_has_what_the_real_one_has_and_no_more(observer, make_stream):
    """Type, attributes and protocols are those of the real object."""
    stream = make_stream(Numbers)
    assert isinstance(stream, Numbers)
    assert isinstance(stream, Iterator)
    assert not isinstance(stream, AsyncIterator)
    assert iter(stream) is stream
    assert stream.count == CHUNKS
    assert hasattr(stream, "close")
    for missing in ("aclose", "__aiter__", "__anext__", "__await__", "nonsense"):
        assert not hasattr(stream, missing)
    stream.count = 1
    assert list(stream) == [1]


def test_pulling_by_hand_is_recorded_too(observer, make_stream, current):
    """``next`` on the object itself counts; the consumer's context stays clean."""
    stream = make_stream(Managed)
    assert next(stream) == 1
    assert current() is None
    assert list(stream) == [2, 3]
    assert observer.only.seen == [1, 2, 3]


def test_a_second_loop_goes_on_where_the_first_one_left(observer, make_stream):
    """Leaving a loop over a stream object does not end it as long as the object is kept."""
    stream = make_stream(Managed)
    for _ in stream:
        break
    assert observer.only.ends == []
    assert list(stream) == [2, 3]
    assert observer.only.seen == [1, 2, 3]
    assert observer.only.ends == ["stop"]


def test_a_stream_that_is_left_and_dropped_is_abandoned(observer, make_stream):
    """Leaving the loop and letting go of the stream ends the recording with what came."""
    for _ in make_stream(Managed):
        break
    assert observer.only.ends == ["stop"]
    assert observer.only.seen == [1]
    assert observer.only.abandoned


def test_a_with_block_gives_the_observed_stream(observer, make_stream):
    """``with stream as s`` is still recorded; leaving the block early ends it, as no abandonment."""
    with make_stream(Managed) as stream:
        next(stream)
    assert stream.closed
    assert observer.only.seen == [1]
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


def test_an_async_with_block_gives_the_observed_stream(observer, make_stream):
    """The same for ``async with``."""

    async def main():
        async with make_stream(AsyncGenerated) as stream:
            async for _ in stream:
                break
        return stream

    assert asyncio.run(main()).closed
    assert observer.only.seen == [1]
    assert observer.only.ends == ["stop"]
    assert not observer.only.abandoned


def test_closing_ends_it_when_it_is_closed(observer, make_stream):
    """A sync ``close`` ends it at once; what is read afterwards is not recorded any more."""
    stream = make_stream(Numbers)
    next(stream)
    stream.close()
    assert observer.only.ends == ["stop"]
    assert next(stream) == 2
    assert observer.only.seen == [1]


def test_an_async_close_ends_it_when_awaited(observer, make_stream):
    """An async ``close`` ends it when it has run."""

    async def main():
        stream = make_stream(AsyncNumbers)
        await stream.__anext__()
        closing = stream.close()
        assert observer.only.ends == []
        await closing
        assert observer.only.ends == ["stop"]

    asyncio.run(main())


def test_an_error_in_the_middle_fails_with_what_came(observer, call):
    """The very exception comes out."""
    error = LookupError()
    stream = wrap(lambda: Numbers(1, error), call(), "test")()
    with pytest.raises(LookupError) as caught:
        list(stream)
    assert caught.value is error
    assert observer.only.error is error
    assert observer.only.seen == [1]
    assert observer.only.ends == ["fail"]


def test_reading_past_the_end_is_as_without_us(observer, make_stream):
    """An exhausted stream says so again, and is not ended twice."""
    stream = make_stream(Numbers)
    list(stream)
    with pytest.raises(StopIteration):
        next(stream)
    assert observer.only.ends == ["stop"]


def test_an_iterator_of_another_type_is_followed(observer, call):
    """What ``iter`` of a stream returns may be any iterator, and keeps the stream alive."""

    class Indirect(Numbers):
        def __iter__(self):
            return Numbers()

    iterators = [iter(wrap(lambda: Indirect(), call(), "test")()) for _ in range(2)]  # noqa: PLW0108 - as above
    assert isinstance(iterators[0], Numbers)
    assert list(iterators[0]) == [1, 2, 3]
    next(iterators[1])
    iterators[1].close()
    assert [recording.seen for recording in observer.recordings] == [[1, 2, 3], [1]]
    assert [recording.ends for recording in observer.recordings] == [["stop"]] * 2
    assert [recording.abandoned for recording in observer.recordings] == [False, False]


def test_a_stream_that_outlives_the_program_is_ended(tmp_path):
    """A stream that is still open when the interpreter exits ends its recording then."""
    program = """
from agentotel.model.contract import Call
from agentotel.model.operations import AgentRun
from agentotel.patching import observe, wrap

class Recording:
    def __init__(self, operation): self.operation = operation
    def activate(self): return None
    def suspend(self, token): pass
    def chunk(self): pass
    def stop(self): print("stopped", self.operation.attributes)
    def fail(self, error): print("failed")

class Observer:
    def start(self, operation): return Recording(operation)

observe(Observer())
generator = wrap(lambda: (n for n in range(3)), Call("m:f", lambda call: AgentRun()), "test")()
stream = wrap(lambda: iter([1]), Call("m:f", lambda call: AgentRun()), "test")()
next(generator)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["stopped {'agentotel.abandoned': True}"] * 2
    assert done.stderr == ""


# --- the openai package itself, over a transport without a network ---


def completion(stream):
    """Return the body of an answer, streamed or not."""
    if not stream:
        message = {"role": "assistant", "content": "abc"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
        return json.dumps({**answer, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    lines = []
    for text in "abc":
        delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
        piece = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}
        lines.append(f"data: {json.dumps(piece)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n"])


def answer(sent):
    """Answer as the API does, streamed when that was asked for."""
    streamed = json.loads(sent.content).get("stream", False)
    kind = "text/event-stream" if streamed else "application/json"
    return httpx.Response(200, headers={"content-type": kind}, text=completion(streamed))


@pytest.fixture
def client(observer, call, monkeypatch):
    """A client whose ``create`` is observed as the adapter does it."""
    from openai.resources.chat.completions.completions import AsyncCompletions, Completions

    from agentotel.adapters.stainless import deferred

    for owner in (Completions, AsyncCompletions):
        # Whatever another test has patched is taken off, and put back after this one.
        monkeypatch.setattr(owner, "create", _plain(owner.__dict__["create"]))
        target = f"{owner.__module__}:{owner.__name__}.create"
        apply(target, lambda original: wrap(original, call(deferred=deferred), "openai"))
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        yield openai.OpenAI(api_key="none", http_client=http)


@pytest.fixture
def asks():
    """Run a coroutine function with an async client."""

    def run(use):
        async def main():
            async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
                return await use(openai.AsyncOpenAI(api_key="none", http_client=http).chat.completions)

        return asyncio.run(main())

    return run


ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def texts(pieces):
    """Return the text of each chunk."""
    return [piece.choices[0].delta.content for piece in pieces]


def test_openai_answer(observer, client):
    """A completion is the package's own object."""
    result = client.chat.completions.create(**ASKED)
    assert observer.only.seen == [("response", result)]
    assert observer.only.seen[0][1] is result


def test_openai_stream(observer, client):
    """A streamed completion is an `openai.Stream` and is folded chunk by chunk."""
    stream = client.chat.completions.create(**ASKED, stream=True)
    assert isinstance(stream, openai.Stream)
    assert stream.response.status_code == 200
    assert texts(stream) == ["a", "b", "c"]
    assert texts(observer.only.seen) == ["a", "b", "c"]
    assert observer.only.ends == ["stop"]


def test_openai_async_stream(observer, client, asks):
    """The same with the async client, whose ``create`` is a plain function that returns a coroutine."""

    async def use(completions):
        async with await completions.create(**ASKED, stream=True) as stream:
            assert isinstance(stream, openai.AsyncStream)
            return [piece async for piece in stream]

    assert texts(asks(use)) == ["a", "b", "c"]
    assert texts(observer.only.seen) == ["a", "b", "c"]
    assert observer.only.ends == ["stop"]


def test_openai_stream_helper(observer, client):
    """``stream()`` reads from the observed stream, and its final completion still comes."""
    with client.chat.completions.stream(**ASKED) as stream:
        assert stream.get_final_completion().choices[0].message.content == "abc"
    assert texts(observer.only.seen) == ["a", "b", "c"]
    assert observer.only.ends == ["stop"]


@pytest.mark.parametrize("streamed", [False, True])
def test_openai_raw_response(observer, client, streamed):
    """A raw response gives headers at once, and the parsed result or stream as before."""
    raw = client.chat.completions.with_raw_response.create(**ASKED, stream=streamed)
    assert raw.headers["content-type"]
    parsed = raw.parse()
    if streamed:
        assert texts(parsed) == ["a", "b", "c"]
        assert texts(observer.only.seen) == ["a", "b", "c"]
    else:
        assert raw.parse() is parsed
        assert observer.only.seen == [("response", parsed)]
    assert observer.only.ends == ["stop"]


def test_openai_streaming_response(observer, client, asks):
    """A streaming response is observed inside its block, sync and async."""
    with client.chat.completions.with_streaming_response.create(**ASKED) as response:
        result = response.parse()
    assert observer.only.seen == [("response", result)]
    assert observer.only.ends == ["stop"]
    observer.recordings.clear()

    async def use(completions):
        async with completions.with_streaming_response.create(**ASKED) as response:
            return await response.parse()

    result = asks(use)
    assert observer.only.seen == [("response", result)]
    assert observer.only.ends == ["stop"]


class Connection:
    """What a stream keeps open."""

    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1
        return "closed"


class Connected:
    """A stream whose connection may be closed behind its back."""

    def __init__(self):
        self.connection = Connection()

    def __iter__(self):
        return self

    def __next__(self):
        return 1


def test_a_part_of_a_stream_can_end_it(observer):
    """`connection.close` as an end method: the part passes for itself, and closing it ends the operation."""
    ends = Deferred(end_methods=("connection.close",))
    made = Connected()
    call = Call("m:f", request=lambda intercepted: Operation(), deferred=lambda result: ends)
    stream = wrap(lambda: made, call, "test")()
    next(stream)
    part = stream.connection
    assert isinstance(part, Connection)
    assert part is stream.connection
    assert part.closed == 0
    assert observer.only.ends == []
    assert part.close() == "closed"
    assert made.connection.closed == 1
    assert observer.only.ends == ["stop"]


def test_a_part_that_is_replaced_is_seen_anew(observer):
    """The part that the stream has now is the one that the user gets."""
    ends = Deferred(end_methods=("connection.close",))
    made = Connected()
    call = Call("m:f", request=lambda intercepted: Operation(), deferred=lambda result: ends)
    stream = wrap(lambda: made, call, "test")()
    before = stream.connection
    made.connection = Connection()
    assert stream.connection is not before
    stream.connection.close()
    assert made.connection.closed == 1
    assert observer.only.ends == ["stop"]
