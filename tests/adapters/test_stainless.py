"""What generated SDKs have in common; the adapters' own tests show it with the real ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agentotel.adapters import stainless
from agentotel.model.contract import Intercepted
from agentotel.model.operations import ModelCall, ToolCall


def call(**arguments):
    """Return an intercepted call with named arguments."""
    return Intercepted("t", lambda: None, None, (), arguments)


def test_a_retry_after_a_429_is_a_retry_and_a_rate_limit():
    """Other statuses, and lost connections that have none, are retries only."""
    operation = ModelCall()
    for status in (429, 500):
        stainless.note_retry(operation, call(response=SimpleNamespace(status_code=status)))
    stainless.note_retry(operation, call(response=None))
    assert (operation.retries, operation.rate_limits) == (3, 1)


def test_the_last_429_is_a_rate_limit_and_no_retry():
    """Nobody tries again after it."""
    operation = ModelCall()
    stainless.note_final_status(operation, call(response=SimpleNamespace(status_code=429)))
    assert (operation.retries, operation.rate_limits) == (0, 1)


def test_a_request_inside_a_tool_is_not_the_tools():
    """Only a model call has retries."""
    tool = ToolCall()
    stainless.note_retry(tool, call(response=None))
    stainless.note_final_status(tool, call(response=SimpleNamespace(status_code=429)))
    assert tool == ToolCall()


@pytest.mark.parametrize(
    ("kind", "stream", "ready"), [("LegacyAPIResponse", False, True), ("LegacyAPIResponse", True, False)]
)
def test_a_legacy_raw_response_is_ready_unless_it_streams(kind, stream, ready):
    """Parsing a body that is there costs nothing and changes nothing."""
    found = stainless.deferred(type(kind, (), {"_stream": stream})())
    assert (found.value_methods, found.ready) == (("parse",), ready)


def test_other_results_are_not_deferred():
    """A parsed answer is the result itself."""
    assert stainless.deferred(SimpleNamespace()) is None
    assert stainless.deferred(type("AsyncAPIResponse", (), {})()).end_methods == ("close",)
