"""Chat models and completion models: what they are asked for, and what they answer.

What LangChain itself knows of a call stands in the ``ls_`` metadata that each integration fills; the adapter of the
SDK underneath completes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.failopen import attempt
from agentotel.adapters.langchain import content, runs
from agentotel.adapters.openai_protocol.messages import tool_definitions
from agentotel.model.operations import CHAT, TEXT_COMPLETION, ModelCall, Usage

if TYPE_CHECKING:
    from agentotel.model.contract import Intercepted

_PROVIDERS: Final[Mapping[str, str]] = {
    "amazon_bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "ibm": "ibm.watsonx.ai",
    "mistral": "mistral_ai",
    "mistralai": "mistral_ai",
    "openai-codex": "openai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Providers that the GenAI conventions call by another name than LangChain does."""


# --- requests ---


def chat_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``_generate_with_cache``, which answers one list of messages."""
    operation = _model_call(CHAT, call, _metadata(call, call.argument("run_manager", 2)))
    _ask_with_messages(operation, call.argument("messages", 0))
    return operation


def chat_stream_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``stream``, which takes whatever can be made into messages."""
    config = runs.config_of(call)
    operation = _model_call(CHAT, call, _metadata(call, None))
    operation.conversation_id = runs.conversation_id(config)
    operation.stream = True
    _ask_with_messages(operation, call.argument("input", 0))
    _collect(operation)
    return operation


def chat_events_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``_iter_v2_events``, the stream of protocol events."""
    operation = _model_call(CHAT, call, _metadata(call, call.kwargs.get("run_manager")))
    operation.stream = True
    # Not LangChain's own `stream` argument: it refers to the generator, which then could never be collected.
    operation.scratch = []
    operation.output_messages = partial(_told_in_blocks, operation)
    _ask_with_messages(operation, call.argument("messages", 0))
    return operation


def completion_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``_generate_helper``, which completes one or more prompts that no cache could answer."""
    managers = call.argument("run_managers", 2)
    operation = _model_call(TEXT_COMPLETION, call, _metadata(call, managers[0] if managers else None))
    prompts = call.argument("prompts", 0)
    operation.message_count = len(prompts)
    operation.input_messages = partial(content.messages, tuple(prompts))
    return operation


def completion_stream_request(call: Intercepted) -> ModelCall | None:
    """Make the operation of ``stream``; a model that cannot stream answers through ``_generate_helper``."""
    if not _can_stream(type(call.instance), call.target):
        return None
    operation = _model_call(TEXT_COMPLETION, call, _metadata(call, None))
    operation.conversation_id = runs.conversation_id(runs.config_of(call))
    operation.stream = True
    operation.message_count = 1
    operation.input_messages = partial(content.messages, call.argument("input", 0))
    _collect(operation)
    return operation


def _can_stream(model: type, target: str) -> bool:
    from langchain_core.language_models.llms import BaseLLM  # noqa: PLC0415 - one of its methods has been called

    ways = ("_stream", "_astream") if target.endswith(".astream") else ("_stream",)
    return any(getattr(model, way) is not getattr(BaseLLM, way) for way in ways)


def _metadata(call: Intercepted, run_manager: Any) -> Mapping[str, Any]:
    """Return what LangChain notes about a call: on its run manager, else what the model says of itself."""
    found = getattr(run_manager, "metadata", None) or {}
    if "ls_model_name" in found or "ls_provider" in found:
        return found
    said = attempt("langchain.ls_params", partial(_said_by_model, call.instance, call.argument("stop"), call.kwargs))
    return {**found, **(said or {})}


def _said_by_model(model: Any, stop: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    others = {name: value for name, value in kwargs.items() if name not in {"input", "config", "stop"}}
    return dict(model._get_ls_params(stop=stop, **others))  # noqa: SLF001 - what LangChain itself asks for


def _model_call(kind: str, call: Intercepted, said: Mapping[str, Any]) -> ModelCall:
    provider = said.get("ls_provider")
    operation = ModelCall(
        operation=kind,
        provider=_PROVIDERS.get(provider, provider) if provider else None,
        request_model=said.get("ls_model_name"),
        temperature=_number(said.get("ls_temperature")),
        max_tokens=said.get("ls_max_tokens"),
        stop_sequences=_texts(said.get("ls_stop")),
        conversation_id=runs.conversation_in(said),
    )
    tools = call.kwargs.get("tools")
    if tools:
        operation.tool_definitions = partial(tool_definitions, tuple(tools))
    return operation


def _ask_with_messages(operation: ModelCall, given: Any) -> None:
    inner = getattr(given, "messages", given)  # a prompt value holds a list
    operation.message_count = len(inner) if isinstance(inner, Sequence) and not isinstance(inner, str) else 1
    kept = tuple(inner) if isinstance(inner, list) else given
    operation.input_messages = partial(content.messages, kept)


def _collect(operation: ModelCall) -> None:
    operation.scratch = []
    operation.output_messages = partial(_told_in_pieces, operation)


# --- answers ---


def chat_response(operation: ModelCall, result: Any) -> None:
    """Complete the operation from the ``ChatResult``."""
    found = result.generations
    usage = _usage_of_generations(found)
    if usage is None or not all(generation.message.response_metadata for generation in found):
        _complete(operation, result.llm_output)
    for generation in found:
        _read_message(operation, generation.message)
        if generation.generation_info:
            _add_finish_reason(operation, generation.generation_info)
    operation.usage = usage or operation.usage
    operation.output_messages = partial(content.generations, found, operation.finish_reasons)


def chat_chunk(operation: ModelCall, message: Any) -> None:
    """Fold one piece of a streamed chat: each says how many tokens it adds."""
    _keep(operation, message)
    said = getattr(message, "usage_metadata", None)
    if said:
        operation.usage = _sum(operation.usage, _usage(said))
    if message.response_metadata:
        _read_message(operation, message)


def chat_event(operation: ModelCall, event: Mapping[str, Any]) -> None:
    """Fold one protocol event: blocks of content, and at last the tokens and how it ended."""
    if event.get("event") == "message-start":
        operation.response_id = _response_id(event.get("id"))
    elif event.get("event") == "content-block-finish":
        _keep(operation, event.get("content"))
    elif event.get("event") == "message-finish":
        if event.get("usage"):
            operation.usage = _usage(event["usage"])
        _read_metadata(operation, event.get("metadata") or {})


def completion_response(operation: ModelCall, result: Any) -> None:
    """Complete the operation from the ``LLMResult``."""
    _complete(operation, result.llm_output)
    answers = [generation for of_prompt in result.generations for generation in of_prompt]
    for answer in answers:
        if answer.generation_info:
            _add_finish_reason(operation, answer.generation_info)
    operation.output_messages = partial(content.generations, answers, operation.finish_reasons)


def completion_chunk(operation: ModelCall, text: Any) -> None:
    """Keep one piece of a streamed completion."""
    _keep(operation, text)


def _keep(operation: ModelCall, piece: Any) -> None:
    """Remember a piece of the answer where content goes anywhere: else the program's may be gone already."""
    if operation.wants_content:
        operation.scratch.append(piece)


def _told_in_pieces(operation: ModelCall) -> Any:
    return content.streamed(operation.scratch, operation.finish_reasons)


def _told_in_blocks(operation: ModelCall) -> Any:
    return content.told(operation.scratch, operation.finish_reasons)


def _complete(operation: ModelCall, said: Mapping[str, Any] | None) -> None:
    """Take what an integration says about the whole answer: the way of those written before ``usage_metadata``."""
    if said:
        _read_metadata(operation, said)
        operation.usage = _reported(said.get("token_usage") or said.get("usage"))


def _read_message(operation: ModelCall, message: Any) -> None:
    said = getattr(message, "response_metadata", None)
    if said:
        _read_metadata(operation, said)
    if operation.response_id is None:
        operation.response_id = _response_id(getattr(message, "id", None))


def _read_metadata(operation: ModelCall, said: Mapping[str, Any]) -> None:
    model = said.get("model_name") or said.get("model")
    if isinstance(model, str) and model:
        operation.response_model = model
    if isinstance(said.get("id"), str):
        operation.response_id = said["id"]
    _add_finish_reason(operation, said)


def _add_finish_reason(operation: ModelCall, said: Mapping[str, Any]) -> None:
    reason = said.get("finish_reason") or said.get("stop_reason")
    if isinstance(reason, str) and reason and reason not in operation.finish_reasons:
        operation.finish_reasons += (reason,)


def _response_id(message_id: Any) -> str | None:
    """Return the id that a provider gave, not one that LangChain made up from the id of the run."""
    if isinstance(message_id, str) and not message_id.startswith(("lc_run-", "run-")):
        return message_id
    return None


# --- tokens ---


def _usage_of_generations(found: Sequence[Any]) -> Usage | None:
    """Return the tokens of an answer: all its generations carry the same figures."""
    for generation in found:
        said = getattr(generation.message, "usage_metadata", None)
        if said:
            # The mark that LangChain puts on answers from its cache: no model has worked, nothing is to be paid.
            return Usage(input_tokens=0, output_tokens=0) if said.get("total_cost") == 0 else _usage(said)
    return None


def _usage(said: Mapping[str, Any]) -> Usage:
    read = said.get("input_token_details") or {}
    written = [count for name, count in read.items() if name == "cache_creation" or name.startswith("ephemeral_")]
    return Usage(
        input_tokens=said.get("input_tokens"),
        output_tokens=said.get("output_tokens"),
        cache_read_tokens=read.get("cache_read"),
        cache_write_tokens=sum(count or 0 for count in written) if written else None,
        reasoning_tokens=(said.get("output_token_details") or {}).get("reasoning"),
    )


def _reported(said: Any) -> Usage | None:
    """Return tokens as an integration reports them on the whole answer, in the words of its provider."""
    if not isinstance(said, Mapping):
        return None
    sent = said.get("prompt_tokens", said.get("input_tokens"))
    received = said.get("completion_tokens", said.get("output_tokens"))
    if not isinstance(sent, int) and not isinstance(received, int):
        return None
    return Usage(input_tokens=sent, output_tokens=received)


def _sum(one: Usage | None, other: Usage) -> Usage:
    if one is None:
        return other
    for name in Usage.__slots__:
        more = getattr(other, name)
        if more is not None:
            setattr(one, name, (getattr(one, name) or 0) + more)
    return one


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(item) for item in value or ())
