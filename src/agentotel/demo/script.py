"""What the scripted model answers to the demo program, and what must therefore be found in its telemetry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from agentotel.demo.model_server import FunctionCall, Reply, completion, completion_stream, rate_limited

if TYPE_CHECKING:
    from agentotel.demo.model_server import ModelRequest

_RETRY_AFTER_MS: Final = 150
_THINKING_S: Final = 0.12
_CHUNK_S: Final = 0.01


@dataclass(frozen=True)
class Turn:
    """One answer of the model.

    Attributes:
        question: A part of the customer's question that no other question has.
        tool_results: How many tools have answered since the question: tells the turns of one question apart.
        input_tokens: What the answer says about the tokens of the request.
        output_tokens: The same for the answer.
        cached_tokens: Which part of the input came from the provider's cache.
        tool: The tool that the model asks for, None for an answer in words.
        text: The answer in words.
        rate_limited: Whether the first try is refused with a 429.
        streamed: Whether the program asks for the answer in pieces: the last question of each customer.
    """

    question: str
    tool_results: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    tool: FunctionCall | None = None
    text: str = ""
    rate_limited: bool = False
    streamed: bool = False

    def reply(self, *, model: str, stream: bool, include_usage: bool) -> Reply:
        """Return the answer in the form that the request asked for."""
        calls = (self.tool,) if self.tool else ()
        usage: dict[str, Any] = {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cached_tokens": self.cached_tokens,
        }
        if not stream:
            return replace(completion(self.text, model=model, tool_calls=calls, **usage), delay_s=_THINKING_S)
        pieces = [f"{word} " for word in self.text.split()]
        answer = completion_stream(pieces, model=model, tool_calls=calls, include_usage=include_usage, **usage)
        return replace(answer, delay_s=_THINKING_S, chunk_delay_s=_CHUNK_S)


def _tool(name: str, number: int, **arguments: Any) -> FunctionCall:
    return FunctionCall(name, arguments, id=f"call_{name}_{number}")


TURNS: Final = (
    Turn("order 1001", 0, 412, 18, tool=_tool("search_orders", 1001, order_id=1001)),
    Turn(
        "order 1001", 1, 486, 32, rate_limited=True,
        text="Your tea pot (order 1001) has been shipped. It is on its way to you.",
    ),
    Turn(
        "order 1002", 0, 548, 24, 384, streamed=True,
        tool=_tool("refund", 1002, order_id=1002, broken=True),
    ),
    Turn(
        "order 1002", 1, 605, 30, streamed=True,
        text="I am sorry about the mug. I have refunded 12.50, the whole price.",
    ),
    Turn("order 2001", 0, 409, 23, tool=_tool("refund", 2001, order_id=2001, broken=False)),
    Turn(
        "order 2001", 1, 471, 38,
        text="I cannot refund the desk lamp: it was delivered more than 30 days ago. I am sorry.",
    ),
    Turn("warranty", 0, 702, 19, 512, tool=_tool("read_file", 1, file="warranty.md"), streamed=True),
    Turn("warranty", 1, 768, 19, 640, tool=_tool("read_file", 2, file="returns.md"), streamed=True),
    Turn(
        "warranty", 2, 891, 44, 768, streamed=True,
        text="I could not find our warranty terms, so I have told my colleagues. "
        "You can send everything back within 30 days of delivery, except items on sale.",
    ),
)  # fmt: skip
"""Every answer of the model; each is given exactly once in a run of the demo."""

TOOL_OUTCOMES: Final = {
    ("search_orders", "success"): 1,
    ("refund", "success"): 1,
    ("refund", "failed"): 1,
    ("read_file", "failed"): 1,
    ("read_file", "success"): 1,
}
"""What comes of the tools that the model asks for: the desk lamp is too old, and there is no warranty.md."""

TOOL_ERRORS: Final = {"tool_error": 1, "FileNotFoundError": 1}
"""The same two failures by ``error.type``: one is a result that says so, the other an exception."""


def respond(request: ModelRequest) -> Reply:
    """Answer a request of the demo program.

    It looks at the request alone, so that two agents may talk to the model at the same time in any order.

    Raises:
        LookupError: The demo program has asked something that is not in the script.
    """
    body = request.body
    turn = _turn_of(body["messages"])
    # The client itself says in this header how often it has tried before.
    if turn.rate_limited and request.headers.get("x-stainless-retry-count", "0") == "0":
        return rate_limited(_RETRY_AFTER_MS)
    return turn.reply(
        model=body["model"],
        stream=bool(body.get("stream")),
        include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _turn_of(messages: list[dict[str, Any]]) -> Turn:
    last = max(index for index, message in enumerate(messages) if message["role"] == "user")
    question = messages[last]["content"]
    tool_results = sum(message["role"] == "tool" for message in messages[last:])
    for turn in TURNS:
        if turn.question in question and turn.tool_results == tool_results:
            return turn
    raise LookupError(f"the script has no answer to {question!r} after {tool_results} tool results")
