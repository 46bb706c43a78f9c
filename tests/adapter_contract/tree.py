"""The tree of operations that was found, beside the one that was expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapter_contract.recipe import Node

_MODEL_OPERATIONS: Final = ("chat", "generate_content", "text_completion", "embeddings")
_KINDS: Final = {
    "invoke_agent": "agent",
    "execute_tool": "tool",
    "invoke_workflow": "workflow",
    "retrieval": "retrieval",
    **dict.fromkeys(_MODEL_OPERATIONS, "model"),
}


def kind_of(span: Any) -> str:
    """Return which kind of operation a span shows, ``span`` if it is none of ours."""
    attributes = span.attributes or {}
    if "mcp.method.name" in attributes:
        return "mcp"
    if "agent.step.name" in attributes:
        return "step"
    operation = attributes.get("gen_ai.operation.name")
    return _KINDS.get(str(operation), "span" if operation is None else str(operation))


@dataclass
class Found:
    """A span and what happened inside it, in the order of starting."""

    span: Any
    children: list[Found]

    @classmethod
    def of(cls, spans: Sequence[Any]) -> list[Found]:
        """Return the trees that spans form; a span whose parent is not among them is a root."""
        found = {span.context.span_id: cls(span, []) for span in spans if span.context is not None}
        roots: list[Found] = []
        for node in sorted(found.values(), key=lambda node: node.span.start_time or 0):
            parent = None if node.span.parent is None else found.get(node.span.parent.span_id)
            (roots if parent is None else parent.children).append(node)
        return roots

    @property
    def kind(self) -> str:
        """Which kind of operation it is."""
        return kind_of(self.span)

    def all(self) -> Iterator[Found]:
        """Yield this one and all below it."""
        yield self
        for child in self.children:
            yield from child.all()

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield a line for this one and for all below it."""
        yield _line(depth, self.kind, self.span.name)
        for child in self.children:
            yield from child.lines(depth + 1)


def expected_lines(node: Node, depth: int = 0) -> Iterator[str]:
    """Yield a line for an expected node and for all below it."""
    yield _line(depth, node.kind, node.span)
    for child in node.children:
        yield from expected_lines(child, depth + 1)


def count_of(node: Node, kind: str) -> int:
    """Return how many nodes of a kind a tree has."""
    return (node.kind == kind) + sum(count_of(child, kind) for child in node.children)


def _line(depth: int, kind: str, name: str) -> str:
    return f"{'   ' * depth}{kind}: {name}"


def assert_tree(found: Found, expected: Node, *, with_attributes: bool = True) -> None:
    """Assert that a tree is the expected one: kinds, names of spans, order of starting, and the attributes named.

    Raises:
        AssertionError: It is not; the message shows both.
    """
    shown, wanted = list(found.lines()), list(expected_lines(expected))
    both = "\n".join(("found:", *shown, "", "expected:", *wanted))
    assert shown == wanted, f"another tree than expected\n{both}"
    if with_attributes:
        wrong = list(_wrong_attributes(found, expected))
        assert not wrong, "\n".join(("attributes that are not as expected:", *wrong, "", "in:", *shown))


def _wrong_attributes(found: Found, expected: Node) -> Iterator[str]:
    attributes: dict[str, Any] = dict(found.span.attributes or {})
    for name, value in expected.attributes.items():
        if name not in attributes or attributes[name] != value:
            yield f"{found.span.name}: {name} is {attributes.get(name)!r}, expected {value!r}"
    for child, wanted in zip(found.children, expected.children, strict=True):
        yield from _wrong_attributes(child, wanted)
