"""The anthropic adapter against the installed anthropic (before and since 2.0), over real HTTP."""

from __future__ import annotations

import json
from importlib.metadata import version
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from adapter_contract import CLAUDE, AdapterContract, Node, Recipe, Scene
from agentotel import testing
from agentotel.adapters.anthropic import ADAPTER, chunk
from agentotel.demo.model_server import ModelServer, Reply, failure, rate_limited, scripted
from agentotel.model.operations import ModelCall, Usage
from agentotel.patching.hooks import patch_adapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

HAS_SPANS = int(version("anthropic").partition(".")[0]) >= 2
"""Since 2.0 the SDK makes spans of its own."""

TOOLS = [
    {
        "name": "get_weather",
        "description": "Weather now",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
]


def _client(scene: Scene) -> Any:
    import anthropic

    return anthropic.Anthropic(base_url=scene.origin, api_key="none", max_retries=0)


def _async_client(scene: Scene) -> Any:
    import anthropic

    return anthropic.AsyncAnthropic(base_url=scene.origin, api_key="none", max_retries=0)


def _question(scene: Scene) -> dict[str, Any]:
    return {"model": CLAUDE, "max_tokens": 100, "messages": [{"role": "user", "content": scene.question}]}


def create(scene: Scene) -> str:
    """Ask once, sync."""
    with _client(scene) as client:
        return str(client.messages.create(**_question(scene)).content[0].text)


async def acreate(scene: Scene) -> str:
    """Ask once, async."""
    async with _async_client(scene) as client:
        return str((await client.messages.create(**_question(scene))).content[0].text)


def events(scene: Scene) -> Iterator[Any]:
    """Yield the events of an answer."""
    with _client(scene) as client:
        yield from client.messages.create(**_question(scene), stream=True)


async def aevents(scene: Scene) -> AsyncIterator[Any]:
    """Yield the events of an answer, async."""
    async with _async_client(scene) as client:
        async for event in await client.messages.create(**_question(scene), stream=True):
            yield event


def text(scene: Scene) -> str:
    """Return what the helper of the SDK has put together."""
    with _client(scene) as client, client.messages.stream(**_question(scene)) as stream:
        return str(stream.get_final_text())


async def atext(scene: Scene) -> str:
    """Return what the async helper has put together."""
    async with _async_client(scene) as client, client.messages.stream(**_question(scene)) as stream:
        return str(await stream.get_final_text())


def text_pieces(scene: Scene) -> Iterator[str]:
    """Yield the pieces of the text from the helper."""
    with _client(scene) as client, client.messages.stream(**_question(scene)) as stream:
        yield from stream.text_stream


async def atext_pieces(scene: Scene) -> AsyncIterator[str]:
    """Yield the pieces of the text from the async helper."""
    async with _async_client(scene) as client, client.messages.stream(**_question(scene)) as stream:
        async for piece in stream.text_stream:
            yield piece


def tool_run(scene: Scene) -> str:
    """Let the SDK's own loop call the tool."""
    import anthropic

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Weather now."""
        return scene.weather(city)

    with _client(scene) as client:
        runner = client.beta.messages.tool_runner(**_question(scene), tools=[get_weather])
        return str(runner.until_done().content[0].text)


ONE_SPAN = Node(
    "model",
    f"chat {CLAUDE}",
    attributes={
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": CLAUDE,
        "gen_ai.response.model": CLAUDE,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.response.finish_reasons": ("end_turn",),
        "server.address": "127.0.0.1",
    },
)
ONE_CALL: dict[str, Any] = {
    "tree": ONE_SPAN,
    "input_tokens": 80,
    "output_tokens": 9,
    "cached_tokens": 0,
    "model_calls": 1,
    "has_conversation": False,
}


class TestMessages(AdapterContract):
    recipe = Recipe(ADAPTER, run=create, arun=acreate, stream=events, astream=aevents, **ONE_CALL)


class TestStreamHelper(AdapterContract):
    recipe = Recipe(ADAPTER, run=text, arun=atext, stream=text_pieces, astream=atext_pieces, **ONE_CALL)


if HAS_SPANS:

    class TestToolRunner(AdapterContract):
        recipe = Recipe(
            ADAPTER,
            tree=Node(
                "agent",
                "invoke_agent tool_runner",
                (
                    Node("model", f"chat {CLAUDE}"),
                    Node("tool", "execute_tool get_weather"),
                    Node("model", f"chat {CLAUDE}"),
                ),
            ),
            run=tool_run,
            has_conversation=False,
            tool_error_type="tool_error",
            skip={
                "test_agents_carry_question_and_answer_when_content_is_on": "the SDK does not say them on the run's "
                "span; those of its model calls have them"
            },
        )


# --- what is particular to this library ---

patch_adapter(ADAPTER)

USAGE = {
    "input_tokens": 20,
    "cache_read_input_tokens": 30,
    "cache_creation_input_tokens": 7,
    "output_tokens": 12,
    "service_tier": "standard",
}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [
        {"type": "thinking", "thinking": "a city", "signature": "s"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Bern"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
}
QUESTION: dict[str, Any] = {"model": CLAUDE, "max_tokens": 100, "messages": [{"role": "user", "content": "Where?"}]}
WITH_CONTENT = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_only"}


@pytest.fixture
def ask():
    """Return a function that lets a client do something with a scripted server, and gives what was recorded."""

    def run(action, *replies, environment=None, **client_arguments):
        import anthropic

        with ModelServer(scripted(*(replies or (Reply(body=ANSWER),)))) as server:
            origin = server.url.removesuffix("/v1")
            with (
                testing.recording(environment, adapters=[ADAPTER]) as telemetry,
                anthropic.Anthropic(base_url=origin, api_key="none", **client_arguments) as client,
            ):
                action(client)
                return telemetry

    return run


def model_calls(telemetry):
    """Return the spans of model calls."""
    return [span for span in telemetry.spans() if span.attributes.get("gen_ai.operation.name") == "chat"]


def test_the_tokens_of_the_cache_are_part_of_the_input(ask):
    """Anthropic counts them beside the input, the conventions within it."""
    (span,) = model_calls(ask(lambda client: client.messages.create(**QUESTION)))
    found = {key.removeprefix("gen_ai.usage."): v for key, v in span.attributes.items() if "usage" in key}
    assert found == {
        "input_tokens": 57,
        "output_tokens": 12,
        "cache_read.input_tokens": 30,
        "cache_write.input_tokens": 7,
    }
    assert span.attributes["anthropic.response.service_tier"] == "standard"
    assert span.attributes["gen_ai.response.model"] == "claude-sonnet-4-5-20250929"


def test_parameters_of_the_request_are_on_the_span(ask):
    """By the names of the conventions; those that were not given are absent."""
    more = {"temperature": 0.5, "top_p": 0.9, "top_k": 4, "stop_sequences": ["END"]}
    if HAS_SPANS:  # newer versions know no sampling parameters of their own
        more = {"stop_sequences": ["END"], "extra_body": {"temperature": 0.5, "top_p": 0.9, "top_k": 4}}
    (span,) = model_calls(ask(lambda client: client.messages.create(**QUESTION, **more)))
    found = {key.removeprefix("gen_ai.request."): v for key, v in span.attributes.items() if ".request." in key}
    assert found == {
        "model": CLAUDE,
        "max_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 4,
        "stop_sequences": ("END",),
    }


def test_content_has_the_shape_of_the_conventions(ask):
    """Instructions, tools, thoughts and tool calls included."""
    more = {"system": "Be brief.", "tools": TOOLS}
    (span,) = model_calls(ask(lambda client: client.messages.create(**QUESTION, **more), environment=WITH_CONTENT))
    content = {key: json.loads(span.attributes[key]) for key in span.attributes if key.endswith(("s", "messages"))
               and key in {"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions",
                           "gen_ai.tool.definitions"}}  # fmt: skip
    assert content == {
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Where?"}]}],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "finish_reason": "tool_use",
                "parts": [
                    {"type": "reasoning", "content": "a city"},
                    {"type": "text", "content": "Let me look."},
                    {"type": "tool_call", "id": "toolu_1", "name": "get_weather", "arguments": {"city": "Bern"}},
                ],
            }
        ],
        "gen_ai.tool.definitions": [
            {
                "type": "function",
                "name": "get_weather",
                "description": "Weather now",
                "parameters": TOOLS[0]["input_schema"],
            }
        ],
    }


def test_retries_are_one_call(ask):
    """A 429 and a 500 that are tried again are counted on the one span."""
    replies = (rate_limited(0), failure(500, "api_error", "later"), Reply(body=ANSWER))
    telemetry = ask(lambda client: client.messages.create(**QUESTION), *replies, max_retries=2)
    (span,) = model_calls(telemetry)
    assert (span.attributes["agent.retries"], span.attributes["agent.rate_limits"]) == (2, 1)
    assert list(telemetry.metric("agent.rate_limited").values()) == [1]


def test_a_raw_response_is_seen_when_it_is_parsed(ask):
    """The program gets the SDK's own raw response, and the tokens are counted."""

    def raw(client):
        response = client.messages.with_raw_response.create(**QUESTION)
        assert response.status_code == 200
        assert response.parse().content[1].text == "Let me look."

    (span,) = model_calls(ask(raw))
    assert span.attributes["gen_ai.usage.input_tokens"] == 57


def test_a_streamed_raw_response_is_seen_when_it_is_parsed(ask):
    """``with_streaming_response`` reads the body later."""

    def raw(client):
        with client.messages.with_streaming_response.create(**QUESTION) as response:
            assert response.parse().id == "msg_1"

    (span,) = model_calls(ask(raw))
    assert span.attributes["gen_ai.usage.output_tokens"] == 12


def test_beta_messages_are_model_calls(ask):
    """They are requests to the same place with one more header."""
    (span,) = model_calls(ask(lambda client: client.beta.messages.create(**QUESTION)))
    assert span.attributes["gen_ai.usage.output_tokens"] == 12


def test_counting_tokens_is_no_model_call(ask):
    """Nothing is generated and nothing is billed."""
    counted = Reply(body={"input_tokens": 5})
    question = {"model": CLAUDE, "messages": QUESTION["messages"]}
    telemetry = ask(lambda client: client.messages.count_tokens(**question), counted)
    assert model_calls(telemetry) == []
    assert telemetry.metric("agent.token.usage") == {}


def test_an_error_of_the_api_has_its_type(ask):
    """The exception reaches the program; its class is the error type."""
    import anthropic

    def refused(client):
        with pytest.raises(anthropic.BadRequestError):
            client.messages.create(**QUESTION)

    (span,) = model_calls(ask(refused, failure(400, "invalid_request_error", "canary")))
    assert span.attributes["error.type"] == "BadRequestError"
    assert "canary" not in span.to_json()


@pytest.mark.skipif(not HAS_SPANS, reason="the SDK makes no spans of its own before 2.0")
def test_spans_of_other_requests_stay_the_sdks_own(ask):
    """A list of models is no operation of an agent, and its span is not ours to drop."""
    page = Reply(body={"data": [], "has_more": False, "first_id": None, "last_id": None})
    telemetry = ask(lambda client: list(client.models.list()), page)
    assert [span.name for span in telemetry.spans()] == ["anthropic.models.list"]


@pytest.mark.skipif(not HAS_SPANS, reason="the SDK sends no trace context before 2.0")
def test_the_request_carries_the_context_of_our_span(ask):
    """The SDK sends what it takes for its own span's context."""
    sent = []

    def answer(request):
        sent.append(request.headers["traceparent"])
        return Reply(body=ANSWER)

    import anthropic

    with (
        ModelServer(answer) as server,
        testing.recording(adapters=[ADAPTER]) as telemetry,
        anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="none") as client,
    ):
        client.messages.create(**QUESTION)
    (span,) = telemetry.spans()
    assert sent[0].split("-")[1:3] == [f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"]


def test_everything_was_patched():
    """No target is missing in the installed version."""
    pytest.importorskip("anthropic")
    assert {report.status for report in patch_adapter(ADAPTER)} == {"patched"}


def _event(kind: str, **fields: Any) -> Any:
    return SimpleNamespace(type=kind, **fields)


@pytest.mark.parametrize("wants_content", [False, True])
def test_pieces_of_an_answer_are_kept_only_while_content_is_wanted(wants_content):
    """Where content goes nowhere, what the program has let go of is not held; tokens are counted all the same."""
    operation = ModelCall(wants_content=wants_content)
    started = SimpleNamespace(id="msg_1", model="claude", usage=SimpleNamespace(input_tokens=3))
    piece = SimpleNamespace(type="text_delta", text="hello")
    chunk(operation, _event("message_start", message=started))
    chunk(operation, _event("content_block_delta", index=0, delta=piece))
    delta, usage = SimpleNamespace(stop_reason="end_turn"), SimpleNamespace(output_tokens=2)
    chunk(operation, _event("message_delta", delta=delta, usage=usage))
    assert operation.usage == Usage(input_tokens=3, output_tokens=2)
    assert operation.finish_reasons == ("end_turn",)
    assert bool(operation.scratch) is wants_content
    assert (operation.output_messages is not None) is wants_content
