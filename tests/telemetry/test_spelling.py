"""The convention's spelling, behind the guard."""

from __future__ import annotations

import pytest

from agentotel._base import failopen
from agentotel.model.conventions import CONVENTIONS, GUIDE, Convention
from agentotel.model.operations import AgentRun, ToolCall
from agentotel.telemetry import spelling


@pytest.fixture
def _silent():
    """As in production: errors are counted and forgotten."""
    was_strict = failopen.is_strict()
    failopen.configure(strict=False)
    failopen.reset()
    yield
    failopen.configure(strict=was_strict)
    failopen.reset()


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=list(CONVENTIONS))
def test_span_names_can_be_stored_and_printed(convention):
    """A name of a megabyte with control characters becomes a short line."""
    name = spelling.span_name(convention, ToolCall(name="a\nb\x1b[31m" + "x" * 1_000_000))
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
    assert spelling.span_name(convention, AgentRun(name="shop")) == "AgentRun"
    assert spelling.renamed(convention, {"a": 1}) == {"a": 1}
    assert failopen.errors() == {"recorder.convention": 2}
