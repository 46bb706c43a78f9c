"""Operations as span attributes: what is known at the start, and what its end adds.

Attributes by which samplers decide are in the first set, ids before all others. (A limit of attributes evicts the
oldest ones: the end puts the ids back where that has happened.) The names come from `agentotel.model.names`; renaming
for another convention happens in the recorder.

This module owns state: which attributes operations have that were given the same fields, bounded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.errors import printable
from agentotel.model import names
from agentotel.model.conventions import operation_name
from agentotel.model.operations import (
    AgentRun,
    McpCall,
    ModelCall,
    Operation,
    Retrieval,
    Step,
    ToolCall,
    Usage,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentotel.model.operations import AttributeValue

Attributes = dict[str, "AttributeValue"]

_TEXT_CHARACTERS: Final = 1024
"""Longest text that is no content: an id, a name, a model. Beyond it the value is cut and marked."""

_MODEL_START: Final = (
    ("provider", names.PROVIDER_NAME),
    ("request_model", names.REQUEST_MODEL),
    ("server_address", names.SERVER_ADDRESS),
    ("server_port", names.SERVER_PORT),
    ("output_type", names.OUTPUT_TYPE),
    ("seed", names.REQUEST_SEED),
    ("max_tokens", names.REQUEST_MAX_TOKENS),
    ("temperature", names.REQUEST_TEMPERATURE),
    ("top_p", names.REQUEST_TOP_P),
    ("top_k", names.REQUEST_TOP_K),
    ("frequency_penalty", names.REQUEST_FREQUENCY_PENALTY),
    ("presence_penalty", names.REQUEST_PRESENCE_PENALTY),
    ("reasoning_level", names.REQUEST_REASONING_LEVEL),
    ("message_count", names.MESSAGE_COUNT),
)
_AGENT_START: Final = (
    ("agent_id", names.AGENT_ID),
    ("name", names.AGENT_NAME),
    ("template_id", names.AGENT_TEMPLATE),
    ("description", names.AGENT_DESCRIPTION),
    ("provider", names.PROVIDER_NAME),
    ("request_model", names.REQUEST_MODEL),
    ("message_length", names.MESSAGE_LENGTH),
    ("message_count", names.MESSAGE_COUNT),
    ("token_limit", names.TOKEN_LIMIT),
    ("tokens_used", names.TOKENS_USED),
)
_TOOL_START: Final = (
    ("name", names.TOOL_NAME),
    ("call_id", names.TOOL_CALL_ID),
    ("tool_type", names.TOOL_TYPE),
    ("description", names.TOOL_DESCRIPTION),
)
_WORKFLOW_START: Final = (("name", names.WORKFLOW_NAME),)
_RETRIEVAL_START: Final = (
    ("name", names.RETRIEVER_NAME),
    ("data_source_id", names.DATA_SOURCE_ID),
    ("top_k", names.REQUEST_TOP_K),
)
_MCP_START: Final = (
    ("method", names.MCP_METHOD),
    ("request_id", names.JSONRPC_REQUEST_ID),
    ("mcp_session_id", names.MCP_SESSION_ID),
    ("protocol_version", names.MCP_PROTOCOL_VERSION),
    ("resource_uri", names.MCP_RESOURCE_URI),
    ("transport", names.NETWORK_TRANSPORT),
    ("server_address", names.SERVER_ADDRESS),
    ("server_port", names.SERVER_PORT),
)
_STEP_START: Final = (("name", names.STEP_NAME),)
_STARTS: Final = (
    (ModelCall, _MODEL_START),
    (AgentRun, _AGENT_START),
    (ToolCall, _TOOL_START),
    (Workflow, _WORKFLOW_START),
    (Step, _STEP_START),
    (Retrieval, _RETRIEVAL_START),
    (McpCall, _MCP_START),
)
_IDS: Final = (
    names.REQUEST_ID,
    names.USER_ID,
    names.TENANT_ID,
    names.SESSION_ID,
    names.AGENT_ID,
    names.AGENT_NAME,
    names.CONVERSATION_ID,
)
_USAGE: Final = (
    ("input_tokens", names.USAGE_INPUT_TOKENS),
    ("output_tokens", names.USAGE_OUTPUT_TOKENS),
    ("cache_read_tokens", names.USAGE_CACHE_READ_TOKENS),
    ("cache_write_tokens", names.USAGE_CACHE_WRITE_TOKENS),
    ("reasoning_tokens", names.USAGE_REASONING_TOKENS),
)


def at_start(operation: Operation, inherited: Attributes) -> Attributes:
    """Return the attributes that the span starts with.

    Args:
        operation: What starts.
        inherited: Ids and the enclosing agent's name: they come first.
    """
    attributes = dict(inherited)
    verb = operation_name(operation)
    if verb is not None:
        attributes[names.OPERATION_NAME] = verb
    if operation.conversation_id:
        attributes[names.CONVERSATION_ID] = text(operation.conversation_id)
    kind: Any = type(operation)
    _add(attributes, operation, _known_at_start(kind, tuple(vars(operation))))
    if isinstance(operation, ModelCall):
        _add_request_details(attributes, operation)
    elif isinstance(operation, McpCall) and operation.name:
        attributes[_subject_of(operation)] = text(operation.name)
    if operation.attributes:
        attributes.update((key, _safe(value)) for key, value in operation.attributes.items())
    return attributes


@lru_cache(maxsize=512)
def _known_at_start(kind: type[Operation], given: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the fields, with the names of their attributes, that operations can have which were given these fields.

    They have dozens, and were given a few.
    """
    return tuple(
        (field, name)
        for each, fields in _STARTS
        if issubclass(kind, each)
        for field, name in fields
        if field in given or getattr(kind, field) is not None
    )


def _subject_of(call: McpCall) -> str:
    return names.TOOL_NAME if call.is_tool_call else names.PROMPT_NAME


def ids(started_with: Attributes) -> Attributes:
    """Return those attributes of a span that say who it is for and whose it is."""
    return {name: started_with[name] for name in _IDS if name in started_with}


def _add_request_details(attributes: Attributes, call: ModelCall) -> None:
    if call.stream:
        attributes[names.REQUEST_STREAM] = True
    if call.choice_count not in {None, 1}:
        attributes[names.REQUEST_CHOICE_COUNT] = call.choice_count
    if call.stop_sequences:
        attributes[names.REQUEST_STOP_SEQUENCES] = _texts(call.stop_sequences)


def at_end(operation: Operation, started_with: Attributes) -> Attributes:
    """Return what the end of the operation adds to the attributes it started with."""
    attributes: Attributes = {}
    if not operation.attributes.items() <= started_with.items():
        for key, value in operation.attributes.items():
            safe = _safe(value)
            if started_with.get(key) != safe:
                attributes[key] = safe
    if operation.conversation_id and names.CONVERSATION_ID not in started_with:
        attributes[names.CONVERSATION_ID] = text(operation.conversation_id)
    if isinstance(operation, ModelCall):
        _add_model_end(attributes, operation, started_with)
    elif isinstance(operation, AgentRun) and operation.finish_reasons:
        attributes[names.RESPONSE_FINISH_REASONS] = _texts(operation.finish_reasons)
    elif isinstance(operation, Retrieval) and operation.document_count is not None:
        attributes[names.DOCUMENT_COUNT] = operation.document_count
    elif isinstance(operation, McpCall):
        _add_mcp_end(attributes, operation, started_with)
    return attributes


def _add_mcp_end(attributes: Attributes, call: McpCall, started_with: Attributes) -> None:
    if call.status_code:
        attributes[names.RPC_STATUS_CODE] = text(call.status_code)
    late: Attributes = {}
    _add(late, call, _MCP_START)
    attributes.update((key, value) for key, value in late.items() if key not in started_with)


def _add_model_end(attributes: Attributes, call: ModelCall, started_with: Attributes) -> None:
    if call.response_model:
        attributes[names.RESPONSE_MODEL] = text(call.response_model)
    if call.response_id:
        attributes[names.RESPONSE_ID] = text(call.response_id)
    if call.finish_reasons:
        attributes[names.RESPONSE_FINISH_REASONS] = _texts(call.finish_reasons)
    if call.stream and names.REQUEST_STREAM not in started_with:
        attributes[names.REQUEST_STREAM] = True
    if call.retries:
        attributes[names.RETRIES] = call.retries
    if call.rate_limits:
        attributes[names.RATE_LIMITS] = call.rate_limits


def of_usage(usage: Usage | None) -> Attributes:
    """Return the ``gen_ai.usage.*`` attributes of what is known about tokens."""
    attributes: Attributes = {}
    if usage is not None:
        _add(attributes, usage, _USAGE)
    return attributes


def text(value: str) -> str:
    """Return a name or id as it may stand in an attribute: printable and at most 1024 characters.

    An id of a megabyte or a name with control characters must not hurt whoever stores or prints it.
    """
    return value if len(value) <= _TEXT_CHARACTERS and value.isprintable() else printable(value, _TEXT_CHARACTERS)


def _safe(value: AttributeValue) -> AttributeValue:
    return text(value) if isinstance(value, str) else value


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(text(str(value)) for value in values)


def _add(attributes: Attributes, source: object, fields: Iterable[tuple[str, str]]) -> None:
    for field, name in fields:
        value = getattr(source, field)
        if value is not None:
            # As `text` has it, without a call for each.
            is_fine = not isinstance(value, str) or (len(value) <= _TEXT_CHARACTERS and value.isprintable())
            attributes[name] = value if is_fine else printable(value, _TEXT_CHARACTERS)
