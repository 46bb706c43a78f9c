"""How an operation ended, as the recorder measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.context import Context

SUCCESS: Final = "success"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"


class Outcome:
    """How an operation ended, as the recorder measured it.

    Attributes:
        seconds: Duration.
        status: ``success``, ``failed`` or ``cancelled``.
        error_type: The ``error.type``, None for a success.
        passed_on: The same exception has ended an inner operation already, which has counted it.
        context: The operation's context, for exemplars.
        agent_id: Of the enclosing agent (or the agent itself).
        agent_name: The same.
        time_to_first_chunk: Seconds until the first piece of a stream; None if it was none.
        time_per_chunk: Mean seconds between the pieces after the first; None with fewer than two.
    """

    __slots__ = (
        "agent_id",
        "agent_name",
        "context",
        "error_type",
        "passed_on",
        "seconds",
        "status",
        "time_per_chunk",
        "time_to_first_chunk",
    )

    def __init__(self, seconds: float, context: Context) -> None:
        self.seconds = seconds
        self.context = context
        self.status = SUCCESS
        self.error_type: str | None = None
        self.passed_on = False
        self.agent_id: str | None = None
        self.agent_name: str | None = None
        self.time_to_first_chunk: float | None = None
        self.time_per_chunk: float | None = None
