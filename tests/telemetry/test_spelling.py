"""The convention's spelling, behind the guard."""

from __future__ import annotations

import pytest

from agentotel._base import failopen
from agentotel.model.conventions import CONVENTIONS, GUIDE, Convention
from agentotel.model.operations import (
    EMBEDDINGS,
    AgentRun,
    McpCall,
    ModelCall,
    Retrieval,
    Step,
    ToolCall,
    Workflow,
)
from agentotel.telemetry import spelling
from agentotel.telemetry.spelling import SpanNames


@pytest.fixture
def _silent():
    """As in production: errors are counted and forgotten."""
    was_strict = failopen.is_strict()
    failopen.configure(strict=False)
    failopen.reset()
    yield
    failopen.configure(strict=was_strict)
    failopen.reset()


def name_of(convention, operation):
    """Return how a new object names the span of an operation."""
    return SpanNames(convention).of(operation, spelling.named_after(operation))


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=list(CONVENTIONS))
@pytest.mark.parametrize(
    "operations",
    [
        [ModelCall(request_model="m"), ModelCall(request_model="m", operation=EMBEDDINGS), ModelCall()],
        [AgentRun(name="a"), ToolCall(name="a"), Workflow(name="a"), Step(name="a"), Retrieval(name="a"), Step()],
        [McpCall(method="tools/call", name="a"), McpCall(method="prompts/get", name="a"), McpCall(method="ping")],
    ],
    ids=["model", "name", "mcp"],
)
def test_what_is_remembered_is_what_the_convention_says(convention, operations):
    """Operations that are alike in name and not in kind, verb or method are told apart, however often they come."""
    names = SpanNames(convention)
    for _ in range(2):
        found = [names.of(operation, spelling.named_after(operation)) for operation in operations]
        assert found == [convention.span_name(operation) for operation in operations]


def test_only_so_many_short_names_are_remembered(monkeypatch):
    """Whoever invents names, or has long ones, costs no memory."""
    monkeypatch.setattr(spelling, "_MOST_NAMES", 3)
    names = SpanNames(GUIDE)
    for number in range(10):
        tool = ToolCall(name=f"{number}")
        assert names.of(tool, tool.name) == f"Tool.{number}"
    long = ToolCall(name="x" * 500)
    names.of(long, long.name)
    assert len(names._known) <= 3
    assert not any(len(name) > 200 for name in names._known.values())


def test_what_an_operation_is_named_after_may_be_anything():
    """A program may give a list where a name was expected."""
    call = ModelCall(request_model=["m"])
    assert name_of(CONVENTIONS["genai"], call) == "chat ['m']"


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=list(CONVENTIONS))
def test_span_names_can_be_stored_and_printed(convention):
    """A name of a megabyte with control characters becomes a short line."""
    name = name_of(convention, ToolCall(name="a\nb\x1b[31m" + "x" * 1_000_000))
    assert name.isprintable()
    assert len(name) < 1200


def test_attributes_are_renamed():
    """The guide's own names are used where it has some."""
    assert spelling.renamed(GUIDE, {"gen_ai.agent.id": "a1", "x": 1}) == {"agent.id": "a1", "x": 1}


@pytest.mark.usefixtures("_silent")
def test_a_convention_that_fails_costs_only_the_spelling():
    """The span still has a name and its attributes; the failure is on record."""

    def broken(operation):
        raise ValueError("broken")

    class Broken(Convention):
        def rename(self, attributes):
            raise ValueError("broken")

    convention = Broken("broken", broken)
    assert name_of(convention, AgentRun(name="shop")) == "AgentRun"
    assert spelling.renamed(convention, {"a": 1}) == {"a": 1}
    assert failopen.errors() == {"recorder.convention": 2}
