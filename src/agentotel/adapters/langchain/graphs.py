"""Graphs, agents, chains and middleware: which runs a user would draw, under which name, and how they end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters.langchain import content, runs
from agentotel.adapters.openai_protocol.messages import read
from agentotel.model.operations import AgentRun, Operation, Step, Workflow

if TYPE_CHECKING:
    from uuid import UUID

    from agentotel.model.contract import Intercepted

_UNNAMED: Final = "LangGraph"
"""What LangGraph calls a graph that has no name."""

_MADE_AS_AGENT: Final = (("jump_to", "model"), ("remaining_steps", "agent"))
"""A channel and a node of the graphs that ``create_agent`` (and so deepagents) and ``create_react_agent`` make."""

_HOOKS: Final = (".before_agent", ".before_model", ".after_model", ".after_agent")
"""How the names of the nodes end that ``create_agent`` makes of middleware."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run of LangChain that an operation stands for.

    Attributes:
        parent: Id of the run around it: the run manager that ends with this parent ends this run.
    """

    parent: UUID | None


def graph_request(call: Intercepted) -> AgentRun | Workflow:
    """Make the operation of ``Pregel.stream``, through which ``invoke`` goes as well."""
    graph, config = call.instance, runs.config_of(call)
    own = graph.config or {}
    name = _graph_name(graph, own, config)
    return _agent_run(name, call, config, own) if _is_agent(graph) else _workflow(name, call, config, own)


def chain_request(call: Intercepted) -> Workflow | None:
    """Make the operation of a chain that the program calls itself: a chain inside of another run is plumbing."""
    chain, config = call.instance, runs.config_of(call)
    if runs.is_inside_a_run(config):
        return None
    name = config.get("run_name") or chain.name
    if name is None and _is_dressed_model(chain):
        return None
    return _workflow(name or chain.get_name(), call, config)


def legacy_request(call: Intercepted) -> AgentRun | Workflow | None:
    """Make the operation of a chain of langchain-classic; its ``AgentExecutor`` is a chain, and an agent."""
    if not any(base.__name__ == "AgentExecutor" for base in type(call.instance).__mro__):
        return chain_request(call)
    config = runs.config_of(call)
    return _agent_run(config.get("run_name") or call.instance.get_name(), call, config)


def batch_request(call: Intercepted) -> Workflow | None:
    """Make the one operation of a batch: LangChain runs it step by step, each step for all inputs."""
    operation = chain_request(call)
    if operation is not None:
        operation.input_messages = partial(_asked_together, call.argument("inputs", 0))
    return operation


def batch_response(operation: Workflow, result: Any) -> None:
    """Complete the operation of a batch from its results."""
    operation.output_messages = partial(_answered_together, result)


def node_request(call: Intercepted) -> Step | None:
    """Make the operation of a node that is middleware of the program's own; other nodes are plumbing."""
    name = runs.config_of(call).get("run_name")
    if not name or not name.endswith(_HOOKS) or _is_of_deepagents(call.instance.steps[0]):
        return None
    return Step(name=name)


def note_output(operation: Operation, call: Intercepted) -> None:
    """Take what a run has come to, from its run manager: the same in all modes of streaming."""
    run = operation.scratch
    if not isinstance(run, Run) or not isinstance(operation, AgentRun | Workflow):
        return
    if call.instance.parent_run_id == run.parent:
        operation.output_messages = partial(content.answered, call.argument("outputs", 0))


def steers(operation: Operation, error: BaseException) -> bool:
    """Tell whether an exception is LangGraph's way of going on elsewhere: a hand-off, or a pause for a human.

    What pauses has not come to its end, and is run again from its start when the human has answered.
    """
    kinds = {base.__name__ for base in type(error).__mro__}
    if "GraphBubbleUp" not in kinds:
        return False
    operation.cancelled = "ParentCommand" not in kinds
    return True


def _agent_run(name: str, call: Intercepted, *configs: Mapping[str, Any]) -> AgentRun:
    state = call.argument("input", 0)
    return AgentRun(
        name=name,
        conversation_id=runs.conversation_id(*configs),
        message_length=_message_length(state),
        input_messages=partial(content.asked, state),
        scratch=Run(runs.parent_run_id(configs[0])),
        **runs.whose(*configs),
    )


def _workflow(name: str, call: Intercepted, *configs: Mapping[str, Any]) -> Workflow:
    return Workflow(
        name=name,
        conversation_id=runs.conversation_id(*configs),
        input_messages=partial(content.asked, call.argument("input", 0)),
        scratch=Run(runs.parent_run_id(configs[0])),
    )


def _graph_name(graph: Any, own: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return what the user calls a graph: this run of it, else the graph."""
    given = config.get("run_name") or own.get("run_name") or (own.get("metadata") or {}).get("lc_agent_name")
    if given:
        return str(given)
    if graph.get_name() == _UNNAMED and len(graph.nodes) == 1:  # a function that is an entry point
        return str(next(iter(graph.nodes)))
    return str(graph.get_name())


def _is_agent(graph: Any) -> bool:
    """Tell whether a graph is an agent: LangChain has made it as one, or a model has tools in it."""
    if any(channel in graph.channels and node in graph.nodes for channel, node in _MADE_AS_AGENT):
        return True
    return any(_is_tool_node(node.bound) for node in graph.nodes.values())


def _is_tool_node(bound: Any) -> bool:
    return any(base.__name__ == "ToolNode" for base in type(bound).__mro__)


def _message_length(state: Any) -> int | None:
    """Return the characters of the last message that an agent was given."""
    message = state.get("messages") or state.get("input") if isinstance(state, Mapping) else None
    if isinstance(message, list) and message:
        message = message[-1]
    if isinstance(message, tuple):  # role and text
        message = message[-1]
    text = message if isinstance(message, str) else read(message, "content")
    return len(text) if isinstance(text, str) else None


def _is_dressed_model(chain: Any) -> bool:
    """Tell whether a chain is only a model with a parser behind it, such as ``with_structured_output`` makes."""
    steps = getattr(chain, "steps", None)
    return bool(steps and _is_model(steps[0]))


def _is_model(step: Any) -> bool:
    if "raw" in (getattr(step, "steps__", None) or ()):  # with_structured_output(include_raw=True)
        return True
    while hasattr(step, "bound"):
        step = step.bound
    return any(base.__name__ == "BaseLanguageModel" for base in type(step).__mro__)


def _is_of_deepagents(node: Any) -> bool:
    """Tell whether a node is middleware that deepagents adds to every agent."""
    for function in (getattr(node, "func", None), getattr(node, "afunc", None)):
        owner = getattr(getattr(function, "func", function), "__self__", None)
        if owner is not None:
            return type(owner).__module__.partition(".")[0] == "deepagents"
    return False


def _asked_together(states: Any) -> list[Any]:
    return [message for state in states for message in content.asked(state)]


def _answered_together(results: Any) -> list[Any]:
    return [message for result in results for message in content.answered(result)]
