"""The scripted model: the same answers in three protocols, whole and streamed, by what it is asked."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from adapter_contract.recipe import BROKEN, CLAUDE, HOLD, MODEL, PAUSE, answer_about
from adapter_contract.weather import ANSWER_USAGE, TOOL_CALL_USAGE, WeatherModel, say

QUESTION = "What is the weather in Bern?"
CALL_ID = "call_weather_Bern"
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather"}}
ARGUMENTS = '{"city": "Bern"}'

ASKING: dict[str, dict[str, Any]] = {
    "chat/completions": {"messages": [{"role": "user", "content": QUESTION}], "tools": [CHAT_TOOL]},
    "responses": {"input": QUESTION, "tools": [{"type": "function", "name": "get_weather"}]},
    "messages": {"messages": [{"role": "user", "content": QUESTION}], "tools": [{"name": "get_weather"}]},
}
RESULTS: dict[str, list[dict[str, Any]]] = {
    "chat/completions": [
        {
            "role": "assistant",
            "tool_calls": [{"id": CALL_ID, "function": {"name": "get_weather", "arguments": ARGUMENTS}}],
        },
        {"role": "tool", "tool_call_id": CALL_ID, "content": "sunny"},
    ],
    "responses": [
        {"type": "function_call", "call_id": CALL_ID, "name": "get_weather", "arguments": ARGUMENTS},
        {"type": "function_call_output", "call_id": CALL_ID, "output": "sunny"},
    ],
    "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": CALL_ID, "name": "get_weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": CALL_ID, "content": "sunny"}]},
    ],
}
PROTOCOLS = sorted(ASKING)


@pytest.fixture
def model():
    """Run a scripted model."""
    with WeatherModel() as running:
        yield running


def post(model, path, body):
    """Send a request; return what came back, as text."""
    data = json.dumps({"model": MODEL, **body}).encode()
    request = urllib.request.Request(f"{model.url}/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def with_results(path, results):
    """Return a request that goes on after the tool call."""
    question = {"role": "user", "content": QUESTION}
    key = "input" if path == "responses" else "messages"
    return {**ASKING[path], key: [question, *results]}


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True])
def test_it_calls_the_tool_first(model, path, stream):
    """A question about the weather with the tool offered is answered with a call of the tool."""
    answer = post(model, path, {**ASKING[path], "stream": stream})
    assert CALL_ID in answer
    assert "get_weather" in answer
    assert "It is" not in answer


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True])
def test_it_answers_when_the_result_is_there(model, path, stream):
    """With the tool's result it answers in words, in several pieces if streamed."""
    answer = post(model, path, {**with_results(path, RESULTS[path]), "stream": stream})
    assert "canary-answer-Bern" in answer
    assert (answer_about("Bern") in answer) or stream
    assert CALL_ID not in answer


@pytest.mark.parametrize("path", PROTOCOLS)
def test_it_answers_at_once_without_tools(model, path):
    """Where no tool is offered there is nothing to wait for."""
    assert answer_about("Bern") in post(model, path, {**ASKING[path], "tools": []})


@pytest.mark.parametrize("path", PROTOCOLS)
def test_a_new_question_needs_a_new_tool_call(model, path):
    """Results that stand before the last question are those of an earlier one, about another city."""
    request = with_results(path, [*RESULTS[path], {"role": "user", "content": "And the weather in Oslo?"}])
    assert "call_weather_Oslo" in post(model, path, request)


def usage(path, answer):
    """Return the tokens of an answer: all input, those from the cache, all output."""
    told = json.loads(answer)["usage"]
    if path == "chat/completions":
        return told["prompt_tokens"], told["prompt_tokens_details"]["cached_tokens"], told["completion_tokens"]
    if path == "responses":
        return told["input_tokens"], told["input_tokens_details"]["cached_tokens"], told["output_tokens"]
    cached = told["cache_read_input_tokens"]
    return told["input_tokens"] + cached, cached, told["output_tokens"]


@pytest.mark.parametrize("path", PROTOCOLS)
def test_it_says_what_it_has_used(model, path):
    """Each answer has its tokens, in the way of its protocol: Anthropic's input tokens exclude those of the cache."""
    called = post(model, path, ASKING[path])
    answered = post(model, path, with_results(path, RESULTS[path]))
    wanted = ("input_tokens", "cached_tokens", "output_tokens")
    assert usage(path, called) == tuple(TOOL_CALL_USAGE[name] for name in wanted)
    assert usage(path, answered) == tuple(ANSWER_USAGE[name] for name in wanted)


@pytest.mark.parametrize("include", [False, True])
def test_a_streamed_chat_says_what_it_has_used_only_if_asked(model, include):
    """As OpenAI does it: programs that do not ask for the usage get none."""
    body = {**ASKING["chat/completions"], "stream": True}
    if include:
        body["stream_options"] = {"include_usage": True}
    assert ("prompt_tokens" in post(model, "chat/completions", body)) == include


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize("stream", [False, True])
def test_it_says_the_same_again(model, path, stream):
    """The same request gets the same bytes, so that runs can be compared."""
    body = {**ASKING[path], "stream": stream}
    assert post(model, path, body) == post(model, path, body)


@pytest.mark.parametrize("path", PROTOCOLS)
def test_it_refuses_the_broken_city(model, path):
    """A question about that city is an error that no client tries again after."""
    body = json.loads(json.dumps(ASKING[path]).replace("Bern", BROKEN))
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(model, path, body)
    assert refused.value.code == 400
    assert f"canary-refusal-{BROKEN}" in refused.value.read().decode()


@pytest.mark.parametrize("path", PROTOCOLS)
@pytest.mark.parametrize(("city", "before"), [(HOLD, ""), (PAUSE, "It ")])
def test_it_holds_its_answer_until_it_is_let_go(model, path, city, before):
    """The city says where: before the first byte, or in the middle of a stream."""
    body = json.loads(json.dumps({**ASKING[path], "tools": [], "stream": True}).replace("Bern", city))
    data = json.dumps({"model": MODEL, **body}).encode()
    request = urllib.request.Request(f"{model.url}/{path}", data, {"Content-Type": "application/json"})
    with model.holding() as gate:
        if before:
            with urllib.request.urlopen(request, timeout=30) as answer:
                while before not in answer.readline().decode():
                    pass
                assert gate.reached.wait(10)
                gate.set()
                assert f"canary-answer-{city}" in answer.read().decode()
        else:
            gate.set()
            assert f"canary-answer-{city}" in post(model, path, body)
            assert gate.reached.is_set()


def test_a_recipe_can_decide_for_itself():
    """What the weather does not cover is answered by a function of the recipe's own."""
    decide = lambda asked: say(asked, "Hello!") if "hello" in asked.question else None  # noqa: E731 - short
    with WeatherModel(decide) as model:
        greeting = {"messages": [{"role": "user", "content": "hello"}]}
        assert "Hello!" in post(model, "chat/completions", greeting)
        assert CALL_ID in post(model, "chat/completions", ASKING["chat/completions"])


@pytest.mark.newest
@pytest.mark.parametrize("stream", [False, True])
def test_the_anthropic_sdk_understands_it(model, stream):
    """The real client reads text, tool call and tokens from the answers, whole and streamed."""
    anthropic = pytest.importorskip("anthropic")
    request = {**ASKING["messages"], "model": CLAUDE, "max_tokens": 100}
    with anthropic.Anthropic(base_url=model.url.removesuffix("/v1"), api_key="none") as client:
        if stream:
            with client.messages.stream(**request) as events:
                call = events.get_final_message()
            request["messages"] = with_results("messages", RESULTS["messages"])["messages"]
            with client.messages.stream(**request) as events:
                answer = events.get_final_message()
        else:
            call = client.messages.create(**request)
            request["messages"] = with_results("messages", RESULTS["messages"])["messages"]
            answer = client.messages.create(**request)
    assert (call.content[0].name, call.content[0].input) == ("get_weather", {"city": "Bern"})
    assert (call.stop_reason, call.usage.input_tokens, call.usage.cache_read_input_tokens) == ("tool_use", 20, 30)
    assert call.usage.output_tokens == 12
    assert answer.content[0].text == answer_about("Bern")
    assert (answer.stop_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("end_turn", 80, 9)
