"""What the requests of the OpenAI protocol say: the arguments of a call, as an operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters.openai_protocol import messages as content
from agentotel.adapters.openai_protocol.endpoint import endpoint_of
from agentotel.adapters.openai_protocol.messages import read, text_of
from agentotel.model import names
from agentotel.model.operations import EMBEDDINGS, ModelCall

if TYPE_CHECKING:
    from agentotel.model.contract import Intercepted


_NUMBERS: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "n": "choice_count",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
"""Arguments that are numbers, and the fields of `ModelCall` that they become."""

_OUTPUT_TYPES: Final = {"json_object": "json", "json_schema": "json", "text": "text"}


def chat_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``chat.completions.create`` and ``.parse``."""
    given = _given(call)
    operation = _request(call, given)
    operation.attributes[names.OPENAI_API_TYPE] = "chat_completions"
    if "response_format" in given:
        operation.output_type = _output_type(given["response_format"])
    if "reasoning_effort" in given:
        operation.reasoning_level = text_of(given["reasoning_effort"])
    if "stop" in given:
        operation.stop_sequences = _texts(given["stop"])
    _offer_content(operation, given.get("messages"), content.chat_messages)
    return operation


def responses_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``responses.create`` and ``.parse``."""
    given = _given(call)
    operation = _request(call, given)
    operation.attributes[names.OPENAI_API_TYPE] = "responses"
    operation.output_type = _output_type(given.get("text_format") or read(given.get("text"), "format"))
    operation.reasoning_level = text_of(read(given.get("reasoning"), "effort"))
    conversation = given.get("conversation")
    operation.conversation_id = text_of(conversation) or text_of(read(conversation, "id"))
    if previous := text_of(given.get("previous_response_id")):
        operation.attributes[names.REQUEST_PREVIOUS_RESPONSE_ID] = previous
    if isinstance(instructions := given.get("instructions"), str | Sequence):
        operation.system_instructions = partial(content.instructions, instructions)
    _offer_content(operation, given.get("input"), content.response_input)
    return operation


def embeddings_request(call: Intercepted) -> ModelCall:
    """Make the operation of ``embeddings.create``."""
    given = _given(call)
    operation = _request(call, given)
    operation.operation = EMBEDDINGS
    if isinstance(dimensions := given.get("dimensions"), int):
        operation.attributes[names.EMBEDDINGS_DIMENSION_COUNT] = dimensions
    if encoding := text_of(given.get("encoding_format")):
        operation.attributes[names.REQUEST_ENCODING_FORMATS] = (encoding,)
    return operation


def _request(call: Intercepted, given: Mapping[str, Any]) -> ModelCall:
    """Make an operation from what the three APIs have in common."""
    provider, address, port = endpoint_of(getattr(call.instance, "_client", None))
    operation = ModelCall(
        provider=provider,
        request_model=text_of(given.get("model")),
        server_address=address,
        server_port=port,
        stream=given.get("stream") is True,
    )
    for name in _NUMBERS.keys() & given.keys():
        if isinstance(value := given[name], int | float):
            setattr(operation, _NUMBERS[name], value)
    if "service_tier" in given and (tier := text_of(given["service_tier"])):
        operation.attributes[names.OPENAI_REQUEST_SERVICE_TIER] = tier
    if "tools" in given and isinstance(tools := given["tools"], list | tuple | Sequence) and tools:
        operation.tool_definitions = partial(content.tool_definitions, tuple(tools))
    return operation


def _given(call: Intercepted) -> Mapping[str, Any]:
    """Return the arguments by name; those of ``extra_body`` win, as they do in the request.

    Absent ones may be among them, as objects of the SDK's own (``omit``, ``NOT_GIVEN``). They need no care: whoever
    reads an argument takes only what has the type of a value.
    """
    extra = call.kwargs.get("extra_body")
    # The abstract class last: asking it costs a call.
    return {**call.kwargs, **extra} if extra is not None and isinstance(extra, Mapping) else call.kwargs


def _offer_content(operation: ModelCall, messages: Any, to_messages: Callable[[Any], Any]) -> None:
    """Count the messages and keep references to them, for the case that content is wanted.

    The list is copied, because programs go on appending to theirs. An iterator can be read once: it is left
    alone.
    """
    if isinstance(messages, str):
        operation.message_count = 1
    elif isinstance(messages, list | tuple | Sequence):  # the abstract class last: asking it costs a call
        messages = tuple(messages)
        operation.message_count = len(messages)
    else:
        return
    operation.input_messages = partial(to_messages, messages)


def _output_type(wanted: Any) -> str | None:
    """Return the conventions' word for a response format: a class, its name or ``{"type": ...}``."""
    if isinstance(wanted, type):
        return "json"
    return _OUTPUT_TYPES.get(wanted if isinstance(wanted, str) else read(wanted, "type"))


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list | tuple) else ()
