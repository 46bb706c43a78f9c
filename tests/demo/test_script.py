"""The script answers each request of the demo program by what stands in the request."""

from __future__ import annotations

import pytest

from agentotel.demo.model_server import ModelRequest
from agentotel.demo.script import TOOL_ERRORS, TOOL_OUTCOMES, TURNS, respond


def request(question: str, tool_results: int = 0, *, tries: int = 0, **body) -> ModelRequest:
    """Return a request as the openai SDK sends it."""
    messages = [{"role": "system", "content": "..."}, {"role": "user", "content": question}]
    messages += [{"role": "tool", "content": "{}"}] * tool_results
    return ModelRequest(
        "/v1/chat/completions",
        {"model": "gpt-4o-mini", "messages": messages, **body},
        {"x-stainless-retry-count": str(tries)},
        0,
    )


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: f"{turn.question}-{turn.tool_results}")
def test_each_turn_has_its_own_answer(turn):
    """A question after so many tool results gets the tokens and the text or tool of exactly that turn."""
    reply = respond(request(f"Hello, {turn.question}?", turn.tool_results, tries=1))
    assert reply.body["usage"]["prompt_tokens"] == turn.input_tokens
    assert reply.body["usage"]["completion_tokens"] == turn.output_tokens
    assert reply.body["usage"]["prompt_tokens_details"]["cached_tokens"] == turn.cached_tokens
    message = reply.body["choices"][0]["message"]
    assert (message["content"] or "") == turn.text
    assert ("tool_calls" in message) == (turn.tool is not None)


def test_the_first_try_of_one_turn_is_refused():
    """A turn that is rate limited answers 429 to the first try and the answer to the second."""
    turn = next(turn for turn in TURNS if turn.rate_limited)
    assert respond(request(turn.question, turn.tool_results)).status == 429
    assert respond(request(turn.question, turn.tool_results, tries=1)).status == 200


def test_only_the_last_question_counts():
    """Tool results and questions of earlier turns of the conversation change nothing."""
    asked = request("order 1001", 1)
    asked.body["messages"].append({"role": "user", "content": "order 1002"})
    expected = next(turn for turn in TURNS if turn.question == "order 1002")
    assert respond(asked).body["usage"]["prompt_tokens"] == expected.input_tokens


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_stream_carries_usage_only_if_asked(include_usage):
    """As with the real model, a streamed answer has its token counts only with ``include_usage``."""
    reply = respond(request("warranty", 2, stream=True, stream_options={"include_usage": include_usage}))
    usages = [chunk["usage"] for chunk in reply.chunks if isinstance(chunk, dict) and chunk.get("usage")]
    assert len(usages) == include_usage


def test_an_unknown_question_is_an_error():
    """A question that is not in the script is named, not answered with something."""
    with pytest.raises(LookupError, match="the moon"):
        respond(request("How far is the moon?"))


def test_the_outcomes_are_those_of_the_tools_asked_for():
    """The expected outcomes cover the tools that the script asks for, each once, and each failure has its kind."""
    asked = sorted(turn.tool.name for turn in TURNS if turn.tool)
    expected = sorted(name for (name, _), count in TOOL_OUTCOMES.items() for _ in range(count))
    assert asked == expected
    failed = sum(count for (_, outcome), count in TOOL_OUTCOMES.items() if outcome == "failed")
    assert failed == sum(TOOL_ERRORS.values())
