"""Decides from a seed alone what happens in each run: who asks, which agent, which tools, and what goes wrong.

Scenario number 17 of a seed is the same in every run of the program, whatever the rate, the workers and the clock do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from random import Random
from typing import Final

SUPPORT: Final = "support"
RESEARCH: Final = "research"
BILLING: Final = "billing"
CODER: Final = "coder"

MODELS: Final = {SUPPORT: "gpt-4o-mini", RESEARCH: "gpt-4o", BILLING: "gpt-5-mini", CODER: "gpt-4o"}
"""The model that each agent asks as a rule."""

UNPRICED_MODEL: Final = "acme-chat-1"
"""A model of the company's own: no price covers it."""

LOOP_LENGTH: Final = 12
"""How often an agent that loops asks for the same tool with the same arguments: more than `AGENTOTEL_LOOP_LIMIT`."""

MAX_RETRIES: Final = 2
"""How often the client tries again, which is what OpenAI's own does."""

_TOOLS: Final = {
    SUPPORT: ("search_orders", "refund"),
    RESEARCH: ("retrieve", "web_search"),
    BILLING: ("query_ledger", "convert_currency"),
    CODER: ("edit_file", "run_tests"),
}
_UNPRICED_SHARE: Final = 0.05
_STREAM_SHARE: Final = 0.4
_LONG_PROMPT_SHARE: Final = 0.05
_NEAR_LIMIT_SHARE: Final = 0.05
_MEAN_THINKING_S: Final = 0.15


class Fault(Enum):
    """What goes wrong in a run; `NONE` for most."""

    NONE = "none"
    SERVER_ERROR = "server_error"
    BAD_REQUEST = "bad_request"
    CONNECTION_LOST = "connection_lost"
    AGENT_ERROR = "agent_error"
    CANCELLED = "cancelled"
    RATE_LIMITED = "rate_limited"
    TOOL_ERROR = "tool_error"
    SLOW = "slow"
    LOOP = "loop"


FAILURES: Final = (Fault.SERVER_ERROR, Fault.BAD_REQUEST, Fault.CONNECTION_LOST, Fault.AGENT_ERROR)
"""The faults of which a run dies; one is drawn where a run is to fail."""


@dataclass(frozen=True)
class Shares:
    """Which part of the runs, from 0 to 1, meets each kind of trouble; together they are at most 1."""

    errors: float = 0.05
    slow: float = 0.03
    rate_limits: float = 0.05
    tool_errors: float = 0.1
    loops: float = 0.02
    cancelled: float = 0.02

    def __post_init__(self) -> None:
        """Refuse shares that cannot be.

        Raises:
            ValueError: One is outside of 0 to 1, or all together are more than 1.
        """
        values = (self.errors, self.slow, self.rate_limits, self.tool_errors, self.loops, self.cancelled)
        if min(values) < 0 or sum(values) > 1:
            raise ValueError("shares are numbers from 0 to 1, and at most 1 together")


@dataclass(frozen=True)
class Scenario:
    """All that is decided about one run before it starts.

    Attributes:
        number: Its place in the plan, from 0.
        agent: Name of the agent.
        model: The model that it asks.
        user: Who asks.
        tenant: The company that pays.
        session: The conversation.
        tools: The tools that the model asks for, one per turn, before it answers in words.
        fault: What goes wrong.
        stream: Whether answers are asked for in pieces.
        tokens: Input and output of each turn of the model.
        near_limit: Whether the conversation has used up nearly all the tokens that it may.
        thinking_s: Seconds that the model takes for each turn.
        delegates: Whether the agent hands a part of its work to the billing agent.
    """

    number: int
    agent: str
    model: str
    user: str
    tenant: str
    session: str
    tools: tuple[str, ...]
    fault: Fault
    stream: bool
    tokens: tuple[tuple[int, int], ...]
    near_limit: bool
    thinking_s: float
    delegates: bool
    is_delegated: bool = False

    @property
    def key(self) -> str:
        """What requests to the model say about the run that they belong to."""
        return f"{self.number}/{self.agent}" if self.is_delegated else str(self.number)

    def delegated(self) -> Scenario:
        """Return what the billing agent does on behalf of this run."""
        return replace(
            self, agent=BILLING, model=MODELS[BILLING], tools=_TOOLS[BILLING][:1], stream=False, delegates=False,
            near_limit=False, is_delegated=True,
        )  # fmt: skip


class Plan:
    """The scenarios of a seed.

    Args:
        seed: Any number; another one gives another plan.
        shares: How much trouble there is.
        users: How many different users ask.
        tenants: How many tenants they belong to.
        slow_s: Seconds that the model takes where it is slow.
    """

    def __init__(self, seed: int, shares: Shares, users: int, tenants: int, slow_s: float) -> None:
        """Keep what decides; nothing is drawn yet."""
        self._seed = seed
        self._shares = shares
        self._users = users
        self._tenants = tenants
        self._slow_s = slow_s

    def scenario(self, number: int) -> Scenario:
        """Return scenario `number`, which no other one influences."""
        draw = Random(f"{self._seed}/{number}")  # noqa: S311 - a plan that can be repeated, not a secret
        fault = self._fault(draw)
        agent = _agent(draw, fault)
        tools = _tools(draw, agent, fault)
        user = draw.randrange(self._users)
        return Scenario(
            number=number,
            agent=agent,
            model=UNPRICED_MODEL if draw.random() < _UNPRICED_SHARE else MODELS[agent],
            user=f"user-{user:04d}",
            tenant=f"tenant-{user % self._tenants:02d}",
            session=f"session-{user:04d}-{number}",
            tools=tools,
            fault=fault,
            stream=agent == SUPPORT and draw.random() < _STREAM_SHARE,
            tokens=_tokens(draw, len(tools) + 1),
            near_limit=draw.random() < _NEAR_LIMIT_SHARE,
            thinking_s=self._slow_s if fault is Fault.SLOW else draw.expovariate(1 / _MEAN_THINKING_S),
            delegates=agent == SUPPORT and "refund" in tools and fault is Fault.NONE,
        )

    def by_key(self, key: str) -> Scenario:
        """Return the scenario whose `Scenario.key` is `key`."""
        number, _, delegate = key.partition("/")
        scenario = self.scenario(int(number))
        return scenario.delegated() if delegate else scenario

    def _fault(self, draw: Random) -> Fault:
        shares = self._shares
        bands = (
            (shares.errors, FAILURES),
            (shares.cancelled, (Fault.CANCELLED,)),
            (shares.rate_limits, (Fault.RATE_LIMITED,)),
            (shares.tool_errors, (Fault.TOOL_ERROR,)),
            (shares.slow, (Fault.SLOW,)),
            (shares.loops, (Fault.LOOP,)),
        )
        point = draw.random()
        for share, faults in bands:
            if point < share:
                return draw.choice(faults)
            point -= share
        return Fault.NONE


def _agent(draw: Random, fault: Fault) -> str:
    if fault is Fault.LOOP:
        return CODER
    if fault is Fault.CANCELLED:
        return RESEARCH
    return draw.choices((SUPPORT, RESEARCH, BILLING, CODER), (5, 2, 2, 1))[0]


def _tools(draw: Random, agent: str, fault: Fault) -> tuple[str, ...]:
    own = _TOOLS[agent]
    if fault is Fault.LOOP:
        return ("run_tests",) * LOOP_LENGTH
    if fault is Fault.CANCELLED:
        return ("web_search",)
    at_least = 1 if fault in {Fault.TOOL_ERROR, Fault.AGENT_ERROR} else 0
    return own[: draw.randint(at_least, len(own))]


def _tokens(draw: Random, turns: int) -> tuple[tuple[int, int], ...]:
    scale = 40 if draw.random() < _LONG_PROMPT_SHARE else 1
    first = draw.randint(200, 1800) * scale
    return tuple((first + turn * draw.randint(40, 200), draw.randint(10, 400)) for turn in range(turns))
