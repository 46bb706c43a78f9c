"""A pool of agents, made when they are needed and used again."""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .customers import Customer
    from .support import SupportAgent

logger = logging.getLogger("shop.pool")


class AgentPool:
    """Lends agents to conversations, `max_size` of them at most."""

    def __init__(self, make_agent: Callable[[int], SupportAgent], max_size: int) -> None:
        """Start empty; `make_agent` gets the number of the agent to make."""
        self.max_size = max_size
        self.size = 0
        self._make_agent = make_agent
        self._idle: queue.Queue[SupportAgent] = queue.Queue()
        self._lock = threading.Lock()

    def acquire(self, customer: Customer) -> SupportAgent:
        """Return an agent for `customer`; wait for one if all are busy."""
        agent = self._grow() or self._idle.get()
        agent.begin(customer)
        logger.info("agent acquired", extra={"agent": agent.id, "customer": customer.user_id, "pool_size": self.size})
        return agent

    def release(self, agent: SupportAgent) -> None:
        """Take an agent back."""
        agent.begin(None)
        self._idle.put(agent)

    @contextmanager
    def agent_for(self, customer: Customer) -> Iterator[SupportAgent]:
        """Lend an agent for the length of a ``with`` block."""
        agent = self.acquire(customer)
        try:
            yield agent
        finally:
            self.release(agent)

    def _grow(self) -> SupportAgent | None:
        with self._lock:
            if self._idle.qsize() or self.size >= self.max_size:
                return None
            self.size += 1
            return self._make_agent(self.size)
