# ruff: noqa: INP001 - a program that stands beside its package, as a user would have it

"""A shop's support desk: two customers talk to a pool of agents at the same time.

Run it with ``python shop_agent.py``. It needs a model that speaks the OpenAI protocol: set
``OPENAI_API_KEY``, and ``OPENAI_BASE_URL`` where it is not OpenAI's own.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor

from openai import OpenAI
from shop.customers import Customer, issue_token
from shop.middleware import AuthCheck, RateLimit
from shop.orders import OrderBook
from shop.pool import AgentPool
from shop.support import SupportAgent
from shop.tools import ReadFileTool, RefundTool, SearchOrdersTool

ALICE = Customer("alice", "acme", "session-a1", issue_token("alice", "acme"))
BOB = Customer("bob", "globex", "session-b1", issue_token("bob", "globex"))

CONVERSATIONS = {
    ALICE: ["Where is my order 1001?", "The mug of order 1002 arrived broken, please refund it."],
    BOB: ["I want my money back for order 2001.", "What does your warranty cover, and what can I send back?"],
}

logger = logging.getLogger("shop")


def main() -> None:
    """Serve all conversations at once and print them one after the other."""
    logging.basicConfig(
        filename="shop.log", level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    pool = _open_desk()
    with ThreadPoolExecutor(max_workers=len(CONVERSATIONS)) as desk:
        served = [desk.submit(serve, pool, customer, asked) for customer, asked in CONVERSATIONS.items()]
        for conversation in served:
            print("\n".join(conversation.result()))
    logger.info("desk closed", extra={"agents": pool.size, "conversations": len(CONVERSATIONS)})


def serve(pool: AgentPool, customer: Customer, asked: list[str]) -> list[str]:
    """Hold one conversation and return it as lines of text."""
    lines = []
    with pool.agent_for(customer) as agent:
        for number, question in enumerate(asked, start=1):
            lines.append(f"{customer.user_id}: {question}")
            # The last answer of a conversation is streamed, as a chat window would want it.
            lines.append(f"agent: {agent.chat(question, stream=number == len(asked))}")
    return [*lines, ""]


def _open_desk() -> AgentPool:
    model = os.environ.get("DEMO_MODEL", "gpt-4o-mini")
    client, orders = OpenAI(), OrderBook()
    tools = [SearchOrdersTool(orders), RefundTool(orders), ReadFileTool("policies")]
    auth, rate_limit = AuthCheck(), RateLimit(per_minute=60)

    def make_agent(number: int) -> SupportAgent:
        return SupportAgent(f"agent-{number}", client, model, tools, auth, rate_limit)

    return AgentPool(make_agent, max_size=2)


if __name__ == "__main__":
    main()
