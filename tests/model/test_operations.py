"""Operations hold what they are given; what they are not given are their defaults."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import MISSING, fields, replace

import pytest

from agentotel.model import operations
from agentotel.model.operations import AgentRun, ModelCall, Operation, Step, ToolCall

KINDS = [kind for kind in vars(operations).values() if isinstance(kind, type) and issubclass(kind, Operation)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_given_has_its_default(kind):
    """Each field can be read from an operation that was made of nothing."""
    made = kind()
    for field in fields(kind):
        expected = field.default if field.default is not MISSING else {}
        assert getattr(made, field.name) == expected


def test_what_is_given_stands_in_the_operation_and_nowhere_else():
    """One operation does not change another one, nor the default of its kind."""
    one, other = ModelCall(request_model="a"), ModelCall()
    one.attributes["key"] = 1
    one.retries += 1
    assert (one.request_model, one.retries, one.attributes) == ("a", 1, {"key": 1})
    assert (other.request_model, other.retries, other.attributes) == (None, 0, {})
    assert ModelCall.retries == 0


def test_a_field_that_there_is_not_is_an_error_that_names_it():
    """As with every class of Python."""
    with pytest.raises(TypeError, match="ModelCall has no field modle"):
        ModelCall(modle="gpt-4o-mini")


def test_operations_are_dataclasses_all_the_same():
    """They compare, copy, pickle and show themselves, and tell which arguments they take."""
    call = ToolCall(name="search", call_id="1")
    assert call == ToolCall(name="search", call_id="1") != ToolCall(name="search")
    assert replace(call, name="find") == ToolCall(name="find", call_id="1")
    assert copy.copy(call) == pickle.loads(pickle.dumps(call)) == call
    assert "call_id='1'" in repr(call)
    assert {"name", "call_id", "arguments"} < set(inspect.signature(ToolCall).parameters)
    assert Step() != AgentRun()
