"""The recorder over random programs: whatever an agent does, its numbers are exact and its tree is right."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from agentotel import testing
from agentotel.model.operations import AgentRun, ModelCall, Step, ToolCall, Usage, Workflow

MODEL = {"provider": "openai", "request_model": "gpt-4o-mini"}


class FailedError(Exception):
    """What an operation of the program raises."""


@dataclass
class Node:
    """One operation of a random program.

    Attributes:
        kind: ``agent``, ``tool``, ``step``, ``workflow``, ``model``, ``layers`` (a model call that a client of the
            program's and the SDK below it both see) or ``super`` (an agent's override that calls the overridden one).
        depth: How many further layers, or overridden methods, see the same operation.
        usage: What the answer says about tokens.
        repeats: Whether the outer layer's own result repeats what it says.
        fails: Whether it raises at its end.
        children: What happens inside.
    """

    kind: str
    depth: int = 0
    usage: Usage | None = None
    repeats: bool = False
    fails: bool = False
    children: list[Node] = field(default_factory=list)


counts = st.none() | st.integers(0, 10**9)
usages = st.builds(Usage, counts, counts, counts, counts, counts)
leaves = st.builds(
    Node,
    st.sampled_from(["model", "layers"]),
    st.integers(1, 3),
    st.none() | usages,
    st.booleans(),
    st.sampled_from([False, False, True]),
)


def inner_nodes(children):
    """Return operations with others inside."""
    return st.builds(
        Node,
        st.sampled_from(["agent", "tool", "step", "workflow", "super"]),
        st.integers(1, 3),
        st.none(),
        st.booleans(),
        st.sampled_from([False, False, False, True]),
        st.lists(children, max_size=4),
    )


programs = st.lists(st.recursive(leaves, inner_nodes, max_leaves=12), min_size=1, max_size=3)
KINDS = {"agent": AgentRun, "super": AgentRun, "tool": ToolCall, "step": Step, "workflow": Workflow}


class Program:
    """Runs nodes through a recorder as patching would, and keeps the books that the telemetry must agree with."""

    def __init__(self, observer):
        self._observer = observer
        self._names = 0
        self.parents = {}
        self.tokens = Usage(0, 0, 0, 0, 0)
        self.below = {}
        self.runs = 0
        self.calls = 0
        self.tools = 0

    def run(self, node, around=()):
        """Run one node; an error of it is handled by whoever is around it."""
        try:
            if node.kind in {"model", "layers"}:
                self._call_model(node, around)
            else:
                self._run_others(node, around)
        except FailedError:
            pass

    def _run_others(self, node, around):
        name = self._new_name(node.kind, around)
        operation = KINDS[node.kind](name=name)
        self.runs += isinstance(operation, AgentRun)
        self.tools += isinstance(operation, ToolCall)
        self.below[name] = (isinstance(operation, AgentRun | Workflow), Usage(0, 0, 0, 0, 0))
        subject = object()
        overridden = node.depth if node.kind == "super" else 0
        functions = [object() for _ in range(overridden + 1)]
        with self._opened(operation, subject, functions[0]):
            self._run_overridden(node, (*around, name), subject, functions)

    def _run_overridden(self, node, around, subject, functions):
        if len(functions) == 1:
            for child in node.children:
                self.run(child, around)
            if node.fails:
                raise FailedError
            return
        with self._opened(AgentRun(name="overridden"), subject, functions[1]) as recording:
            assert recording is None
            self._run_overridden(node, around, subject, functions[1:])

    def _call_model(self, node, around):
        self.calls += 1
        name = self._new_name("model", around)
        self._count(node.usage, around)
        self._see_call(node, name, node.depth if node.kind == "layers" else 0)

    def _see_call(self, node, name, layers_below):
        operation = ModelCall(**MODEL, attributes={"test.name": name}) if layers_below == 0 else ModelCall()
        if layers_below == 0:
            with self._opened(operation, object(), object()):
                operation.usage = node.usage
                if node.fails:
                    raise FailedError
            return
        operation.attributes["test.name"] = name
        with self._opened(operation, object(), object()):
            self._see_call(node, name, layers_below - 1)
            if node.repeats:
                operation.usage = node.usage

    @contextmanager
    def _opened(self, operation, subject, function):
        operation.subject, operation.function = subject, function
        recording = self._observer.start(operation)
        token = recording.activate() if recording is not None else None
        try:
            yield recording
        except FailedError as error:
            if recording is not None:
                recording.suspend(token)
                recording.fail(error)
            raise
        if recording is not None:
            recording.suspend(token)
            recording.stop()

    def _new_name(self, kind, around):
        self._names += 1
        name = f"{kind}-{self._names}"
        self.parents[name] = around[-1] if around else None
        return name

    def _count(self, usage, around):
        for totals in (self.tokens, *(self.below[name][1] for name in around)):
            for kind in Usage.__slots__:
                setattr(totals, kind, getattr(totals, kind) + (getattr(usage, kind, None) or 0))


def name_of(span):
    """Return the name that the program gave to an operation."""
    return span.attributes.get("test.name") or span.name.rpartition(" ")[2]


TYPES = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}
ATTRIBUTES = {
    "gen_ai.usage.input_tokens": "input_tokens",
    "gen_ai.usage.output_tokens": "output_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cache_read_tokens",
    "gen_ai.usage.cache_write.input_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
}


def summed(telemetry, metric, label):
    """Return the sum of a histogram by one of its labels."""
    sums = {}
    for labels, (_, total) in telemetry.metric(metric).items():
        sums[dict(labels)[label]] = sums.get(dict(labels)[label], 0) + total
    return sums


@settings(max_examples=150, deadline=None)
@given(programs)
def test_numbers_are_exact_and_the_tree_is_right(nodes):
    """Each token and each run counts once, every span ends below the right one, and runs add up what is below them."""
    with testing.recording() as telemetry:
        program = Program(telemetry.observer)
        for node in nodes:
            program.run(node)
        spans = {name_of(span): span for span in telemetry.spans()}

        assert len(telemetry.spans()) == len(spans) == len(program.parents)
        by_id = {span.context.span_id: name for name, span in spans.items()}
        parents = {name: by_id[span.parent.span_id] if span.parent else None for name, span in spans.items()}
        assert parents == program.parents

        by_type = summed(telemetry, "agent.token.usage", "type")
        assert {TYPES[kind]: total for kind, total in by_type.items() if total} == {
            kind: getattr(program.tokens, kind) for kind in Usage.__slots__ if getattr(program.tokens, kind)
        }
        by_type = summed(telemetry, "gen_ai.client.token.usage", "gen_ai.token.type")
        assert by_type.get("input", 0) == program.tokens.input_tokens
        assert by_type.get("output", 0) == program.tokens.output_tokens

        assert sum(telemetry.metric("agent.requests").values()) == program.runs
        assert sum(telemetry.metric("agent.tool.calls").values()) == program.tools
        durations = telemetry.metric("gen_ai.client.operation.duration").values()
        assert sum(count for count, _ in durations) == program.calls

        for name, (adds_up, below) in program.below.items():
            written = {kind: spans[name].attributes.get(attribute, 0) for attribute, kind in ATTRIBUTES.items()}
            expected = below if adds_up else Usage(0, 0, 0, 0, 0)
            assert written == {kind: getattr(expected, kind) for kind in Usage.__slots__}, name
        for span in spans.values():
            assert span.end_time >= span.start_time
