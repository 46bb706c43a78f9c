"""The properties by which telemetry is found, and under which attribute names each of them may be written.

The first name is ours; the others are the operations guide's, those of metrics (with underscores), and older ones
of third-party instrumentations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from agentotel.model import names, operations

if TYPE_CHECKING:
    from collections.abc import Mapping

FACETS: Final[Mapping[str, tuple[str, ...]]] = {
    "agent": (names.AGENT_NAME, "agent.name", "agent_name", names.AGENT_ID, "agent.id", "agent_id"),
    "user": (names.USER_ID, "user_id", "enduser.id"),
    "tenant": (names.TENANT_ID, "tenant_id"),
    "session": (names.SESSION_ID, names.CONVERSATION_ID, "session_id"),
    "request": (names.REQUEST_ID, "request_id"),
    "model": (names.REQUEST_MODEL, names.RESPONSE_MODEL, "model"),
    "tool": (names.TOOL_NAME, "tool.name", "tool_name"),
}
"""The columns of spans, log records and series, in their order."""

INPUT_TOKENS: Final = (names.USAGE_INPUT_TOKENS, "tokens.input", "gen_ai.usage.prompt_tokens")
OUTPUT_TOKENS: Final = (names.USAGE_OUTPUT_TOKENS, "tokens.output", "gen_ai.usage.completion_tokens")
MODEL_CALLS: Final = frozenset(
    {operations.CHAT, operations.TEXT_COMPLETION, operations.GENERATE_CONTENT, operations.EMBEDDINGS}
)
_GUIDE_SPANS: Final = {"Agent.Chat": operations.INVOKE_AGENT, "Model.Call": operations.CHAT}
_GUIDE_TOOL: Final = "Tool."
_OLD_SYSTEM: Final = "gen_ai.system"


def first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the value of the first of `keys` that `attributes` has, else None."""
    for key in keys:
        if key in attributes:
            return attributes[key]
    return None


def facets(attributes: Mapping[str, Any]) -> tuple[str | None, ...]:
    """Return the values of all `FACETS`, as text, None where there is none."""
    found = [first(attributes, keys) for keys in FACETS.values()]
    return tuple(value if value is None or isinstance(value, str) else str(value) for value in found)


def operation(name: str, attributes: Mapping[str, Any]) -> str | None:
    """Return the ``gen_ai.operation.name`` of a span called `name`, also where it is only implied.

    The guide's span names imply one, and so does an older third-party span that has a system, a model and tokens.
    """
    known = attributes.get(names.OPERATION_NAME) or _GUIDE_SPANS.get(name)
    if known is not None:
        return known if isinstance(known, str) else str(known)
    if name.startswith(_GUIDE_TOOL) and first(attributes, ("tool.name", names.TOOL_NAME)) is not None:
        return operations.EXECUTE_TOOL
    if _OLD_SYSTEM in attributes and names.REQUEST_MODEL in attributes and first(attributes, INPUT_TOKENS) is not None:
        return operations.CHAT
    return None
