"""Decorators mark functions, methods and classes, and change nothing else about them."""

import asyncio
import inspect
import logging

import pytest

import agentotel
from agentotel.model.operations import AgentRun, ModelCall, Step, ToolCall
from agentotel.patching import observation


class Recording:
    def __init__(self, operation):
        self.operation = operation

    def activate(self): ...

    def suspend(self, token): ...

    def chunk(self): ...

    def expire(self): ...

    def stop(self): ...

    def fail(self, error): ...


@pytest.fixture
def operations(monkeypatch):
    """All operations that are started."""
    seen = []

    class Observer:
        def start(self, operation):
            seen.append(operation)
            return Recording(operation)

        def current(self):
            return None

    monkeypatch.setattr(observation, "_observer", Observer())
    return seen


@pytest.mark.parametrize(
    ("decorator", "operation"),
    [
        (agentotel.agent, AgentRun),
        (agentotel.tool, ToolCall),
        (agentotel.model_call, ModelCall),
        (agentotel.step, Step),
    ],
)
def test_each_decorator_records_its_operation(operations, decorator, operation):
    """With and without arguments, a marked function is one operation per call."""

    @decorator
    def first(text):
        """Say it."""
        return text

    @decorator(name="given")
    def second(text):
        return text

    assert (first("a"), second(text="b")) == ("a", "b")
    assert [type(op) for op in operations] == [operation] * 2
    assert operations[1].name == "given"
    assert (first.__name__, first.__doc__, str(inspect.signature(first))) == ("first", "Say it.", "(text)")


def test_all_kinds_of_functions_keep_their_kind(operations):
    """Coroutines, generators and asynchronous generators are recorded and stay what they are."""

    class Marked:
        @agentotel.tool
        async def later(self):
            return 1

        @agentotel.tool
        def pieces(self):
            yield 2

        @agentotel.tool
        async def pieces_later(self):
            yield 3

        @staticmethod
        @agentotel.tool
        def static():
            return 4

        @agentotel.tool
        @classmethod
        def of_class(cls):
            return cls.__name__

    async def run():
        return await Marked().later(), [piece async for piece in Marked().pieces_later()]

    assert asyncio.run(run()) == (1, [3])
    assert list(Marked().pieces()) == [2]
    assert (Marked().static(), Marked.of_class()) == (4, "Marked")
    assert len(operations) == 5
    assert inspect.iscoroutinefunction(Marked.later)
    assert inspect.isasyncgenfunction(Marked.pieces_later)


def test_a_class_has_the_methods_of_its_kind_marked(operations):
    """Any class can be an agent, whatever its name; its other methods are left alone."""

    @agentotel.agent(name="self.title", usage="result.meta")
    class Concierge:
        title = "Desk"

        def chat(self, message):
            return {"meta": {"input": 3, "output": len(message)}}

        def other(self):
            return 1

    desk = Concierge()
    desk.chat("hello")
    assert desk.other() == 1
    (op,) = operations
    assert (op.name, op.usage.output_tokens) == ("Desk", 5)


def test_marking_twice_records_once(operations):
    """A method that is marked in a marked class is one operation."""

    @agentotel.agent
    class Bot:
        @agentotel.agent(name="first")
        def chat(self, message):
            return message

    assert Bot().chat("x") == "x"
    assert [op.name for op in operations] == ["first"]


def test_without_an_observer_it_is_a_pass_through(monkeypatch):
    """A program with marks runs where nothing is recorded."""
    monkeypatch.setattr(observation, "_observer", None)

    @agentotel.tool
    def double(number):
        return number * 2

    assert double(2) == 4
    with pytest.raises(TypeError, match=r"double\(\) missing 1 required positional argument: 'number'"):
        double()


@pytest.mark.parametrize(
    ("mark", "complaint"),
    [
        (lambda: agentotel.tool(property(lambda self: 1)), "is a property"),
        (lambda: agentotel.tool(3), "is not callable (int)"),
        (lambda: agentotel.agent(type("Empty", (), {})), "it has none of chat"),
        (lambda: agentotel.step(type("Empty", (), {"handle": print})), "decorate the method itself"),
        (lambda: agentotel.tool(outcome="nowhere")(print), "is no path"),
        (lambda: agentotel.tool(colour="self.x")(print), "unknown option 'colour'"),
    ],
)
def test_a_mark_that_makes_no_sense_warns_and_changes_nothing(mark, complaint, caplog):
    """The program runs on; the message names the decorator and what is wrong."""
    with caplog.at_level(logging.WARNING, "agentotel"):
        assert mark() is not None
    (record,) = caplog.records
    assert record.getMessage().startswith("agentotel: @agentotel.")
    assert complaint in record.getMessage()
