"""The support agent: a loop of model calls and tools, with its own accounting of tokens."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from .middleware import format_answer, parse_response, prepare_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai import OpenAI
    from openai.types.chat import ChatCompletion

    from .customers import Customer
    from .middleware import AuthCheck, RateLimit, Requested
    from .tools import Tool

MAX_ROUNDS = 6

logger = logging.getLogger("shop.support")


class SupportAgent:
    """Answers the questions of one customer at a time."""

    name = "shop-support"
    template_id = "support-v1"
    token_limit = 4000

    def __init__(
        self,
        agent_id: str,
        client: OpenAI,
        model: str,
        tools: Sequence[Tool],
        auth: AuthCheck,
        rate_limit: RateLimit,
    ) -> None:
        """Make an agent that serves nobody yet; `begin` gives it a customer."""
        self.id = agent_id
        self.model = model
        self.messages: list[dict[str, Any]] = []
        self.tokens_used = 0
        self._client = client
        self._tools = {tool.name: tool for tool in tools}
        self._auth = auth
        self._rate_limit = rate_limit
        self._customer: Customer | None = None

    @property
    def user_id(self) -> str | None:
        """The customer that the agent serves at present."""
        return self._customer.user_id if self._customer else None

    @property
    def tenant_id(self) -> str | None:
        """The tenant that this customer belongs to."""
        return self._customer.tenant_id if self._customer else None

    @property
    def session_id(self) -> str | None:
        """The conversation that the agent is in."""
        return self._customer.session_id if self._customer else None

    def begin(self, customer: Customer | None) -> None:
        """Start a conversation with nothing remembered of the last one."""
        self._customer = customer
        self.messages.clear()
        self.tokens_used = 0

    def chat(self, message: str, *, stream: bool = False) -> str:
        """Answer one message, using tools as often as the model asks for them."""
        if self._customer is None:
            raise RuntimeError("the agent serves nobody: call begin() first")
        self._auth.check(self._customer)
        self._rate_limit.check(self._customer)
        self.messages.append({"role": "user", "content": message})
        for _ in range(MAX_ROUNDS):
            request = prepare_request(self.messages, list(self._tools.values()), self.model)
            completion = self._call_model(request, stream=stream)
            answer, requested = parse_response(completion)
            self.messages.append(answer)
            if not requested:
                return self._answered(answer["content"])
            self.messages += [self._use_tool(call) for call in requested]
        raise RuntimeError(f"no answer after {MAX_ROUNDS} rounds")

    def _call_model(self, request: dict[str, Any], *, stream: bool) -> ChatCompletion:
        completion: ChatCompletion
        if stream:
            with self._client.chat.completions.stream(**request, stream_options={"include_usage": True}) as events:
                completion = events.get_final_completion()
        else:
            completion = self._client.chat.completions.create(**request)
        if completion.usage:
            self.tokens_used += completion.usage.total_tokens
        return completion

    def _use_tool(self, call: Requested) -> dict[str, Any]:
        try:
            result = self._tools[call.tool].execute(**call.arguments)
        except Exception as error:  # noqa: BLE001 - whatever a tool raises, the model is told and may try another way
            logger.warning("tool did not work", extra={"tool": call.tool, "reason": type(error).__name__})
            result = {"error": f"{type(error).__name__}: {error}"}
        return {"role": "tool", "tool_call_id": call.call_id, "content": json.dumps(result)}

    def _answered(self, text: str | None) -> str:
        logger.info(
            "question answered",
            extra={"agent": self.id, "messages": len(self.messages), "tokens_used": self.tokens_used},
        )
        return format_answer(text)
