"""What the library's functions tell that its spans do not: the agent, the conversation, call ids and usage.

This module owns state: how the run that is about to start was called, in the context in which it starts.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from agentotel.adapters.openai_protocol import messages as content
from agentotel.adapters.openai_protocol.endpoint import endpoint_of
from agentotel.adapters.openai_protocol.messages import read, reader_of, text_of
from agentotel.model import names
from agentotel.model.operations import AgentRun, ModelCall, Operation, ToolCall, Usage

if TYPE_CHECKING:
    from agentotel.model.contract import Intercepted
    from agentotel.model.operations import Content


@dataclass(slots=True)
class RunStart:
    """How a run was called; whoever takes it empties it, so that no prompt is kept alive.

    Attributes:
        agent: The agent that starts.
        prompt: What it was asked: a text or a list of items.
        model: The model of the whole run, where the run has one.
        conversation_id: Of the server's conversation, the session or the group of traces.
    """

    agent: Any
    prompt: Any
    model: Any
    conversation_id: str | None


_starting: ContextVar[RunStart | None] = ContextVar("agentotel_openai_agents_run", default=None)


def begin(call: Intercepted) -> Operation | None:
    """Keep in mind how a run is called; its operation starts with the first agent's span."""
    config = call.argument("run_config")
    conversation = call.argument("conversation_id")
    _starting.set(
        RunStart(
            agent=call.argument("starting_agent", 0),
            prompt=call.argument("input", 1),
            model=read(config, "model"),
            conversation_id=text_of(conversation)
            or _session_id(call.argument("session"))
            or text_of(read(config, "group_id")),
        )
    )
    return None


def take_start() -> RunStart | None:
    """Return how the run was called that now shows its first agent, None for the agents after that."""
    start = _starting.get()
    if start is None or start.agent is None:
        return None
    taken = RunStart(start.agent, start.prompt, start.model, start.conversation_id)
    start.agent = start.prompt = start.model = None
    return taken


def agent_run(name: str, start: RunStart | None) -> AgentRun:
    """Return the operation of an agent's span.

    Args:
        name: The agent's name.
        start: How its run was called, if it is the first agent of the run.
    """
    run = AgentRun(name=name)
    if start is None:
        return run
    run.conversation_id = start.conversation_id
    run.message_length = len(start.prompt) if isinstance(start.prompt, str) else None
    run.input_messages = _messages(start.prompt)
    if read(start.agent, "name") == name:
        _describe(run, start.agent, start.model)
    return run


def note_agent(operation: Operation, call: Intercepted) -> None:
    """Complete the run of an agent that was handed over to, of which its span tells only the name."""
    agent = call.instance
    if not isinstance(operation, AgentRun) or operation.scratch is not None or operation.name != agent.name:
        return
    _describe(operation, agent, None)
    for name, value in (
        (names.REQUEST_MODEL, operation.request_model),
        (names.AGENT_DESCRIPTION, operation.description),
    ):
        if value is not None:
            operation.attributes[name] = value


def note_tool_call(operation: Operation, call: Intercepted) -> None:
    """Take the id that the model gave to the call of a tool."""
    if isinstance(operation, ToolCall) and (call_id := text_of(call.argument("tool_call_id", 1))):
        operation.call_id = operation.attributes[names.TOOL_CALL_ID] = call_id


def note_usage(operation: Operation, call: Intercepted) -> None:
    """Take the tokens of a model's answer: they belong to the call that is open, else to the agent's sum.

    The agent's sum counts where no model call is seen that has tokens of its own.
    """
    if isinstance(operation, ModelCall):
        operation.usage = operation.usage or usage_of(call.argument("other", 0))
    elif isinstance(operation, AgentRun) and (added := usage_of(call.argument("other", 0))) is not None:
        operation.usage = added if operation.usage is None else _sum(operation.usage, added)


def note_model(operation: Operation, call: Intercepted) -> None:
    """Take model and endpoint of a request of the Responses API, of which the span tells nothing before its end."""
    if not isinstance(operation, ModelCall):
        return
    operation.provider, operation.server_address, operation.server_port = endpoint_of(
        getattr(call.instance, "_client", None)
    )
    operation.request_model = text_of(str(getattr(call.instance, "model", None) or ""))
    for name, value in (
        (names.PROVIDER_NAME, operation.provider),
        (names.SERVER_ADDRESS, operation.server_address),
        (names.SERVER_PORT, operation.server_port),
        (names.REQUEST_MODEL, operation.request_model),
    ):
        if value is not None:
            operation.attributes[name] = value


def usage_of(counted: Any) -> Usage | None:
    """Return tokens in the words of the library, which are those of the Responses API, from an object or a dict.

    None where it has counted nothing: it does so too when the model has not told.
    """
    get = reader_of(counted)
    sent, received = get(counted, "input_tokens", None), get(counted, "output_tokens", None)
    if not sent and not received:
        return None
    of_sent = get(counted, "input_tokens_details", None)
    get_of_sent = reader_of(of_sent)
    return Usage(
        sent,
        received,
        get_of_sent(of_sent, "cached_tokens", None),
        get_of_sent(of_sent, "cache_write_tokens", None),
        read(get(counted, "output_tokens_details", None), "reasoning_tokens"),
    )


def _sum(one: Usage, other: Usage) -> Usage:
    counts = ((getattr(one, field), getattr(other, field)) for field in Usage.__slots__)
    return Usage(*((a or 0) + (b or 0) if a is not None or b is not None else None for a, b in counts))


def _describe(run: AgentRun, agent: Any, model: Any) -> None:
    run.scratch = True
    model = model or read(agent, "model")
    run.request_model = text_of(model) or text_of(read(model, "model"))
    run.description = text_of(read(agent, "handoff_description"))
    if instructions := text_of(read(agent, "instructions")):
        run.system_instructions = partial(content.instructions, instructions)


def _messages(prompt: Any) -> Content | None:
    if isinstance(prompt, list):
        return partial(content.response_input, tuple(prompt))
    return partial(content.response_input, prompt) if text_of(prompt) else None


def _session_id(session: Any) -> str | None:
    try:
        return text_of(getattr(session, "session_id", None))
    except Exception:  # noqa: BLE001 - sessions kept by a server raise until they have an id
        return None
