"""Spans that libraries make by themselves after the GenAI conventions, as operations: what their adapters build on.

Every such library follows another state of the conventions, with additions of its own: ``gen_ai.system`` or
``gen_ai.provider.name``, ``prompt_tokens`` or ``input_tokens``, messages in attributes or in events, an operation's
name in an attribute or only in the span's name. `started` and `ended` understand all of them; an adapter puts them
into its `Native`, or calls them from functions of its own that add what only this library does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters import native_attributes as reading
from agentotel.adapters import native_content as content
from agentotel.model import names
from agentotel.model.operations import (
    CHAT,
    CREATE_AGENT,
    EMBEDDINGS,
    EXECUTE_TOOL,
    GENERATE_CONTENT,
    INVOKE_AGENT,
    INVOKE_WORKFLOW,
    PLAN,
    RETRIEVAL,
    TEXT_COMPLETION,
    AgentRun,
    ModelCall,
    Operation,
    Retrieval,
    Step,
    ToolCall,
    Usage,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agentotel.model.contract import NativeSpan

_MODEL_CALLS: Final = frozenset({CHAT, GENERATE_CONTENT, TEXT_COMPLETION, EMBEDDINGS})
_STEPS: Final = frozenset({CREATE_AGENT, PLAN})
_KINDS: Final[Mapping[str, type[Operation]]] = {
    **dict.fromkeys(_MODEL_CALLS, ModelCall),
    **dict.fromkeys(_STEPS, Step),
    INVOKE_AGENT: AgentRun,
    EXECUTE_TOOL: ToolCall,
    INVOKE_WORKFLOW: Workflow,
    RETRIEVAL: Retrieval,
}
_CANCELLATIONS: Final = frozenset({"CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit"})
_CARRIED: Final = (
    names.EMBEDDINGS_DIMENSION_COUNT,
    names.REQUEST_ENCODING_FORMATS,
    names.REQUEST_PREVIOUS_RESPONSE_ID,
    names.OPENAI_API_TYPE,
    names.OPENAI_REQUEST_SERVICE_TIER,
    names.OPENAI_RESPONSE_SERVICE_TIER,
    names.OPENAI_RESPONSE_FINGERPRINT,
)
"""Attributes of the conventions that no field stands for: they are taken over as they are."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of an operation, and where a native span says what it is.

    Attributes:
        name: The field.
        read: Reads it.
        attributes: Under which of these names it may stand, the best one first.
    """

    name: str
    read: Callable[..., Any]
    attributes: tuple[str, ...]


_PROVIDER: Final = (names.PROVIDER_NAME, "gen_ai.system")
_REQUEST: Final = (
    _Field("provider", reading.provider, _PROVIDER),
    _Field("request_model", reading.text, (names.REQUEST_MODEL,)),
    _Field("finish_reasons", reading.texts, (names.RESPONSE_FINISH_REASONS, "gen_ai.response.finish_reason")),
)
_MODEL_CALL: Final = (
    *_REQUEST,
    _Field("response_model", reading.text, (names.RESPONSE_MODEL,)),
    _Field("response_id", reading.text, (names.RESPONSE_ID,)),
    _Field("stream", reading.flag, (names.REQUEST_STREAM, "gen_ai.is_streaming", "llm.is_streaming")),
    _Field("output_type", reading.text, (names.OUTPUT_TYPE,)),
    _Field("choice_count", reading.count, (names.REQUEST_CHOICE_COUNT,)),
    _Field("seed", reading.whole, (names.REQUEST_SEED, "gen_ai.openai.request.seed")),
    _Field("max_tokens", reading.count, (names.REQUEST_MAX_TOKENS,)),
    _Field("temperature", reading.number, (names.REQUEST_TEMPERATURE,)),
    _Field("top_p", reading.number, (names.REQUEST_TOP_P,)),
    _Field("top_k", reading.count, (names.REQUEST_TOP_K,)),
    _Field("frequency_penalty", reading.number, (names.REQUEST_FREQUENCY_PENALTY,)),
    _Field("presence_penalty", reading.number, (names.REQUEST_PRESENCE_PENALTY,)),
    _Field("stop_sequences", reading.texts, (names.REQUEST_STOP_SEQUENCES,)),
    _Field("reasoning_level", reading.text, (names.REQUEST_REASONING_LEVEL,)),
    _Field("server_address", reading.host, (names.SERVER_ADDRESS,)),
    _Field("server_port", reading.port, (names.SERVER_PORT, names.SERVER_ADDRESS)),
)
_AGENT_RUN: Final = (
    *_REQUEST,
    _Field("name", reading.text, (names.AGENT_NAME, "agent_name")),
    _Field("agent_id", reading.text, (names.AGENT_ID,)),
    _Field("description", reading.text, (names.AGENT_DESCRIPTION,)),
)
_TOOL_CALL: Final = (
    _Field("name", reading.text, (names.TOOL_NAME,)),
    _Field("call_id", reading.text, (names.TOOL_CALL_ID,)),
    _Field("tool_type", reading.text, (names.TOOL_TYPE,)),
    _Field("description", reading.text, (names.TOOL_DESCRIPTION,)),
)
_RETRIEVAL: Final = (
    _Field("data_source_id", reading.text, (names.DATA_SOURCE_ID,)),
    _Field("top_k", reading.count, ("gen_ai.retrieval.top_k", names.REQUEST_TOP_K)),
)
_FIELDS: Final[Mapping[type[Operation], tuple[_Field, ...]]] = {
    ModelCall: _MODEL_CALL,
    AgentRun: _AGENT_RUN,
    ToolCall: _TOOL_CALL,
    Workflow: (_Field("name", reading.text, (names.WORKFLOW_NAME,)),),
    Retrieval: _RETRIEVAL,
    Step: (),
}
_CONVERSATION: Final = _Field("conversation_id", reading.text, (names.CONVERSATION_ID,))
_USAGE: Final = (
    _Field("input_tokens", reading.count, (names.USAGE_INPUT_TOKENS, "gen_ai.usage.prompt_tokens")),
    _Field("output_tokens", reading.count, (names.USAGE_OUTPUT_TOKENS, "gen_ai.usage.completion_tokens")),
    _Field(
        "cache_read_tokens",
        reading.count,
        (
            names.USAGE_CACHE_READ_TOKENS,
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cached_tokens",
            "gen_ai.usage.details.cache_read_tokens",
        ),
    ),
    _Field(
        "cache_write_tokens",
        reading.count,
        (
            names.USAGE_CACHE_WRITE_TOKENS,
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.details.cache_write_tokens",
        ),
    ),
    _Field(
        "reasoning_tokens",
        reading.count,
        (
            names.USAGE_REASONING_TOKENS,
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.details.reasoning_tokens",
            "gen_ai.usage.details.thoughts_tokens",
        ),
    ),
)


def started(span: NativeSpan) -> Operation | None:
    """Make the operation of a span that starts; None for one that is none of the conventions' operations.

    Which one is said by ``gen_ai.operation.name``, or else by the first word of the span's name (``chat gpt-5``).
    """
    verb, subject = _verb_and_subject(span)
    kind = _KINDS.get(verb)
    if kind is Step:
        subject = span.name
    return None if kind is None else start(kind, span, subject, verb)


def start(kind: type[Operation], span: NativeSpan, subject: str | None = None, verb: str = CHAT) -> Operation:
    """Make an operation of `kind` from what a span says when it starts; for spans that `started` cannot know.

    Args:
        kind: `ModelCall`, `AgentRun`, `ToolCall`, `Workflow`, `Retrieval` or `Step`.
        span: The native span.
        subject: The model of a model call, the name of anything else, where no attribute says so.
        verb: The operation name of a model call.
    """
    operation = ModelCall(operation=verb, request_model=subject) if kind is ModelCall else kind(name=subject)
    _fill(operation, span.attributes)
    return operation


def ended(operation: Operation, span: NativeSpan) -> None:
    """Complete an operation with everything that its span has said by its end: data, usage, outcome and content."""
    _fill(operation, span.attributes)
    if isinstance(operation, ModelCall | AgentRun):
        operation.usage = usage(span.attributes) or operation.usage
        operation.finish_reasons = operation.finish_reasons or _finish_reasons(span.events)
    set_outcome(operation, span)
    _set_content(operation, span)


def usage(attributes: Mapping[str, Any]) -> Usage | None:
    """Return the tokens that the attributes of a span tell of, None if they do not."""
    counts = {field.name: field.read(attributes, *field.attributes) for field in _USAGE}
    return None if all(found is None for found in counts.values()) else Usage(**counts)


def set_outcome(operation: Operation, span: NativeSpan) -> None:
    """Say that an operation failed or was cancelled, where an attribute or an exception event of its span says so."""
    error = reading.text(span.attributes, names.ERROR_TYPE) or _recorded_exception(span.events)
    if error is None or operation.failure is not None:
        return
    if error in _CANCELLATIONS:
        operation.cancelled = True
    else:
        operation.failure = error


def _recorded_exception(events: Sequence[tuple[str, Mapping[str, Any]]]) -> str | None:
    """Return the class of the exception that was recorded last: the one with which the span ended."""
    kinds = [reading.text(values, names.EXCEPTION_TYPE) for name, values in events if name == "exception"]
    kind = next((kind for kind in reversed(kinds) if kind), None)
    return kind and (kind.rpartition(".")[2] or kind)


def _verb_and_subject(span: NativeSpan) -> tuple[str, str | None]:
    said = reading.text(span.attributes, names.OPERATION_NAME)
    verb, _, subject = span.name.partition(" ")
    if said is None or said == verb:
        return verb, subject or None
    return said, None


def _fill(operation: Operation, attributes: Mapping[str, Any]) -> None:
    """Set the fields about which the attributes say something; a later word replaces an earlier one."""
    for field in (*_FIELDS[type(operation)], _CONVERSATION):
        value = field.read(attributes, *field.attributes)
        if value is not None:
            setattr(operation, field.name, value)
    for name in _CARRIED:
        if attributes.get(name) is not None:
            operation.attributes[name] = attributes[name]


def _finish_reasons(events: Sequence[tuple[str, Mapping[str, Any]]]) -> tuple[str, ...]:
    reasons = (reading.text(values, "finish_reason") for name, values in events if name == "gen_ai.choice")
    return tuple(reason for reason in reasons if reason)


def _set_content(operation: Operation, span: NativeSpan) -> None:
    if isinstance(operation, ModelCall | AgentRun | Workflow):
        operation.input_messages = content.input_messages(span) or operation.input_messages
        operation.output_messages = content.output_messages(span) or operation.output_messages
    if isinstance(operation, ModelCall | AgentRun):
        operation.system_instructions = content.system_instructions(span) or operation.system_instructions
    if isinstance(operation, ModelCall):
        operation.tool_definitions = content.data(span, names.TOOL_DEFINITIONS) or operation.tool_definitions
    elif isinstance(operation, ToolCall):
        operation.arguments = content.tool_arguments(span) or operation.arguments
        operation.result = content.tool_result(span) or operation.result
    elif isinstance(operation, Retrieval):
        operation.query = content.data(span, names.RETRIEVAL_QUERY) or operation.query
        operation.documents = content.data(span, names.RETRIEVAL_DOCUMENTS) or operation.documents
