"""The log records of an operation's life, at the levels of the operations guide, correlated with its span."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Final

from opentelemetry._logs import LogRecord, SeverityNumber

from agentotel.model import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry._logs import Logger
    from opentelemetry.context import Context

    from agentotel.model.operations import AgentRun, AttributeValue
    from agentotel.telemetry.attributes import Attributes

NEAR_LIMIT: Final = 0.8
"""Share of an agent's token limit above which the guide warns."""


class Events:
    """Emits the log records of operations.

    Args:
        logger: An OpenTelemetry logger; ids are added to its records by the pipeline, as to every other record.
    """

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def chat_started(self, run: AgentRun, agent: Attributes, context: Context, start_ns: int) -> None:
        """Say at INFO that a run has begun, with the number of messages that the agent holds.

        Args:
            run: The run.
            agent: The id and the name of its agent.
            context: In which it is current.
            start_ns: When it began, nanoseconds since the Unix epoch: this may be said later.
        """
        attributes = dict(agent)
        if run.message_count is not None:
            attributes[names.MESSAGE_COUNT] = run.message_count
        if run.message_length is not None:
            attributes[names.MESSAGE_LENGTH] = run.message_length
        self._emit("chat started", names.EVENT_CHAT_STARTED, SeverityNumber.INFO, attributes, context, start_ns)

    def token_limit_near(self, used: int, limit: int, agent: Attributes, context: Context) -> None:
        """Warn that an agent has used more than 80 % of its tokens."""
        attributes = {**agent, names.TOKENS_USED: used, names.TOKEN_LIMIT: limit}
        body = "token usage approaching limit"
        self._emit(body, names.EVENT_TOKEN_LIMIT, SeverityNumber.WARN, attributes, context)

    def loop_detected(self, attributes: Attributes, context: Context) -> None:
        """Warn that an agent seems to run in circles."""
        self._emit("agent loop detected", names.EVENT_LOOP, SeverityNumber.WARN, attributes, context)

    def budget_used(self, attributes: Attributes, context: Context) -> None:
        """Warn that much or all of a budget has been spent."""
        self._emit("budget used", names.EVENT_BUDGET, SeverityNumber.WARN, attributes, context)

    def model_call_failed(self, attributes: Attributes, context: Context) -> None:
        """Say at ERROR that a model call has failed."""
        self._emit("model call failed", names.EVENT_MODEL_FAILED, SeverityNumber.ERROR, attributes, context)

    def tool_failed(self, attributes: Attributes, context: Context) -> None:
        """Say at ERROR that a tool has failed."""
        self._emit("tool execution failed", names.EVENT_TOOL_FAILED, SeverityNumber.ERROR, attributes, context)

    def inference_details(self, attributes: Attributes, context: Context) -> None:
        """Write a model call with its content as an event, for those who want content there and not on spans."""
        self._emit(None, names.EVENT_INFERENCE_DETAILS, SeverityNumber.DEBUG, attributes, context)

    def _emit(
        self,
        body: str | None,
        event_name: str,
        severity: SeverityNumber,
        attributes: Mapping[str, AttributeValue],
        context: Context,
        at_ns: int | None = None,
    ) -> None:
        self._logger.emit(
            LogRecord(
                timestamp=time_ns() if at_ns is None else at_ns,
                context=context,
                severity_number=severity,
                severity_text=severity.name,
                body=body,
                attributes=dict(attributes),
                event_name=event_name,
            )
        )
