"""What the library's spans say: the operation that one starts, and what is known at its end."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters.openai_agents.runs import usage_of
from agentotel.adapters.openai_protocol import answers
from agentotel.adapters.openai_protocol import messages as content
from agentotel.adapters.openai_protocol.messages import plain, read, text_of
from agentotel.model import names
from agentotel.model.operations import ModelCall, Operation, Step, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

AGENT: Final = "agent"
HANDOFF: Final = "handoff"
GUARDRAIL: Final = "guardrail"

_FAILURES: Final = {
    "Error running tool": "tool_error",
    "Error running tool (non-fatal)": "tool_error",
    "Max turns exceeded": "MaxTurnsExceeded",
    "Multiple handoffs requested": None,
    "Tool not found": "ModelBehaviorError",
}
"""``error.type`` by the message of a span's error, where no exception tells it; None where it is no failure."""

_OUTPUT_TRIPWIRE: Final = "OutputGuardrailTripwireTriggered"
_TRIPWIRES: Final = {"input_guardrail": "InputGuardrailTripwireTriggered", "output_guardrail": _OUTPUT_TRIPWIRE}
"""``error.type`` by the kind of guardrail. Older versions give none for one of an output, where they raise nothing."""


_SETTINGS: Final = frozenset({"temperature", "top_p", "max_tokens", "frequency_penalty", "presence_penalty"})
"""Settings of a model that are numbers, which are called like the fields of the operation."""


def operation_of(data: Any) -> Operation | None:
    """Return the operation that a span starts, None for a span that is not shown; agents are made elsewhere."""
    make = _STARTS.get(data.type)
    return None if make is None else make(data)


def complete(operation: Operation, data: Any) -> None:
    """Add to an operation what the span says at its end."""
    if (add := _ENDS.get(data.type)) is not None:
        add(operation, data)


def failure_of(error: Any) -> str | None:
    """Return the ``error.type`` of the error that the library has set on a span; its words may be content."""
    message = read(error, "message")
    if message == "Guardrail tripwire triggered":
        return _TRIPWIRES.get(read(read(error, "data"), "type"), _OUTPUT_TRIPWIRE)
    return _FAILURES.get(message, "_OTHER") if isinstance(message, str) else "_OTHER"


def _tool(data: Any) -> ToolCall:
    return ToolCall(name=text_of(data.name))


def _response(data: Any) -> ModelCall:
    del data
    return ModelCall(attributes={names.OPENAI_API_TYPE: "responses"})


def _generation(data: Any) -> ModelCall:
    call = ModelCall(request_model=text_of(data.model))
    config = data.model_config
    for field in config.keys() & _SETTINGS if isinstance(config, dict) else ():
        if isinstance(value := config[field], int | float):
            setattr(call, field, value)
    return call


def _handoff(data: Any) -> Step:
    del data
    return Step(name=HANDOFF)


def _guardrail(data: Any) -> Step:
    return Step(name=f"guardrail {data.name}")


def _custom(data: Any) -> Step:
    return Step(name=text_of(data.name))


def _voice(data: Any) -> Step:
    step = Step(name=data.type)
    if model := text_of(read(data, "model")):
        step.attributes[names.REQUEST_MODEL] = model
    return step


def _end_tool(call: ToolCall, data: Any) -> None:
    if data.input is not None:
        call.arguments = partial(_decoded, data.input)
    if data.output is not None:
        call.result = partial(plain, data.output)
    if read(data, "mcp_data") is not None and call.failure is None:
        call.failure = call.mcp_failure  # the library gives what the server says to the model, as if all were well


def _decoded(arguments: Any) -> Any:
    """Return a tool's arguments as data where the model wrote JSON, else as the text that it wrote."""
    try:
        return json.loads(arguments)
    except (TypeError, ValueError):
        return plain(arguments)


def _end_response(call: ModelCall, data: Any) -> None:
    if data.response is not None:
        answers.responses_response(call, data.response)
    call.usage = call.usage or usage_of(read(data, "usage"))
    if isinstance(data.input, str | list):
        call.input_messages = partial(content.response_input, data.input)


def _end_generation(call: ModelCall, data: Any) -> None:
    call.usage = usage_of(data.usage) or call.usage
    if data.input:
        call.input_messages = partial(content.chat_messages, data.input)
    if data.output:
        call.output_messages = partial(_generated, call, data.output)


def _generated(call: ModelCall, output: Any) -> list[content.Message]:
    """Map the output of a generation: messages of chat completions, or the response that a stream was put into.

    Why the model stopped is known to the SDK below only.
    """
    found: list[content.Message] = []
    for item in output:
        inner = read(item, "output")
        found += content.chat_messages([item]) if inner is None else content.response_output(inner)
    for message, reason in zip(found, call.finish_reasons, strict=False):
        message.setdefault("finish_reason", reason)
    return found


def _end_handoff(step: Step, data: Any) -> None:
    if data.to_agent:
        step.name = step.attributes[names.STEP_NAME] = f"{HANDOFF} {data.to_agent}"


def _end_guardrail(step: Step, data: Any) -> None:
    step.attributes[names.GUARDRAIL_TRIGGERED] = bool(data.triggered)


_STARTS: Final[dict[str, Callable[[Any], Operation]]] = {
    "function": _tool,
    "response": _response,
    "generation": _generation,
    HANDOFF: _handoff,
    GUARDRAIL: _guardrail,
    "custom": _custom,
    "speech": _voice,
    "speech_group": _voice,
    "transcription": _voice,
}

_ENDS: Final[dict[str, Callable[[Any, Any], None]]] = {
    "function": _end_tool,
    "response": _end_response,
    "generation": _end_generation,
    HANDOFF: _end_handoff,
    GUARDRAIL: _end_guardrail,
}
