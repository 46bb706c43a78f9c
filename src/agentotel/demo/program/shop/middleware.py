"""What happens around the model calls: checks before them, parsing and formatting after them."""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .customers import Customer, issue_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai.types.chat import ChatCompletion

    from .tools import Tool

SYSTEM_PROMPT = "You are the support agent of an online shop. Use the tools; never guess. Answer in two sentences."
_MINUTE_S = 60.0


class AuthCheck:
    """Lets in only customers whose token the shop has signed."""

    name = "auth_check"

    def check(self, customer: Customer) -> None:
        """Raise PermissionError when the token is not the customer's."""
        if not hmac.compare_digest(customer.token, issue_token(customer.user_id, customer.tenant_id)):
            raise PermissionError(f"{customer.user_id} is not signed in")


class RateLimit:
    """Bounds how many questions a tenant may ask in a minute."""

    name = "rate_limit"

    def __init__(self, per_minute: int) -> None:
        """Allow `per_minute` questions of each tenant."""
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._asked: defaultdict[str, deque[float]] = defaultdict(deque)

    def check(self, customer: Customer) -> None:
        """Raise RuntimeError when the tenant has asked too much in the last minute."""
        now = time.monotonic()
        with self._lock:
            asked = self._asked[customer.tenant_id]
            while asked and now - asked[0] > _MINUTE_S:
                asked.popleft()
            if len(asked) >= self._per_minute:
                raise RuntimeError(f"tenant {customer.tenant_id} asked more than {self._per_minute} times in a minute")
            asked.append(now)


@dataclass(frozen=True)
class Requested:
    """A tool call that the model asks for."""

    call_id: str
    tool: str
    arguments: dict[str, Any]


def prepare_request(messages: Sequence[dict[str, Any]], tools: Sequence[Tool], model: str) -> dict[str, Any]:
    """Return the arguments of the model call."""
    return {
        "model": model,
        "messages": [{"role": "system", "content": SYSTEM_PROMPT}, *messages],
        "tools": [tool.schema() for tool in tools],
        "temperature": 0.2,
        "max_tokens": 300,
    }


def parse_response(completion: ChatCompletion) -> tuple[dict[str, Any], list[Requested]]:
    """Return the model's message as it goes back into the conversation, and the tool calls in it."""
    message = completion.choices[0].message
    requested = [
        Requested(call.id, call.function.name, json.loads(call.function.arguments))
        for call in message.tool_calls or ()
        if call.type == "function"
    ]
    kept: dict[str, Any] = {"role": "assistant", "content": message.content}
    if requested:
        kept["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
            }
            for call in requested
        ]
    return kept, requested


def format_answer(text: str | None) -> str:
    """Return the answer as one line, the way the chat window shows it."""
    return " ".join((text or "").split())
