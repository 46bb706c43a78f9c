"""The two spellings of telemetry: the GenAI conventions (default) and the operations guide's own names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agentotel.model import names
from agentotel.model.operations import (
    EXECUTE_TOOL,
    INVOKE_AGENT,
    INVOKE_WORKFLOW,
    RETRIEVAL,
    AgentRun,
    McpCall,
    ModelCall,
    Operation,
    Retrieval,
    ToolCall,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agentotel.model.operations import AttributeValue


@dataclass(frozen=True, slots=True)
class Convention:
    """How operations are named.

    Attributes:
        name: The value of ``AGENTOTEL_CONVENTIONS`` that selects it.
        span_name: Gives the name of an operation's span.
        renames: Attribute names of `agentotel.model.names` that are written differently.
    """

    name: str
    span_name: Callable[[Operation], str]
    renames: Mapping[str, str] = field(default_factory=dict)

    def rename(self, attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
        """Return `attributes` in this spelling (the same object where nothing is renamed)."""
        if not self.renames:
            return attributes
        return {self.renames.get(key, key): value for key, value in attributes.items()}


def operation_name(operation: Operation) -> str | None:
    """Return the ``gen_ai.operation.name`` of an operation, None for what has none: a step, a ping over MCP."""
    if isinstance(operation, ModelCall):
        return operation.operation
    if isinstance(operation, AgentRun):
        return INVOKE_AGENT
    if isinstance(operation, ToolCall):
        return EXECUTE_TOOL
    if isinstance(operation, McpCall):
        return EXECUTE_TOOL if operation.is_tool_call else None
    if isinstance(operation, Retrieval):
        return RETRIEVAL
    return INVOKE_WORKFLOW if isinstance(operation, Workflow) else None


def _genai_span_name(operation: Operation) -> str:
    verb = operation.method if isinstance(operation, McpCall) else operation_name(operation)
    subject = operation.request_model if isinstance(operation, ModelCall) else operation.name
    if verb is None:
        return subject or "step"
    return f"{verb} {subject}" if subject else verb


def _guide_span_name(operation: Operation) -> str:
    if isinstance(operation, AgentRun):
        return "Agent.Chat"
    if isinstance(operation, ToolCall):
        return f"Tool.{operation.name or 'unknown'}"
    return "Model.Call" if isinstance(operation, ModelCall) else _genai_span_name(operation)


GENAI: Final = Convention("genai", _genai_span_name)
"""OpenTelemetry's GenAI semantic conventions, as opentelemetry-util-genai 1.3b0 implements them."""

GUIDE: Final = Convention(
    "guide",
    _guide_span_name,
    {
        names.AGENT_ID: "agent.id",
        names.MESSAGE_LENGTH: "message.length",
        names.USAGE_INPUT_TOKENS: "tokens.input",
        names.USAGE_OUTPUT_TOKENS: "tokens.output",
        names.TOOL_NAME: "tool.name",
        names.TOOL_CALL_ARGUMENTS: "tool.input",
    },
)
"""The span names and attributes of the operations guide."""

CONVENTIONS: Final[Mapping[str, Convention]] = {convention.name: convention for convention in (GENAI, GUIDE)}
"""By the value of ``AGENTOTEL_CONVENTIONS``."""
