"""The model's side of a scenario: what the server answers to each request of a run."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from agentotel.demo.model_server import (
    FunctionCall,
    Reply,
    completion,
    completion_stream,
    embeddings,
    failure,
    rate_limited,
)
from workload.plan import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentotel.demo.model_server import ModelRequest
    from workload.plan import Plan, Scenario
    from workload.tally import Tally

SCENARIO_HEADER: Final = "x-scenario"
"""The header by which a request says which run it belongs to."""

EMBEDDING_MODEL: Final = "text-embedding-3-small"
EMBEDDING_TOKENS: Final = 12

_RETRY_SOON: Final = {"retry-after-ms": "5"}
_CACHED_DIVISOR: Final = 4
_ANSWER: Final = "I have looked into it and taken care of everything that you asked for."
_ARGUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "search_orders": {"order_id": 1001},
    "refund": {"order_id": 1001},
    "retrieve": {"question": "return policy"},
    "web_search": {"query": "customs rates"},
    "query_ledger": {"account": "acme"},
    "convert_currency": {"amount": 12.5, "to": "USD"},
    "edit_file": {"path": "shop.py"},
    "run_tests": {"folder": "tests"},
}


def responder(plan: Plan, tally: Tally, latency: float) -> Callable[[ModelRequest], Reply]:
    """Return the function that answers requests according to `plan`; `latency` scales how long the model takes."""

    def respond(request: ModelRequest) -> Reply:
        scenario = plan.by_key(request.headers[SCENARIO_HEADER])
        if _tries_before(request):
            tally.add("retries", scenario.model)
        if request.path.endswith("/embeddings"):
            return embeddings([[0.1, 0.2, 0.3]], model=EMBEDDING_MODEL, input_tokens=EMBEDDING_TOKENS)
        turn = sum(message["role"] == "tool" for message in request.body["messages"])
        reply = _trouble(scenario, turn, request)
        if reply and reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            tally.add("rate_limited", scenario.model)
        return reply or _answer(scenario, turn, request.body, latency)

    return respond


def _trouble(scenario: Scenario, turn: int, request: ModelRequest) -> Reply | None:
    """Return the answer of a model that is in trouble, which it is in the last turn of a run; None otherwise."""
    if turn < len(scenario.tools):
        return None
    if scenario.fault is Fault.RATE_LIMITED and not _tries_before(request):
        return rate_limited(5)
    if scenario.fault is Fault.SERVER_ERROR:
        return replace(failure(500, "server_error", "The server had an error"), headers=_RETRY_SOON)
    if scenario.fault is Fault.BAD_REQUEST:
        return failure(400, "context_length_exceeded", "The context is too long")
    if scenario.fault is Fault.CONNECTION_LOST:
        return Reply(cut_after=0)
    return None


def _tries_before(request: ModelRequest) -> int:
    """Return how often the client has tried before, as it says itself."""
    return int(request.headers.get("x-stainless-retry-count", "0"))


def _answer(scenario: Scenario, turn: int, body: Mapping[str, Any], latency: float) -> Reply:
    given, produced = scenario.tokens[turn]
    usage: dict[str, Any] = {
        "model": scenario.model,
        "input_tokens": given,
        "output_tokens": produced,
        "cached_tokens": given // _CACHED_DIVISOR if turn else 0,
        "reasoning_tokens": produced // 2 if scenario.model.startswith("gpt-5") else 0,
    }
    calls = _tool_calls(scenario, turn)
    text = "" if calls else _ANSWER
    if body.get("stream"):
        pieces = [f"{word} " for word in text.split()]
        reply = completion_stream(pieces, tool_calls=calls, include_usage=True, **usage)
    else:
        reply = completion(text, tool_calls=calls, **usage)
    return replace(reply, delay_s=scenario.thinking_s * latency, chunk_delay_s=0.01 * latency)


def _tool_calls(scenario: Scenario, turn: int) -> tuple[FunctionCall, ...]:
    if turn >= len(scenario.tools):
        return ()
    tool = scenario.tools[turn]
    return (FunctionCall(tool, _ARGUMENTS[tool], id=f"call_{scenario.number}_{turn}"),)
