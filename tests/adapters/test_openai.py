"""The openai adapter against the installed openai (the CI runs this with the oldest and the newest), over real HTTP."""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import threading
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from agentotel import patching
from agentotel.adapters.openai import ADAPTER
from agentotel.demo.model_server import (
    FunctionCall,
    Reply,
    completion,
    completion_stream,
    embeddings,
    failure,
    rate_limited,
    response,
    response_stream,
)
from agentotel.model.operations import ModelCall, ToolCall, Usage
from agentotel.patching.hooks import patch_adapter

patch_adapter(ADAPTER)

MODEL = "gpt-5-mini"
USAGE = {"input_tokens": 50, "output_tokens": 12, "cached_tokens": 30, "reasoning_tokens": 7}
EXACT = Usage(input_tokens=50, output_tokens=12, cache_read_tokens=30, reasoning_tokens=7)
QUESTION = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which city?"}]
CHAT = {"model": MODEL, "messages": QUESTION}
WITH_USAGE = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
RESPOND = {"model": MODEL, "input": "Which city?"}
WEATHER = FunctionCall("weather", {"city": "Bern"}, "call_7")
TOOL = {"type": "function", "function": {"name": "weather", "description": "Now", "parameters": {"type": "object"}}}


class City(BaseModel):
    name: str


@pytest.fixture(params=["sync", "async"])
def ask(request, observer):
    """Return a function that calls the model with a client of the sync, then of the async kind."""

    async def in_async(server, action, client_arguments):
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k", **client_arguments) as client:
            result = action(client)
            return await result if inspect.isawaitable(result) else result

    def run(server, action, **client_arguments):
        if request.param == "async":
            return asyncio.run(in_async(server, action, client_arguments))
        with openai.OpenAI(base_url=server.url, api_key="k", **client_arguments) as client:
            result = action(client)
            return _advance(result) if inspect.iscoroutine(result) else result

    return run


def _advance(coroutine):
    """Run a coroutine that never waits: code for both kinds of client, called with the sync one."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


async def settled(value):
    """Return `value`, awaited where the async client gave something to await."""
    return await value if inspect.isawaitable(value) else value


async def pieces(stream):
    """Return all pieces of a sync or async stream."""
    return [piece async for piece in stream] if hasattr(stream, "__aiter__") else list(stream)


async def first_piece(stream):
    """Return the first piece and leave the stream where it is."""
    return await stream.__anext__() if hasattr(stream, "__anext__") else next(stream)


@asynccontextmanager
async def entered(manager):
    """Enter a sync or async context manager from code for both."""
    if manager.__class__.__name__.startswith("Async"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


# --- what every kind of call records ---


def test_chat_completion_is_one_operation_with_exact_numbers(ask, serve, observer):
    """A chat completion gives one operation with its model, id, finish reason and the very token counts."""
    server = serve(completion("Bern", model="gpt-5-mini-2025", **USAGE))
    answer = ask(server, lambda client: client.chat.completions.create(**CHAT))
    operation = observer.operation
    assert answer.choices[0].message.content == "Bern"
    assert isinstance(operation, ModelCall)
    assert (operation.operation, operation.provider) == ("chat", "openai")
    assert (operation.request_model, operation.response_model) == (MODEL, "gpt-5-mini-2025")
    assert operation.response_id == answer.id
    assert operation.finish_reasons == ("stop",)
    assert operation.usage == EXACT
    assert operation.message_count == 2
    assert not operation.stream
    assert (operation.retries, operation.rate_limits) == (0, 0)
    assert (operation.server_address, operation.server_port) == ("127.0.0.1", server.port)
    assert operation.attributes == {
        "openai.api.type": "chat_completions",
        "openai.response.service_tier": "default",
        "openai.response.system_fingerprint": "fp_demo",
    }


def test_response_is_one_operation_with_exact_numbers(ask, serve, observer):
    """A call of the responses API gives one operation with the very token counts."""
    server = serve(response("Bern", **USAGE))
    answer = ask(server, lambda client: client.responses.create(**RESPOND))
    operation = observer.operation
    assert answer.output_text == "Bern"
    assert operation.usage == EXACT
    assert (operation.request_model, operation.response_id) == (MODEL, answer.id)
    assert operation.finish_reasons == ("stop",)
    assert operation.message_count == 1
    assert operation.attributes["openai.api.type"] == "responses"


def test_embeddings_are_an_operation_of_their_own(ask, serve, observer):
    """Embeddings count input tokens, and say dimensions and encoding."""
    server = serve(embeddings([[0.25, 0.5]], input_tokens=8))
    wanted = {"model": "e", "input": "x", "dimensions": 2, "encoding_format": "float"}
    answer = ask(server, lambda client: client.embeddings.create(**wanted))
    operation = observer.operation
    assert answer.data[0].embedding == [0.25, 0.5]
    assert (operation.operation, operation.usage) == ("embeddings", Usage(input_tokens=8))
    assert (operation.request_model, operation.response_model) == ("e", "text-embedding-3-small")
    assert operation.attributes["gen_ai.embeddings.dimension.count"] == 2
    assert operation.attributes["gen_ai.request.encoding_formats"] == ("float",)


def test_what_the_request_says_is_recorded(ask, serve, observer):
    """All parameters of a chat completion arrive under the conventions' names."""
    wanted = {
        "temperature": 0.5, "top_p": 0.9, "seed": 3, "n": 2, "max_completion_tokens": 99, "frequency_penalty": 0.1,
        "presence_penalty": 0.2, "stop": ["END", "FIN"], "reasoning_effort": "low", "service_tier": "flex",
        "response_format": {"type": "json_object"},
    }  # fmt: skip
    ask(serve(completion("{}", **USAGE)), lambda client: client.chat.completions.create(**CHAT, **wanted))
    operation = observer.operation
    assert (operation.temperature, operation.top_p, operation.seed) == (0.5, 0.9, 3)
    assert (operation.choice_count, operation.max_tokens) == (2, 99)
    assert (operation.frequency_penalty, operation.presence_penalty) == (0.1, 0.2)
    assert operation.stop_sequences == ("END", "FIN")
    assert (operation.reasoning_level, operation.output_type) == ("low", "json")
    assert operation.attributes["openai.request.service_tier"] == "flex"


def test_what_the_responses_request_says_is_recorded(ask, serve, observer):
    """The responses API has other names for the same, and knows conversations."""
    wanted = {
        "max_output_tokens": 99, "reasoning": {"effort": "high"}, "previous_response_id": "resp_0",
        "conversation": {"id": "conv_1"}, "text": {"format": {"type": "json_object"}},
    }  # fmt: skip
    ask(serve(response("{}", **USAGE)), lambda client: client.responses.create(**RESPOND, **wanted))
    operation = observer.operation
    assert (operation.max_tokens, operation.reasoning_level) == (99, "high")
    assert (operation.conversation_id, operation.output_type) == ("conv_1", "json")
    assert operation.attributes["gen_ai.request.previous_response.id"] == "resp_0"


@pytest.mark.parametrize("absent", [openai.NOT_GIVEN, getattr(openai, "omit", openai.NOT_GIVEN), None])
def test_values_that_mean_absent_are_absent(ask, serve, observer, absent):
    """``NOT_GIVEN``, ``omit`` and None are no values, whatever they are given for."""
    server = serve(completion("x", **USAGE), response("x", **USAGE))
    chat = ["temperature", "seed", "stop", "tools", "stream", "response_format", "reasoning_effort", "service_tier"]
    other = ["instructions", "conversation", "tools", "text", "reasoning", "previous_response_id", "service_tier"]

    async def both(client):
        await settled(client.chat.completions.create(**CHAT, **dict.fromkeys(chat, absent)))
        await settled(client.responses.create(model=MODEL, input=absent, **dict.fromkeys(other, absent)))

    ask(server, both)
    first, second = (recording.operation for recording in observer.recordings)
    for operation in (first, second):
        assert (operation.temperature, operation.seed, operation.stop_sequences) == (None, None, ())
        assert (operation.stream, operation.output_type, operation.reasoning_level) == (False, None, None)
        assert (operation.tool_definitions, operation.system_instructions) == (None, None)
        assert operation.conversation_id is None
        assert "openai.request.service_tier" not in operation.attributes
        assert "gen_ai.request.previous_response.id" not in operation.attributes
    assert (second.input_messages, second.message_count) == (None, None)


def test_extra_body_has_the_last_word(ask, serve, observer):
    """What is sent is what counts: ``extra_body`` replaces arguments of the same name."""
    server = serve(completion("x", **USAGE))
    wanted = {"max_completion_tokens": 5, "extra_body": {"max_completion_tokens": 7}}
    ask(server, lambda client: client.chat.completions.create(**CHAT, **wanted))
    assert observer.operation.max_tokens == 7
    assert server.requests[0].body["max_completion_tokens"] == 7


def test_parse_is_one_operation_and_keeps_its_result(ask, serve, observer):
    """Structured outputs of both APIs are parsed as ever, and say that they are JSON."""
    server = serve(completion('{"name": "Bern"}', **USAGE), response('{"name": "Bern"}', **USAGE))

    async def both(client):
        chat = await settled(client.chat.completions.parse(**CHAT, response_format=City))
        other = await settled(client.responses.parse(**RESPOND, text_format=City))
        return chat.choices[0].message.parsed, other.output_parsed

    assert ask(server, both) == (City(name="Bern"), City(name="Bern"))
    assert [recording.operation.output_type for recording in observer.recordings] == ["json", "json"]
    assert [recording.operation.usage for recording in observer.recordings] == [EXACT, EXACT]
    assert all(recording.events == ["stop"] for recording in observer.recordings)


def test_every_target_is_patched(ask, serve, observer):
    """Each target that is not optional exists in this version, and so do the places that tell about retries."""
    patch_adapter(ADAPTER)  # another test may have made the record of it forget
    ask(serve(embeddings([[1.0]], input_tokens=1)), _use_all)
    state = {report.target: report.status for report in patch_adapter(ADAPTER)}
    needed = [part.target for part in ADAPTER.calls if not part.optional] + [note.target for note in ADAPTER.notes]
    assert {target: state[target] for target in needed} == dict.fromkeys(needed, "patched")


def _use_all(client):
    """Import all resources: the SDK does it when a client is asked for them."""
    return [client.chat.completions, client.responses, client.embeddings]


def test_beta_responses_are_recorded_where_they_exist(ask, serve, observer):
    """The beta of the responses API, which is a class of its own, is recorded like the API itself."""
    pytest.importorskip("openai.resources.beta.responses", reason="this version has no such beta")
    ask(serve(response("Bern", **USAGE)), lambda client: client.beta.responses.create(**RESPOND))
    assert observer.operation.usage == EXACT


# --- streams ---


def test_chat_stream_is_recorded_to_its_end(ask, serve, observer):
    """A streamed chat completion is one operation that ends with the stream, with usage where it was asked for."""
    server = serve(completion_stream(["Be", "rn"], **USAGE, include_usage=True))

    async def read(client):
        stream = await settled(client.chat.completions.create(**WITH_USAGE))
        assert isinstance(stream, openai.Stream | openai.AsyncStream)
        assert stream.response.status_code == 200
        assert not observer.recordings[0].ended
        return await pieces(stream)

    chunks = ask(server, read)
    operation = observer.operation
    assert len(chunks) == observer.only.chunks == 5
    assert operation.stream
    assert operation.usage == EXACT
    assert (operation.response_id, operation.finish_reasons) == (chunks[0].id, ("stop",))
    assert operation.output_messages() == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Bern"}], "finish_reason": "stop"}
    ]


def test_stream_without_usage_counts_nothing_and_changes_no_request(ask, serve, observer):
    """Where the program did not ask for usage there is none, and nobody asks in its place."""
    server = serve(completion_stream(["x"], **USAGE, include_usage=False))

    async def read(client):
        return await pieces(await settled(client.chat.completions.create(**CHAT, stream=True)))

    ask(server, read)
    assert observer.operation.usage is None
    assert "stream_options" not in server.requests[0].body


def test_streamed_tool_calls_are_put_together(ask, serve, observer):
    """Pieces of several tool calls become whole calls with decoded arguments."""
    calls = [WEATHER, FunctionCall("time", {"zone": "CET"}, "call_8")]
    server = serve(completion_stream(tool_calls=calls, **USAGE, include_usage=True))

    async def read(client):
        return await pieces(await settled(client.chat.completions.create(**WITH_USAGE, tools=[TOOL])))

    ask(server, read)
    operation = observer.operation
    assert operation.finish_reasons == ("tool_calls",)
    assert operation.output_messages()[0]["parts"] == [
        {"type": "tool_call", "id": "call_7", "name": "weather", "arguments": {"city": "Bern"}},
        {"type": "tool_call", "id": "call_8", "name": "time", "arguments": {"zone": "CET"}},
    ]


def test_responses_stream_is_recorded_to_its_end(ask, serve, observer):
    """The last event of a streamed response carries the whole of it."""
    server = serve(response_stream(["Be", "rn"], tool_calls=[WEATHER], **USAGE))

    async def read(client):
        return await pieces(await settled(client.responses.create(**RESPOND, stream=True)))

    events = ask(server, read)
    operation = observer.operation
    assert observer.only.chunks == len(events)
    assert operation.usage == EXACT
    assert operation.finish_reasons == ("stop", "tool_calls")
    assert operation.response_id == events[0].response.id
    assert operation.output_messages()[0]["parts"] == [
        {"type": "text", "content": "Bern"},
        {"type": "tool_call", "id": "call_7", "name": "weather", "arguments": {"city": "Bern"}},
    ]


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("iterate", [True, False])
def test_stream_helper_counts_once(ask, serve, observer, api, iterate):
    """``stream()`` is one operation, whether its events are read or only its final result is asked for."""
    chat = api == "chat"
    made = completion_stream(["Bern"], **USAGE, include_usage=True) if chat else response_stream(["Bern"], **USAGE)

    async def read(client):
        resource = client.chat.completions if chat else client.responses
        options = {"stream_options": {"include_usage": True}} if chat else {}
        async with entered(resource.stream(**(CHAT if chat else RESPOND), **options)) as stream:
            if iterate:
                await pieces(stream)
            final = stream.get_final_completion() if chat else stream.get_final_response()
            return await settled(final)

    final = ask(serve(made), read)
    assert (final.choices[0].message.content if chat else final.output_text) == "Bern"
    assert observer.operation.usage == EXACT
    assert observer.operation.output_messages()[0]["parts"] == [{"type": "text", "content": "Bern"}]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_stream_that_is_closed_early_ends_with_what_had_arrived(ask, serve, observer, api):
    """Leaving the block of a stream ends its operation there; what had arrived is kept, usage stays unknown."""
    chat = api == "chat"
    made = (
        completion_stream(["Be", "rn"], **USAGE, include_usage=True) if chat else response_stream(["Be", "rn"], **USAGE)
    )

    async def read(client):
        resource = client.chat.completions if chat else client.responses
        stream = await settled(resource.create(**(CHAT if chat else RESPOND), stream=True))
        async with entered(stream):
            for _ in range(2 if chat else 5):
                await first_piece(stream)
        assert observer.only.ended

    ask(serve(made), read)
    operation = observer.operation
    assert operation.usage is None
    assert operation.response_id
    assert operation.finish_reasons == ()
    assert operation.output_messages()[0]["parts"] == [{"type": "text", "content": "Be"}]


def test_stream_helper_that_is_left_early_ends_at_once(ask, serve, observer):
    """The helper closes the HTTP response behind the stream's back, and the operation ends with it."""

    async def read(client):
        async with entered(client.chat.completions.stream(**CHAT)) as stream:
            await first_piece(stream)
        assert observer.only.ended

    ask(serve(completion_stream(["Be", "rn"], **USAGE, include_usage=False)), read)


def test_stream_that_nobody_reads_ends_when_it_is_gone(ask, serve, observer):
    """A stream that is dropped without being read does not stay open for ever."""

    async def drop(client):
        stream = await settled(client.chat.completions.create(**CHAT, stream=True))
        response = stream._self_real.response  # closed unseen: nothing is left open behind the test
        await settled(response.aclose() if hasattr(stream, "__aiter__") else response.close())

    ask(serve(completion_stream(["Bern"], **USAGE, include_usage=False)), drop)
    gc.collect()
    patching.settle_collected()
    assert observer.only.ended
    assert observer.operation.attributes["agentotel.abandoned"] is True


def test_stream_whose_response_is_closed_has_ended(ask, serve, observer):
    """Closing the response is how the helpers of the SDK leave a stream early: it ends then, and not abandoned."""

    async def leave(client):
        stream = await settled(client.chat.completions.create(**CHAT, stream=True))
        assert stream.response is stream.response
        assert stream.response.status_code == 200
        await settled(stream.response.aclose() if hasattr(stream, "__aiter__") else stream.response.close())
        assert observer.only.ended
        assert "agentotel.abandoned" not in observer.operation.attributes

    ask(serve(completion_stream(["Bern"], **USAGE, include_usage=False)), leave)


def test_connection_that_breaks_within_a_stream_is_a_failure(ask, serve, observer):
    """A stream whose connection is lost raises what it raises without us, and the operation has failed."""
    server = serve(Reply(chunks=completion_stream(["a", "b"], **USAGE, include_usage=False).chunks, cut_after=2))

    async def read(client):
        return await pieces(await settled(client.chat.completions.create(**CHAT, stream=True)))

    with pytest.raises(Exception) as raised:
        ask(server, read)
    assert observer.only.error is raised.value
    assert observer.only.chunks == 2


# --- raw and streaming responses ---


def test_raw_response_gives_the_very_object_that_it_parses(ask, serve, observer):
    """A raw response keeps type, headers and the identity of its parsed result, and is one operation."""

    async def read(client):
        raw = await settled(client.chat.completions.with_raw_response.create(**CHAT))
        assert type(raw).__name__ == "LegacyAPIResponse"
        assert raw.headers["x-request-id"] == "req_demo"
        assert raw.parse() is raw.parse()
        return raw.parse()

    answer = ask(serve(completion("Bern", **USAGE)), read)
    assert answer.choices[0].message.content == "Bern"
    assert (observer.operation.response_id, observer.operation.usage) == (answer.id, EXACT)


@pytest.mark.parametrize("resource", ["responses", "embeddings"])
def test_raw_responses_of_the_other_apis_are_recorded(ask, serve, observer, resource):
    """Responses and embeddings know raw responses as well."""
    made = response("Bern", **USAGE) if resource == "responses" else embeddings([[1.0]], input_tokens=50)
    arguments = {**RESPOND, "encoding_format": "float"} if resource == "embeddings" else RESPOND

    async def read(client):
        return (await settled(getattr(client, resource).with_raw_response.create(**arguments))).parse()

    ask(serve(made), read)
    assert observer.operation.usage.input_tokens == 50


def test_raw_response_of_a_stream_is_recorded_when_it_is_parsed(ask, serve, observer):
    """The stream that a raw response gives is observed like any other."""

    async def read(client):
        raw = await settled(client.chat.completions.with_raw_response.create(**WITH_USAGE))
        stream = await settled(raw.parse())
        assert isinstance(stream, openai.Stream | openai.AsyncStream)
        return await pieces(stream)

    chunks = ask(serve(completion_stream(["Be", "rn"], **USAGE, include_usage=True)), read)
    assert (observer.only.chunks, observer.operation.usage) == (len(chunks), EXACT)


@pytest.mark.parametrize("method", ["parse", "json", "text", "read"])
def test_streaming_response_is_recorded_however_its_body_is_read(ask, serve, observer, method):
    """``with_streaming_response`` reads its body later: parsed, as JSON, text or bytes, the counts are the same."""

    async def read(client):
        async with entered(client.chat.completions.with_streaming_response.create(**CHAT)) as raw:
            assert raw.headers["x-request-id"] == "req_demo"
            assert not observer.recordings[0].ended
            return await settled(getattr(raw, method)())

    result = ask(serve(completion("Bern", **USAGE)), read)
    assert "Bern" in (result.choices[0].message.content if method == "parse" else str(result))
    assert observer.operation.usage == EXACT


def test_streaming_response_of_a_stream_is_recorded(ask, serve, observer):
    """A stream inside ``with_streaming_response`` is observed to its end."""

    async def read(client):
        async with entered(client.chat.completions.with_streaming_response.create(**WITH_USAGE)) as raw:
            return await pieces(await settled(raw.parse()))

    chunks = ask(serve(completion_stream(["Be", "rn"], **USAGE, include_usage=True)), read)
    assert (observer.only.chunks, observer.operation.usage) == (len(chunks), EXACT)


def test_streaming_response_that_nobody_reads_ends_with_its_block(ask, serve, observer):
    """Leaving the block without reading the body ends the operation without counts."""

    async def read(client):
        async with entered(client.chat.completions.with_streaming_response.create(**CHAT)) as raw:
            assert raw.status_code == 200

    ask(serve(completion("Bern", **USAGE)), read)
    assert observer.operation.usage is None


def test_body_that_is_no_json_is_no_error_of_ours(ask, serve, observer):
    """Server-sent events that are read as one text have no counts, and disturb nobody."""

    async def read(client):
        async with entered(client.chat.completions.with_streaming_response.create(**CHAT, stream=True)) as raw:
            return await settled(raw.text())

    assert "[DONE]" in ask(serve(completion_stream(["x"], **USAGE, include_usage=False)), read)
    assert observer.operation.usage is None


# --- errors, retries, cancellation ---


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError"), (500, "InternalServerError")],
)
def test_error_status_reaches_the_program_and_the_recording(ask, serve, observer, status, error):
    """An error of the server is raised as ever, and is the one that is recorded."""
    server = serve(failure(status, "some_error", "no"))
    with pytest.raises(getattr(openai, error)) as raised:
        ask(server, lambda client: client.chat.completions.create(**CHAT), max_retries=0)
    assert observer.only.error is raised.value
    assert observer.only.events == ["fail"]
    assert (observer.operation.retries, observer.operation.rate_limits) == (0, 0)


def test_refused_connection_is_recorded(ask, serve, observer):
    """Where nobody listens the SDK's own connection error passes through."""
    server = serve(completion("x", **USAGE))
    server.stop()
    with pytest.raises(openai.APIConnectionError) as raised:
        ask(server, lambda client: client.chat.completions.create(**CHAT), max_retries=0)
    assert observer.only.error is raised.value


def test_timeout_is_recorded(ask, serve, observer):
    """A server that does not answer in time gives the SDK's timeout error."""
    hold = threading.Event()
    server = serve(Reply(hold=hold))
    with pytest.raises(openai.APITimeoutError) as raised:
        ask(server, lambda client: client.chat.completions.create(**CHAT), max_retries=0, timeout=0.2)
    hold.set()
    assert observer.only.error is raised.value


def test_retried_call_is_one_operation(ask, serve, observer):
    """A 429 and then an answer: one operation, one retry, one rate limit, and the tokens of the answer once."""
    server = serve(rate_limited(), completion("Bern", **USAGE))
    ask(server, lambda client: client.chat.completions.create(**CHAT))
    operation = observer.operation
    assert len(server.requests) == 2
    assert (operation.retries, operation.rate_limits) == (1, 1)
    assert operation.usage == EXACT


def test_retried_server_error_is_no_rate_limit(ask, serve, observer):
    """A retry after a 503 counts as a retry only; streams and the responses API are retried alike."""
    broken = failure(503, "overloaded", "later")
    server = serve(Reply(503, broken.body, headers={"retry-after-ms": "1"}), response_stream(["Bern"], **USAGE))

    async def read(client):
        return await pieces(await settled(client.responses.create(**RESPOND, stream=True)))

    ask(server, read)
    assert (observer.operation.retries, observer.operation.rate_limits) == (1, 0)
    assert observer.operation.usage == EXACT


def test_lost_connection_is_retried_within_one_operation(ask, serve, observer):
    """A connection that is dropped before the answer is one retry."""
    server = serve(Reply(cut_after=0), completion("Bern", **USAGE))
    ask(server, lambda client: client.chat.completions.create(**CHAT))
    assert (observer.operation.retries, observer.operation.rate_limits) == (1, 0)


def test_last_rate_limit_counts_too(ask, serve, observer):
    """When all tries are answered with 429, each of them counts, the last one included."""
    server = serve(rate_limited())
    with pytest.raises(openai.RateLimitError) as raised:
        ask(server, lambda client: client.chat.completions.create(**CHAT), max_retries=2)
    assert len(server.requests) == 3
    assert (observer.operation.retries, observer.operation.rate_limits) == (2, 3)
    assert observer.only.error is raised.value


def test_wrong_arguments_raise_the_error_of_the_sdk(ask, serve, observer):
    """The program gets the TypeError that it would get without us, and the operation has failed."""
    server = serve(completion("x", **USAGE))
    with pytest.raises(TypeError, match="messages"):
        ask(server, lambda client: client.chat.completions.create(model=MODEL))
    assert isinstance(observer.only.error, TypeError)
    assert server.requests == []


@pytest.mark.parametrize("streamed", [False, True])
def test_cancelled_call_ends_as_cancelled(serve, observer, streamed):
    """A task that is cancelled while it waits for the model ends its operation with the cancellation."""
    hold = threading.Event()
    chunks = completion_stream(["a", "b"], **USAGE, include_usage=False).chunks
    server = serve(Reply(chunks=chunks, hold=hold, hold_after=2) if streamed else Reply(hold=hold))

    async def wait_for_ever(client, arrived):
        if not streamed:
            arrived.set()
            return await client.chat.completions.create(**CHAT)
        async for _ in await client.chat.completions.create(**CHAT, stream=True):
            arrived.set()
        return None

    async def main():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k") as client:
            arrived = asyncio.Event()
            task = asyncio.create_task(wait_for_ever(client, arrived))
            await arrived.wait()
            await asyncio.to_thread(server.wait_for_requests, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    hold.set()
    assert isinstance(observer.only.error, asyncio.CancelledError)


@pytest.mark.parametrize(
    ("status", "finish_reasons", "failure_type"),
    [("incomplete", ("length",), None), ("failed", ("error",), "server_error")],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_responses_that_did_not_complete_say_so(ask, serve, observer, status, finish_reasons, failure_type, streamed):
    """The responses API tells failures by a value: the operation takes them over, streamed or not."""
    make = response_stream if streamed else response
    reply = make(["Be"] if streamed else "Be", **USAGE, status=status)
    if status == "failed":
        (reply.chunks[-1]["response"] if streamed else reply.body)["error"] = {"code": "server_error", "message": "no"}

    async def read(client):
        result = await settled(client.responses.create(**RESPOND, stream=streamed))
        return await pieces(result) if streamed else result

    ask(serve(reply), read)
    assert observer.operation.finish_reasons == finish_reasons
    assert observer.operation.failure == failure_type


def test_error_event_of_a_responses_stream_is_a_failure(ask, serve, observer):
    """An error in the middle of a streamed response is recorded under its code."""
    error = {"type": "error", "code": "rate_limit_exceeded", "message": "no", "param": None, "sequence_number": 2}
    reply = Reply(chunks=[*response_stream(["x"], **USAGE).chunks[:2], error])

    async def read(client):
        return await pieces(await settled(client.responses.create(**RESPOND, stream=True)))

    ask(serve(reply), read)
    assert observer.operation.failure == "rate_limit_exceeded"


# --- who and where ---


def test_concurrent_calls_do_not_mix(serve, observer):
    """Many calls at once, retried and streamed ones among them, each keep their own numbers."""

    def respond(request):
        number = int(request.body["messages"][0]["content"])
        tries = sum(made.body == request.body for made in server.requests)
        if number % 3 == 0 and tries == 1:
            return rate_limited()
        counts = {"input_tokens": number, "output_tokens": number + 1}
        if request.body.get("stream"):
            return completion_stream([str(number)], **counts, include_usage=True)
        return completion(str(number), **counts)

    server = serve(respond)

    async def one(client, number):
        arguments = {"model": MODEL, "messages": [{"role": "user", "content": str(number)}]}
        if number % 2:
            return await client.chat.completions.create(**arguments)
        stream = await client.chat.completions.create(**arguments, stream=True, stream_options={"include_usage": True})
        return await pieces(stream)

    async def main():
        async with openai.AsyncOpenAI(base_url=server.url, api_key="k") as client:
            await asyncio.gather(*(one(client, number) for number in range(1, 13)))

    asyncio.run(main())
    seen = {r.operation.usage.input_tokens: r.operation for r in observer.recordings}
    assert sorted(seen) == list(range(1, 13))
    for number, operation in seen.items():
        assert operation.usage.output_tokens == number + 1
        assert operation.output_messages()[0]["parts"][0]["content"] == str(number)
        assert (operation.retries, operation.rate_limits) == ((1, 1) if number % 3 == 0 else (0, 0))


def test_retries_of_other_requests_do_not_count(serve, observer):
    """A retry inside a tool that lists models is nobody's model call."""
    server = serve(rate_limited(), Reply(body={"object": "list", "data": []}))
    with openai.OpenAI(base_url=server.url, api_key="k") as client:
        recording = observer.start(ToolCall(name="list"))
        token = recording.activate()
        client.models.list()
        recording.suspend(token)
        recording.stop()
    assert len(server.requests) == 2
    assert isinstance(observer.operation, ToolCall)


@pytest.mark.parametrize(
    ("base_url", "provider", "address", "port"),
    [
        ("https://api.openai.com/v1", "openai", "api.openai.com", 443),
        ("https://api.deepseek.com", "deepseek", "api.deepseek.com", 443),
        ("https://api.groq.com/openai/v1", "groq", "api.groq.com", 443),
        ("https://api.x.ai/v1", "x_ai", "api.x.ai", 443),
        ("https://openrouter.ai/api/v1", "openrouter", "openrouter.ai", 443),
        ("https://res.openai.azure.com/openai/v1/", "azure.ai.openai", "res.openai.azure.com", 443),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini",
         "generativelanguage.googleapis.com", 443),
        ("http://localhost:8000/v1", "openai", "localhost", 8000),
        ("http://vllm/v1", "openai", "vllm", 80),
    ],
)  # fmt: skip
def test_provider_is_known_by_the_host(observer, base_url, provider, address, port):
    """Who speaks the protocol is told by the base URL; an unknown host counts as OpenAI's own protocol."""
    with openai.OpenAI(base_url=base_url, api_key="k", max_retries=0) as client, pytest.raises(TypeError):
        client.chat.completions.create(model=MODEL)
    operation = observer.operation
    assert (operation.provider, operation.server_address, operation.server_port) == (provider, address, port)


def test_azure_is_known_by_its_client(serve, observer):
    """An Azure client is Azure, wherever it connects to."""
    server = serve(completion("Bern", **USAGE))
    azure = {"azure_endpoint": server.url, "api_version": "2024-10-21", "api_key": "k"}
    with openai.AzureOpenAI(**azure) as client:
        client.chat.completions.create(**CHAT)
    assert observer.operation.provider == "azure.ai.openai"
    assert observer.operation.usage == EXACT


# --- content ---


def test_content_is_read_only_when_it_is_asked_for(ask, serve, observer):
    """Messages that were sent become messages with parts: texts, images, tool calls and their results."""
    called = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": "7 degrees"},
    ]  # fmt: skip
    server = serve(completion(tool_calls=[WEATHER], **USAGE))
    answer = ask(server, lambda client: client.chat.completions.create(model=MODEL, messages=messages, tools=[TOOL]))
    messages.append(answer.choices[0].message)
    operation = observer.operation
    assert operation.input_messages() == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [
            {"type": "text", "content": "What is this?"},
            {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ]},
        {"role": "assistant", "parts": [
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Bern"}},
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "7 degrees"}]},
    ]  # fmt: skip
    sent_back = {"type": "tool_call", "id": "call_7", "name": "weather", "arguments": {"city": "Bern"}}
    assert operation.output_messages() == [{"role": "assistant", "parts": [sent_back], "finish_reason": "tool_calls"}]
    assert operation.tool_definitions() == [
        {"type": "function", "name": "weather", "description": "Now", "parameters": {"type": "object"}}
    ]
    assert operation.message_count == 4


def test_answers_that_are_sent_back_are_read_as_objects(ask, serve, observer):
    """Programs put the SDK's own message objects into the next request."""
    server = serve(completion("thinking", tool_calls=[WEATHER], **USAGE), completion("7 degrees", **USAGE))

    async def twice(client):
        answer = await settled(client.chat.completions.create(**CHAT))
        messages = [*QUESTION, answer.choices[0].message]
        await settled(client.chat.completions.create(model=MODEL, messages=messages))

    ask(server, twice)
    second = observer.recordings[1].operation.input_messages()
    assert second[-1] == {"role": "assistant", "parts": [
        {"type": "text", "content": "thinking"},
        {"type": "tool_call", "id": "call_7", "name": "weather", "arguments": {"city": "Bern"}},
    ]}  # fmt: skip


def test_content_of_the_responses_api_is_complete(ask, serve, observer):
    """Instructions, items of input and output, and flat tools of the responses API are mapped to the same shapes."""
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Bern"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "7 degrees"},
    ]
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}
    wanted = {"model": MODEL, "input": items, "instructions": "Be brief.", "tools": [tool]}
    ask(serve(response("7", **USAGE)), lambda client: client.responses.create(**wanted))
    operation = observer.operation
    assert operation.message_count == 3
    assert operation.system_instructions() == [{"type": "text", "content": "Be brief."}]
    assert [message["role"] for message in operation.input_messages()] == ["user", "assistant", "tool"]
    assert [message["parts"][0]["type"] for message in operation.input_messages()] == [
        "text", "tool_call", "tool_call_response",
    ]  # fmt: skip
    assert operation.output_messages()[0]["parts"] == [{"type": "text", "content": "7"}]
    assert operation.tool_definitions() == [tool]


def test_an_iterator_of_messages_is_left_to_the_sdk(ask, serve, observer):
    """Messages that can be read only once are read by the SDK, not by us."""
    server = serve(completion("Bern", **USAGE))
    ask(server, lambda client: client.chat.completions.create(model=MODEL, messages=iter(QUESTION)))
    assert server.requests[0].body["messages"] == QUESTION
    assert observer.operation.input_messages is None
    assert observer.operation.message_count is None


def test_content_is_json(ask, serve, observer):
    """Whatever was sent, the content can be written as JSON."""
    strange: Any = [
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f1"}}, {"type": "new", "x": [1, {}]}]},
        {"role": "assistant", "content": "", "refusal": "no", "function_call": {"name": "f", "arguments": "{"}},
    ]
    server = serve(completion("Bern", **USAGE))
    ask(server, lambda client: client.chat.completions.create(model=MODEL, messages=strange))
    written = json.loads(json.dumps(observer.operation.input_messages()))
    assert [part["type"] for message in written for part in message["parts"]] == [
        "blob", "file", "new", "text", "tool_call",
    ]  # fmt: skip
    assert written[2]["parts"][1]["arguments"] == "{"
