"""Errors of tools and of the model: shown where they happened, counted once, and passed on as they are."""

from __future__ import annotations

from typing import Any

from opentelemetry.trace import StatusCode

from adapter_contract.promises.base import Promises, about
from adapter_contract.recipe import BROKEN


def _error_type(span: Any) -> object:
    """Return the ``error.type`` of a span, None for one that has not failed."""
    if span.status.status_code is not StatusCode.ERROR:
        return None
    return span.attributes.get("error.type", "no error.type")


class ShowsErrors(Promises):
    """What goes wrong in the program and at the model."""

    @about(kind="tool")
    def test_a_tool_that_raises_is_one_failed_tool_call(self, way: str) -> None:
        """The tool's span and the metrics show the error, once; the program goes on as the library has it."""
        recipe, scene = self.recipe, self.scene(tool_fails=True)
        alone = self.alone(way, scene)
        with self.observed() as seen:
            played = self.play(way, scene)
        assert played.seen() == alone.seen()
        assert (played.error is not None) == recipe.tool_error_reaches_user, repr(played.error)
        root = seen.root()
        expected = recipe.tool_error_type if recipe.failed_tool else None
        assert [_error_type(span) for span in seen.spans("tool")] == [expected], str(root)
        assert seen.number("agent.tool.calls", status="failed") == int(recipe.failed_tool)
        assert seen.number("agent.tool.calls") == 1
        assert (_error_type(root.span) is not None) == recipe.tool_error_reaches_user
        counted = recipe.failed_tool or recipe.tool_error_reaches_user
        assert seen.number("agent.errors") == int(counted), seen.telemetry.metric("agent.errors")

    def test_an_error_of_the_model_is_shown_once_and_passed_on(self, way: str) -> None:
        """A request that the model refuses fails the model call and all around it; the exception is the library's."""
        scene = self.scene(city=BROKEN)
        alone = self.alone(way, scene)
        with self.observed() as seen:
            played = self.play(way, scene)
        assert played.seen() == alone.seen()
        root, (call,) = seen.root(), seen.spans("model")
        assert _error_type(call) not in {None, "no error.type"}, str(root)
        assert (_error_type(root.span) is not None) == (played.error is not None), str(root)
        assert seen.number("agent.errors") == 1, seen.telemetry.metric("agent.errors")
        failed = [record for record in seen.telemetry.logs() if record.event_name == "agent.model_call.failed"]
        assert len(failed) == 1
        if root.kind == "agent" and played.error is not None:
            assert root.span.attributes["agent.status"] == "failed"
            assert seen.number("agent.requests", status="failed") == len(seen.spans("agent"))
