"""One trace, one root, the tree as expected; and the program notices nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context, trace

from adapter_contract.promises.base import Promises, about
from adapter_contract.tree import assert_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter_contract.tree import Found


class ShowsTheTree(Promises):
    """What a run looks like from outside, and from the program."""

    def test_a_run_is_one_trace_with_the_expected_tree(self, way: str) -> None:
        """Each way gives one trace with one root, all of it ended, of the kinds, names and order expected."""
        assert_tree(self.record(way).root(), self.tree(way))

    def test_the_user_gets_what_he_gets_without_observing(self, way: str) -> None:
        """The answer, the number of pieces and their types are those of the library alone."""
        alone = self.alone(way)
        with self.observed():
            observed = self.play(way)
        assert observed.seen() == alone.seen()
        assert alone.error is None, alone.error
        if observed.answer:
            assert self.scene().answer in observed.answer

    @about(conversation=True)
    def test_all_spans_of_a_run_carry_the_conversation(self, way: str) -> None:
        """The conversation that the library was told of stands on every span of ours."""
        nodes = self.record(way).root().all()
        found = [(node.span.name, node.span.attributes.get("gen_ai.conversation.id")) for node in nodes]
        assert found == [(name, self.scene().conversation) for name, _ in found]

    def test_all_spans_of_a_run_carry_the_same_request_id(self, way: str) -> None:
        """One request id is made for a run, and stands on all its spans (a server's requests have ids of their own)."""
        nodes = list(_in_this_process(self.record(way).root()))
        found = {node.span.attributes.get("request.id") for node in nodes}
        assert len(found) == 1, found
        assert None not in found

    @about(kind="agent")
    def test_model_calls_and_tools_name_their_agent(self, way: str) -> None:
        """What happens directly inside an agent's run carries the name of that agent."""
        for node in self.record(way).root().all():
            if node.kind == "agent":
                name = node.span.attributes["gen_ai.agent.name"]
                owners = [child.span.attributes.get("gen_ai.agent.name") for child in node.children if _is_leaf(child)]
                assert owners == [name] * len(owners), str(node)

    def test_the_programs_own_span_stays_the_current_one(self, way: str) -> None:
        """Between the pieces of a stream, and after a run, the user's own span is current, as it was before."""
        with self.observed() as seen:
            tracer = seen.telemetry.tracer_provider.get_tracer("the program")
            with tracer.start_as_current_span("the program's own") as own:
                before = context.get_current()
                played = self.play(way, look=trace.get_current_span)
                assert context.get_current() == before
            played.again()
        names = [getattr(span, "name", span) for span in played.looks]
        assert names == ["the program's own"] * len(names)
        assert all(span is own for span in played.looks)
        root = seen.root()
        assert root.span.name == "the program's own"
        assert_tree(root.children[0], self.tree(way))
        assert len(root.children) == 1, str(root)


def _in_this_process(node: Found) -> Iterator[Found]:
    """Yield a node and those below it, but for what a request over MCP has led to."""
    yield node
    if node.kind != "mcp":
        for child in node.children:
            yield from _in_this_process(child)


def _is_leaf(node: Found) -> bool:
    return node.kind in {"model", "tool"}
