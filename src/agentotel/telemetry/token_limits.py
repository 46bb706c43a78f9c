"""Watches agents that come near their token limit, as the operations guide asks: a warning above 80 %.

`TokenLimits` owns state: what agents without an accounting of their own have used, for a bounded number of agents.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from agentotel.telemetry.events import NEAR_LIMIT

if TYPE_CHECKING:
    from agentotel.model.operations import AgentRun
    from agentotel.telemetry.events import Events
    from agentotel.telemetry.recording import ActiveRecording

_AGENTS: Final = 10_000


class TokenLimits:
    """Compares what agents have used with their limits.

    Args:
        events: Where the warning goes.
        default_limit: Tokens for agents that have no limit of their own; None for no limit.
    """

    def __init__(self, events: Events, default_limit: int | None) -> None:
        self._events = events
        self._default_limit = default_limit
        self._used: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def check_start(self, run: AgentRun, recording: ActiveRecording) -> None:
        """Warn before a run whose agent says that it is near its limit already."""
        if run.tokens_used is not None:
            self._warn_if_near(run.tokens_used, run, recording)

    def check_end(self, run: AgentRun, recording: ActiveRecording) -> None:
        """Warn after a run that has brought its agent near its limit."""
        if self.limit_of(run) is None:
            return
        usage = recording.totals.usage
        spent = (usage.input_tokens or 0) + (usage.output_tokens or 0)
        used = run.tokens_used + spent if run.tokens_used is not None else self._add(run.agent_id or run.name, spent)
        self._warn_if_near(used, run, recording)

    def limit_of(self, run: AgentRun) -> int | None:
        """Return how many tokens the agent of `run` may use, None for any number."""
        return run.token_limit or self._default_limit

    def _add(self, agent: str | None, spent: int) -> int:
        if agent is None:
            return spent
        with self._lock:
            used = self._used.pop(agent, 0) + spent
            self._used[agent] = used
            if len(self._used) > _AGENTS:
                self._used.popitem(last=False)
            return used

    def _warn_if_near(self, used: int, run: AgentRun, recording: ActiveRecording) -> None:
        limit = self.limit_of(run)
        if limit is None or recording.limit_said or used <= NEAR_LIMIT * limit:
            return
        recording.limit_said = True
        self._events.token_limit_near(used, limit, recording.agent, recording.context)
