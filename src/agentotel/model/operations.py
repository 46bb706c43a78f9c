"""The operations of an agent program, as plain data: what adapters fill in and the recorder turns into telemetry.

An adapter's ``request`` makes one, its ``response`` and ``chunk`` complete it. Nothing here measures, formats or
exports. Content (prompts, answers, tool arguments and results) is held as *thunks*, functions without arguments,
that are called only when the user has switched content on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, TypeVar

AttributeValue = str | bool | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]
"""What an attribute of a span may be."""

Content = Callable[[], Any]
"""A function that gives content as JSON-able data: for messages, a list in the shape of the GenAI conventions
(``[{"role": "user", "parts": [{"type": "text", "content": "..."}]}]``)."""

CHAT = "chat"
GENERATE_CONTENT = "generate_content"
TEXT_COMPLETION = "text_completion"
EMBEDDINGS = "embeddings"
INVOKE_AGENT = "invoke_agent"
CREATE_AGENT = "create_agent"
EXECUTE_TOOL = "execute_tool"
INVOKE_WORKFLOW = "invoke_workflow"
RETRIEVAL = "retrieval"
PLAN = "plan"

K = TypeVar("K", bound=type[Any])


def _made_quickly(kind: K) -> K:
    """Let the objects of a dataclass hold just what they were given: the defaults stand in the class.

    An operation has dozens of fields and is given a few. The method that `dataclass` writes sets all of them each time,
    which was a tenth of what a model call costs.
    """
    known = frozenset(each.name for each in fields(kind))

    @functools.wraps(kind.__init__)
    def __init__(self: Any, **given: Any) -> None:  # noqa: N807 - it takes the place of the one that stands there
        if not known.issuperset(given):
            unknown = ", ".join(sorted(given.keys() - known))
            raise TypeError(f"{kind.__name__} has no field {unknown}")
        if "attributes" not in given:
            given["attributes"] = {}
        self.__dict__ = given

    kind.__init__ = __init__
    return kind


@dataclass(slots=True)
class Usage:
    """Tokens of one model call; None where the library did not say.

    `input_tokens` includes the cached ones and `output_tokens` the reasoning ones, as the GenAI conventions want
    it: an adapter of a library that counts differently adds them up.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


counts_of = attrgetter(*(each.name for each in fields(Usage)))
"""Return the tokens of a `Usage` in the order of its fields."""


@_made_quickly
@dataclass(kw_only=True)
class Operation:
    """What all operations have in common. Use one of its subclasses.

    Attributes:
        name: What the user calls it: the agent's, tool's, workflow's or step's name.
        conversation_id: Where the library knows one; never an invented one.
        failure: Set by ``response`` where a returned *value* says that the operation failed (a tool result with
            ``is_error``): the ``error.type`` to record. Exceptions are seen by the recorder itself.
        cancelled: Set by the adapter where a returned value says that the run was cancelled.
        attributes: Anything else that the conventions name, by its full name (see `agentotel.model.names`).
        subject: The object that the operation is a method call on. Two open operations of one class on one
            subject, through different functions, are one operation (an override that calls ``super()``).
        function: The function that was intercepted, for the same purpose.
        carrier: What the caller in another process sent along (``traceparent`` and so on), where the operation
            serves a request from elsewhere: it becomes part of the caller's trace.
        scratch: Free for the adapter, to carry state from ``request`` to ``chunk`` and ``response``.
        wants_content: Whether content goes anywhere, as the recorder knows: where it does not, an adapter need not
            collect the pieces of an answer, which the program itself has long let go of.
    """

    name: str | None = None
    conversation_id: str | None = None
    failure: str | None = None
    cancelled: bool = False
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    subject: object = None
    function: object = None
    carrier: Mapping[str, str] | None = None
    scratch: Any = None
    wants_content: bool = True


@_made_quickly
@dataclass(kw_only=True)
class ModelCall(Operation):
    """One logical call of a model, all its retries included; also embeddings (``operation="embeddings"``).

    Attributes:
        provider: A value of ``gen_ai.provider.name``, such as ``openai``.
        request_model: The model that was asked for.
        response_model: The model that answered.
        stream: Whether the answer was asked for in pieces.
        message_count: How many messages were sent.
        retries: How often the library tried again.
        rate_limits: How many of the tries were answered with 429.
        input_messages: Thunk of the messages sent, in the shape of the conventions.
        output_messages: Thunk of the messages received.
        system_instructions: Thunk of the instructions given apart from the messages.
        tool_definitions: Thunk of the tools offered.
        Others are named like the attribute of the conventions that they become.
    """

    operation: str = CHAT
    provider: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    usage: Usage | None = None
    stream: bool = False
    output_type: str | None = None
    choice_count: int | None = None
    seed: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop_sequences: tuple[str, ...] = ()
    reasoning_level: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    message_count: int | None = None
    retries: int = 0
    rate_limits: int = 0
    input_messages: Content | None = None
    output_messages: Content | None = None
    system_instructions: Content | None = None
    tool_definitions: Content | None = None


@_made_quickly
@dataclass(kw_only=True)
class AgentRun(Operation):
    """One run (chat, invocation) of an agent.

    Attributes:
        agent_id: A stable id of the agent, where it has one.
        template_id: The template that the agent was made from, where the program knows such a thing.
        provider: Provider of the model, where known.
        request_model: The model, where the agent has exactly one.
        message_length: Characters of the message that started the run.
        message_count: How many messages the agent holds at the start of the run.
        token_limit: Tokens that the agent may use in its life; above 80 % a warning is logged.
        tokens_used: Tokens that it had used before this run, as the agent itself counts.
        usage: What the agent's result says about tokens. Counted only where no model call was seen inside the run.
        user_id: As the agent knows them; an explicit `agentotel.context` goes before.
        tenant_id: The same.
        session_id: The same.
        system_instructions: Thunk of the agent's instructions.
        input_messages: Thunk of what it was asked.
        output_messages: Thunk of what it answered.
    """

    agent_id: str | None = None
    template_id: str | None = None
    description: str | None = None
    provider: str | None = None
    request_model: str | None = None
    finish_reasons: tuple[str, ...] = ()
    message_length: int | None = None
    message_count: int | None = None
    token_limit: int | None = None
    tokens_used: int | None = None
    usage: Usage | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    session_id: str | None = None
    system_instructions: Content | None = None
    input_messages: Content | None = None
    output_messages: Content | None = None


WHOSE = frozenset({"user_id", "tenant_id", "session_id"})
"""The fields of an `AgentRun` that say whom it is for."""


@_made_quickly
@dataclass(kw_only=True)
class ToolCall(Operation):
    """One execution of a tool.

    Attributes:
        call_id: The id that the model gave to the call.
        arguments: Thunk of what the tool was given.
        result: Thunk of what it returned.
        mcp_failure: The ``error.type`` of a tool on a server that was called inside of it and has said that it failed.
            Where the tool is nothing but that call, its adapter makes this the tool's own `failure`.
    """

    call_id: str | None = None
    tool_type: str = "function"
    description: str | None = None
    arguments: Content | None = None
    result: Content | None = None
    mcp_failure: str | None = None


@_made_quickly
@dataclass(kw_only=True)
class Workflow(Operation):
    """One run of a workflow: several agents or steps under one name."""

    input_messages: Content | None = None
    output_messages: Content | None = None


@_made_quickly
@dataclass(kw_only=True)
class Step(Operation):
    """A part of a run that is worth seeing on the time line: middleware, a guardrail, parsing, formatting."""


@_made_quickly
@dataclass(kw_only=True)
class Retrieval(Operation):
    """One search of a data source for documents; `name` is what the user calls the retriever or the source.

    Attributes:
        data_source_id: Identifies the index or collection, where the library knows one.
        top_k: How many documents were asked for.
        document_count: How many were found.
        query: Thunk of the text that was searched for.
        documents: Thunk of what was found: ``[{"id": ..., "score": ...}]`` and what else is known of them.
    """

    data_source_id: str | None = None
    top_k: int | None = None
    document_count: int | None = None
    query: Content | None = None
    documents: Content | None = None


@_made_quickly
@dataclass(kw_only=True)
class McpCall(Operation):
    """One request of the Model Context Protocol, on the side that sends or on the side that serves it.

    `name` is the tool or the prompt that it concerns; None for other methods.

    Attributes:
        method: The method of the protocol, such as ``tools/call``.
        server_side: Whether this process serves the request.
        request_id: Id of the JSON-RPC request.
        mcp_session_id: Id that the transport gave to the session.
        protocol_version: Such as ``2025-06-18``.
        transport: ``pipe`` (stdio, in memory) or ``tcp`` (HTTP), as ``network.transport`` has it.
        resource_uri: What a ``resources/*`` request names.
        status_code: Code of a JSON-RPC error.
        server_address: Host of the server, for a client over HTTP.
        server_port: Its port.
        arguments: Thunk of what the tool or the prompt was given.
        result: Thunk of what came back.
    """

    method: str = ""
    server_side: bool = False
    request_id: str | None = None
    mcp_session_id: str | None = None
    protocol_version: str | None = None
    transport: str | None = None
    resource_uri: str | None = None
    status_code: str | None = None
    server_address: str | None = None
    server_port: int | None = None
    arguments: Content | None = None
    result: Content | None = None

    @property
    def is_tool_call(self) -> bool:
        """Whether the request executes a tool."""
        return self.method == "tools/call"
