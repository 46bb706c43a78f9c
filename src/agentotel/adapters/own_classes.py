"""Maps the user's own agents, tools, model clients, steps and workflows to operations, by duck typing.

The user's code is found by `agentotel.patching.discovery` or marked with the decorators of `agentotel.api`;
the functions here make the `Call` for one method or function. They read attributes and results and run none
of the user's code beyond that (a property is user code: it is read once per call, and one that raises hides
nothing but itself).

What is read, first hit first:

- agent: ``id|agent_id``, ``name`` (else the class or function name), ``template_id|template``; ``user_id``,
  ``tenant_id``, ``session_id`` from the arguments of the call, else the object;
  ``token_limit|max_tokens_total`` and ``token_usage|tokens_used`` (numbers, or methods without arguments that
  give one); ``message_count`` or the length of ``messages|history``; the message is the argument
  ``message|prompt|input|query``, else the first text.
- tool: ``name`` (else the class or function name as it stands), ``description``; a result whose ``success``
  or ``ok`` is False, or whose ``is_error`` or ``isError`` is True, counts as failed.
- model call: ``model|model_name`` of the arguments, else the object; of the result.
- results: token counts in ``usage`` or at the top, under the names of OpenAI, Anthropic and Google;
  ``stop_reason|finish_reason``. A dict or an object.

Adopt, enable, patch or suppress: patch, since the user's own classes emit nothing themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters import own_content as content
from agentotel.adapters import own_reading as reading
from agentotel.adapters.own_reading import MISSING
from agentotel.model.contract import Call, Intercepted
from agentotel.model.operations import WHOSE, AgentRun, ModelCall, Operation, Step, ToolCall, Usage, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOOL_ERROR: Final = "tool_error"
"""``error.type`` of a tool whose result says that it failed."""

FAILURE: Final = "failure"
"""``error.type`` of anything else whose outcome path says so."""

_ID: Final = ("id", "agent_id")
_TEMPLATE: Final = ("template_id", "template")
_TOKEN_LIMIT: Final = ("token_limit", "max_tokens_total")
_TOKENS_USED: Final = ("token_usage", "tokens_used")
_HISTORY: Final = ("messages", "history")
_MODEL: Final = ("model", "model_name")
_DESCRIPTION: Final = ("description",)
_MESSAGE_COUNT: Final = ("message_count",)
_DESCRIBING: Final = frozenset((*_DESCRIPTION, *_MODEL, *_MESSAGE_COUNT, *_HISTORY, *_TOKEN_LIMIT, *_TOKENS_USED))
_OF_AGENT: Final = _DESCRIBING.union(WHOSE, _TEMPLATE)
_OF_RESULT: Final = frozenset({"success", "ok", "is_error", "isError"})
_CALL_ID: Final = ("tool_call_id", "call_id")
_GENERIC_METHODS: Final = frozenset({"__call__", "apply", "dispatch", "execute", "handle", "invoke", "process", "run"})
_FAILED_WORDS: Final = frozenset({"error", "errored", "fail", "failed", "failure", "false"})


@dataclass(frozen=True, slots=True)
class _Map:
    """What is known about one target before it is called.

    Attributes:
        target: ``module:Class.method`` or ``module:function``.
        paths: Where ``name``, ``id``, ``usage`` and ``outcome`` stand, as far as the user said so.
        name: A name that the user gave, which goes before all others.
    """

    target: str
    paths: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None

    @property
    def method(self) -> str:
        return self.target.rpartition(":")[2].rpartition(".")[2]

    @property
    def holder(self) -> str:
        """The class of a method; empty for a function, also for one inside a function."""
        outer = self.target.rpartition(":")[2].rpartition(".")[0].rpartition(".")[2]
        return "" if outer == "<locals>" else outer

    def follow(self, option: str, /, **roots: Any) -> Any:
        path = self.paths.get(option)
        return MISSING if path is None else reading.follow_path(path, roots)

    def id_of(self, call: Intercepted, arguments: Mapping[str, Any]) -> str | None:
        if not self.paths:
            return None
        return reading.identifier_of(self.follow("id", self=call.instance, arguments=arguments))

    def name_of(self, call: Intercepted, arguments: Mapping[str, Any]) -> str:
        own = self.follow("name", self=call.instance, arguments=arguments) if self.paths else MISSING
        return (
            self.name
            or reading.text_of(own)
            or reading.first_text(call.instance, ("name",))
            or self.class_name(call.instance)
            or self.method
        )

    def class_name(self, instance: Any) -> str:
        if instance is None:
            return self.holder
        return instance.__name__ if isinstance(instance, type) else type(instance).__name__


def call(kind: str, target: str, paths: Mapping[str, str] | None = None, name: str | None = None) -> Call:
    """Return the `Call` for one method or function of the user's.

    Args:
        kind: ``agent``, ``tool``, ``model``, ``step`` or ``workflow``.
        target: ``module:Class.method`` or ``module:function``.
        paths: Where ``name``, ``id``, ``usage`` and ``outcome`` stand, such as ``{"usage":
            "result.meta.tokens"}``.
        name: A name that goes before whatever the object calls itself.
    """
    return _MAKERS[kind](target, paths, name)


def agent_call(target: str, paths: Mapping[str, str] | None = None, name: str | None = None) -> Call:
    """Return the `Call` of a method or function that is one run of an agent. See `call`."""
    own = _Map(target, paths or {}, name)

    def request(call: Intercepted) -> AgentRun:
        return _agent_run(own, call)

    def response(op: AgentRun, result: Any) -> None:
        _complete(own, op, result)

    return Call(target, request, response, _fold_answer)


def _complete(own: _Map, op: AgentRun | ModelCall, result: Any) -> None:
    """Read from a result what agents and models alike tell: tokens, how it ended, and the answer."""
    op.usage = _usage(own, result, op) or op.usage
    op.finish_reasons = reading.finish_reasons_of(result) or op.finish_reasons
    op.failure = _failure(own, result, op, FAILURE)
    op.output_messages = content.output_thunk(result, op.finish_reasons)


def model_call(target: str, paths: Mapping[str, str] | None = None, name: str | None = None) -> Call:
    """Return the `Call` of a method or function that calls a model. See `call`."""
    own = _Map(target, paths or {}, name)

    def request(call: Intercepted) -> ModelCall:
        return _model_request(own, call)

    def response(op: ModelCall, result: Any) -> None:
        op.response_model = reading.first_text(result, _MODEL)
        op.response_id = reading.first_text(result, ("id",))
        _complete(own, op, result)

    return Call(target, request, response, _fold_answer)


def tool_call(target: str, paths: Mapping[str, str] | None = None, name: str | None = None) -> Call:
    """Return the `Call` of a method or function that is one execution of a tool. See `call`."""
    own = _Map(target, paths or {}, name)

    def request(call: Intercepted) -> ToolCall:
        arguments = _arguments(call)
        return ToolCall(
            name=own.name_of(call, arguments),
            call_id=own.id_of(call, arguments) or reading.first_identifier(arguments, _CALL_ID),
            description=reading.first_text(call.instance, _DESCRIPTION),
            arguments=content.data_thunk(arguments),
            **_whose(call),
        )

    def response(op: ToolCall, result: Any) -> None:
        op.failure = _failure(own, result, op, TOOL_ERROR) or _tool_failure(own, result)
        op.result = content.data_thunk(result)

    def chunk(op: ToolCall, piece: Any) -> None:
        op.result = content.data_thunk(_collected(op, piece))

    return Call(target, request, response, chunk)


def step_call(target: str, paths: Mapping[str, str] | None = None, name: str | None = None) -> Call:
    """Return the `Call` of a step. It is named after its class, with the method where that says more. See `call`."""
    own = _Map(target, paths or {}, name)

    def request(call: Intercepted) -> Step:
        step = own.name_of(call, _arguments(call) if "name" in own.paths else {})
        if step == own.class_name(call.instance) and own.name is None and own.method not in _GENERIC_METHODS:
            step = f"{step}.{own.method}"
        return Step(name=step, **_whose(call))

    def response(op: Step, result: Any) -> None:
        op.failure = _failure(own, result, op, FAILURE)

    return Call(target, request, response)


def workflow_call(target: str, paths: Mapping[str, str] | None = None, name: str | None = None) -> Call:
    """Return the `Call` of a method or function that is one run of a workflow. See `call`."""
    own = _Map(target, paths or {}, name)

    def request(call: Intercepted) -> Workflow:
        arguments = _arguments(call)
        thunk = content.input_thunk(content.prompt_of(arguments))
        return Workflow(name=own.name_of(call, arguments), input_messages=thunk, **_whose(call))

    def response(op: Workflow, result: Any) -> None:
        op.failure = _failure(own, result, op, FAILURE)
        op.output_messages = content.output_thunk(result)

    def chunk(op: Workflow, piece: Any) -> None:
        op.output_messages = content.stream_thunk(_collected(op, piece))

    return Call(target, request, response, chunk)


_MAKERS: Final[Mapping[str, Callable[[str, Mapping[str, str] | None, str | None], Call]]] = {
    "agent": agent_call,
    "tool": tool_call,
    "model": model_call,
    "step": step_call,
    "workflow": workflow_call,
}


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """Who an agent is, for the metrics of its creation: the names are those that its runs carry."""

    name: str
    agent_id: str | None
    template_id: str | None


def agent_identity(instance: object) -> AgentIdentity:
    """Return who `instance` is, read as for a run of it."""
    return AgentIdentity(
        name=reading.first_text(instance, ("name",)) or type(instance).__name__,
        agent_id=reading.first_identifier(instance, _ID),
        template_id=reading.first_identifier(instance, _TEMPLATE),
    )


def _agent_run(own: _Map, call: Intercepted) -> AgentRun:
    agent, arguments = call.instance, _arguments(call)
    there = reading.present(agent, _OF_AGENT)
    prompt = content.prompt_of(arguments)
    run = AgentRun(
        name=own.name_of(call, arguments),
        agent_id=own.id_of(call, arguments) or reading.first_identifier(agent, _ID),
        message_length=len(prompt) if isinstance(prompt, str) else None,
        input_messages=content.input_thunk(prompt),
        **_whose(call),
    )
    if not there.isdisjoint(_TEMPLATE):
        run.template_id = reading.first_identifier(agent, _TEMPLATE)
    for name in WHOSE & (there | arguments.keys()):
        found = reading.identifier_of(arguments.get(name)) or reading.first_identifier(agent, (name,))
        setattr(run, name, found)
    if not there.isdisjoint(_DESCRIBING):
        _describe(run, agent)
    return run


def _describe(run: AgentRun, agent: Any) -> None:
    """Add what few agents tell of themselves."""
    run.description = reading.first_text(agent, _DESCRIPTION)
    run.request_model = reading.first_text(agent, _MODEL)
    run.message_count = _message_count(agent)
    run.token_limit = reading.first_count(agent, _TOKEN_LIMIT)
    run.tokens_used = reading.first_count(agent, _TOKENS_USED)


def _message_count(agent: Any) -> int | None:
    count = reading.first_count(agent, _MESSAGE_COUNT)
    lengths = (reading.length_of(reading.read(agent, name)) for name in _HISTORY)
    return count if count is not None else next((length for length in lengths if length is not None), None)


def _model_request(own: _Map, call: Intercepted) -> ModelCall:
    client, arguments = call.instance, _arguments(call)
    sent = arguments["messages"] if arguments.get("messages") is not None else content.prompt_of(arguments)
    return ModelCall(
        name=own.name,
        provider=reading.first_text(client, ("provider",)),
        request_model=reading.first_text(arguments, _MODEL) or reading.first_text(client, _MODEL),
        stream=arguments.get("stream") is True,
        max_tokens=reading.count_of(arguments.get("max_tokens")),
        temperature=reading.number_of(arguments.get("temperature")),
        top_p=reading.number_of(arguments.get("top_p")),
        message_count=1 if isinstance(sent, str) else reading.length_of(sent),
        input_messages=content.input_thunk(sent),
        **_whose(call),
    )


def _arguments(call: Intercepted) -> dict[str, Any]:
    return reading.arguments_of(call.function, call.instance, call.args, call.kwargs)


def _whose(call: Intercepted) -> dict[str, Any]:
    return {"subject": call.instance, "function": call.function}


def _usage(own: _Map, result: Any, op: Operation) -> Usage | None:
    if "usage" in own.paths:
        return reading.counts_of(own.follow("usage", result=result, self=op.subject), extra=True)
    return reading.usage_of(result)


def _failure(own: _Map, result: Any, op: Operation, error_type: str) -> str | None:
    """Return `error_type` where the user said where the outcome stands, and it stands there that the call failed."""
    if not own.paths:
        return None
    outcome = own.follow("outcome", result=result, self=op.subject)
    text = reading.text_of(outcome)
    failed = outcome is False or (text is not None and text.strip().lower() in _FAILED_WORDS)
    return error_type if failed else None


def _tool_failure(own: _Map, result: Any) -> str | None:
    if "outcome" in own.paths or isinstance(result, str | bytes | int | float | type(None)):
        return None
    if not reading.present(result, _OF_RESULT):
        return None
    denied = any(reading.read(result, name) is False for name in ("success", "ok"))
    return TOOL_ERROR if denied or any(reading.read(result, name) is True for name in ("is_error", "isError")) else None


def _fold_answer(op: AgentRun | ModelCall, piece: Any) -> None:
    """Fold one piece of a streamed answer: its text is kept for the thunk, its counts and stop reason are taken."""
    pieces = _collected(op, piece)
    if not isinstance(piece, str):
        op.usage = reading.usage_of(piece) or op.usage
        op.finish_reasons = reading.finish_reasons_of(piece) or op.finish_reasons
    op.output_messages = content.stream_thunk(pieces, op.finish_reasons)


def _collected(op: Operation, piece: Any) -> list[Any]:
    """Remember `piece` among those of its stream, if it is content that is wanted, and return them all."""
    if op.scratch is None:
        op.scratch = []
    pieces: list[Any] = op.scratch
    if op.wants_content:
        pieces.append(piece)
    return pieces
