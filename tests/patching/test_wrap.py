"""Wrapping functions of every kind: what stays as it was, and what the observer gets to know."""

from __future__ import annotations

import abc
import asyncio
import copy
import functools
import inspect
import pickle
import traceback

import pytest

from agentotel._base import failopen
from agentotel.model.contract import Note
from agentotel.patching import observation, wrap, wrap_note


class Bot:
    """A class of a user."""

    __slots__ = ("name",)

    def __init__(self, name="bot"):
        self.name = name

    def chat(self, message: str, *, loud: bool = False) -> str:
        """Answer."""
        return f"{self.name}: {message.upper() if loud else message}"

    async def achat(self, message):
        return message

    def stream(self):
        yield 1

    async def astream(self):
        yield 1

    @staticmethod
    def shout(message):
        return message.upper()

    @classmethod
    def make(cls, name):
        return cls(name)

    @property
    def title(self):
        """The title."""
        return f"The {self.name}"

    double = functools.partial(lambda factor, value: factor * value, 2)


def greet(name):
    """Greet."""
    return f"hello {name}"


@pytest.fixture
def bots(call, monkeypatch):
    """The class with all that can be called in it observed."""
    for name in ("chat", "achat", "stream", "astream", "shout", "make", "title", "double"):
        monkeypatch.setattr(Bot, name, wrap(Bot.__dict__[name], call(), "test"))
    return Bot


def test_a_plain_result_is_the_very_object(observer, call):
    """The result passes through by identity, and the recording is ended once, after `response` saw it."""
    result = {"answer": 42}
    assert wrap(lambda: result, call(), "test")() is result
    assert observer.only.journal == ["activate", "suspend", "stop"]
    assert observer.only.seen == [("response", result)]
    assert observer.only.seen[0][1] is result


def test_without_an_observer_nothing_is_asked(call):
    """A wrapper without an observer calls the function and nothing else."""
    observation.stop_observing()

    def request(_):
        raise AssertionError

    assert wrap(greet, call(request=request), "test")("x") == "hello x"


def test_the_function_runs_while_the_operation_is_current(observer, call, current):
    """The operation is current inside the function and no longer after it."""
    assert wrap(current, call(), "test")() is observer.only
    assert current() is None


@pytest.mark.filterwarnings("ignore:functools.partial will be a method descriptor:FutureWarning")
@pytest.mark.parametrize(
    ("invoke", "expected"),
    [
        (lambda bot: bot.chat("hi"), "bot: hi"),
        (lambda bot: type(bot).chat(bot, "hi", loud=True), "bot: HI"),
        (lambda bot: bot.shout("hi"), "HI"),
        (lambda bot: type(bot).shout("hi"), "HI"),
        (lambda bot: bot.make("x").name, "x"),
        (lambda bot: bot.title, "The bot"),
        (lambda bot: bot.double(21), 42),
    ],
)
def test_every_kind_of_method_works(observer, bots, invoke, expected):
    """Methods, static and class methods, properties and partials give what they gave, and are recorded once."""
    assert invoke(bots()) == expected
    assert observer.only.ends == ["stop"]


def test_the_adapter_sees_the_call(observer, call, monkeypatch):
    """`request` gets the target, the original function, the instance, and the arguments without it."""
    seen = []
    original = Bot.__dict__["chat"]

    def request(intercepted):
        seen.append(intercepted)
        return call().request(intercepted)

    monkeypatch.setattr(Bot, "chat", wrap(original, call(request=request, target="x:y"), "test"))
    bot = Bot()
    bot.chat("hi", loud=True)
    (intercepted,) = seen
    assert (intercepted.target, intercepted.args, intercepted.kwargs) == ("x:y", ("hi",), {"loud": True})
    assert intercepted.function is original
    assert intercepted.instance is bot
    assert observer.only.operation.subject is bot
    assert observer.only.operation.function is original


def test_class_and_static_methods_have_their_own_instance(observer, bots):
    """The subject of a class method is the class, that of a static method nothing; the function is the bare one."""
    bots.make("x")
    bots.shout("x")
    made, shouted = (recording.operation for recording in observer.recordings)
    assert made.subject is Bot
    assert shouted.subject is None
    assert inspect.isfunction(made.function)
    assert inspect.isfunction(shouted.function)


def test_an_adapter_that_sets_a_subject_keeps_it(observer, call):
    """Only an operation without a subject gets the instance."""
    subject = object()

    def request(intercepted):
        operation = call().request(intercepted)
        operation.subject = subject
        return operation

    wrap(greet, call(request=request), "test")("x")
    assert observer.only.operation.subject is subject


def test_it_looks_like_the_function(bots):
    """Name, documentation, signature and the answers of `inspect` stay."""
    assert bots.chat.__name__ == "chat"
    assert bots.chat.__doc__ == "Answer."
    assert bots.title.__doc__ if not isinstance(bots.__dict__["title"], property) else True
    assert bots.__dict__["title"].__doc__ == "The title."
    assert str(inspect.signature(bots.chat)) == "(self, message: 'str', *, loud: 'bool' = False) -> 'str'"
    assert str(inspect.signature(bots().chat)) == "(message: 'str', *, loud: 'bool' = False) -> 'str'"
    for owner in (bots, bots()):
        assert inspect.iscoroutinefunction(owner.achat)
        assert inspect.isgeneratorfunction(owner.stream)
        assert inspect.isasyncgenfunction(owner.astream)
    assert inspect.ismethod(bots().chat)
    assert asyncio.iscoroutinefunction(bots().achat)


def test_abstract_methods_stay_abstract(call):
    """A class made with a wrapped abstract method cannot be instantiated, as without us."""

    @abc.abstractmethod
    def run(self):
        """Run."""

    Base = abc.ABCMeta("Base", (), {"run": wrap(run, call(), "test")})  # noqa: N806 - a class

    with pytest.raises(TypeError, match="abstract"):
        Base()


def test_decorated_methods_are_wrapped_as_they_are(observer, call):
    """A method under a decorator of its own runs under it."""

    def twice(function):
        @functools.wraps(function)
        def inner(*args):
            return function(*args) * 2

        return inner

    class Local:
        @twice
        def value(self):
            return 21

    Local.value = wrap(Local.__dict__["value"], call(), "test")
    assert Local().value() == 42
    assert observer.only.ends == ["stop"]


def test_a_bound_method_is_pickled_as_without_us(bots):
    """Bound methods survive pickling, and plain bytes of the standard library are enough to load them."""
    data = pickle.dumps(bots("x").shout)
    assert b"wrapt" not in data
    assert b"agentotel" not in data
    assert pickle.loads(pickle.dumps(bots("x").chat))("hi") == "x: hi"
    assert pickle.loads(pickle.dumps(bots.chat))(bots("y"), "hi") == "y: hi"
    assert pickle.loads(pickle.dumps(bots.make))("z").name == "z"


def test_a_module_function_is_pickled_by_name(call, monkeypatch):
    """A wrapped function of a module is found by its name, in both directions."""
    wrapped = wrap(greet, call(), "test")
    monkeypatch.setitem(globals(), "greet", wrapped)
    assert wrapped.__reduce_ex__(4) == "greet"


def test_a_function_wrapped_under_another_name_is_pickled_as_the_original(call):
    """What a module has imported by name can be wrapped there; the pickle leads to where it was defined."""
    wrapped = wrap(greet, call(), "test")
    assert pickle.loads(pickle.dumps(wrapped)) is greet


def test_copies_of_functions_and_methods_are_observed_too(observer, bots, call):
    """Copying an object that holds an observed method keeps method and observation; functions are never copied."""
    holder = {"callback": bots("a").chat, "function": wrap(greet, call(), "test")}
    copied = copy.deepcopy(holder)
    assert copied["function"] is holder["function"]
    assert copied["callback"].__self__ is not holder["callback"].__self__
    assert copied["callback"]("hi") == "a: hi"
    assert copy.copy(copied["callback"]) is copied["callback"]
    assert len(observer.recordings) == 1


def test_wrapping_twice_wraps_once(observer, call):
    """A function that is observed already is returned unchanged, also under the wrapper of somebody else."""
    wrapped = wrap(greet, call(), "test")
    assert wrap(wrapped, call(), "other") is wrapped
    noted = wrap_note(wrapped, Note("m:f", lambda *_: None), "test")
    assert wrap(noted, call(), "test") is noted
    noted("x")
    assert len(observer.recordings) == 1


def test_wrong_arguments_give_pythons_own_error(observer, bots):
    """The caller of a method with wrong arguments gets the text that Python gives without us."""
    with pytest.raises(TypeError, match=r"chat\(\) takes 2 positional arguments but 4 were given") as caught:
        bots().chat(1, 2, 3)
    assert observer.only.error is caught.value


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_the_very_exception_comes_out(observer, call, kind):
    """Whatever is raised, the same object comes out once recorded, and the user's frame is the last of it."""
    error = kind("no")

    def failing():
        raise error

    with pytest.raises(kind) as caught:
        wrap(failing, call(), "test")()
    assert caught.value is error
    assert caught.value.__context__ is None
    assert traceback.extract_tb(caught.tb)[-1].name == "failing"
    assert observer.only.ends == ["fail"]
    assert observer.only.error is error
    assert observer.only.journal.count("suspend") == 1


def test_a_call_that_is_no_operation_passes(observer, call):
    """A `request` that returns None leaves the call alone."""
    assert wrap(greet, call(request=lambda _: None), "test")("x") == "hello x"
    assert observer.recordings == []


def test_a_call_that_is_recorded_further_out_passes(observer, call):
    """When the observer starts nothing, even streams come through untouched."""
    observer.refuses = True
    stream = iter([1])
    assert wrap(lambda: stream, call(), "test")() is stream


@pytest.mark.parametrize("stage", ["request", "response", "deferred"])
def test_a_failing_adapter_is_skipped_and_counted(lenient, call, stage):
    """An adapter that raises does not touch the call; the error is counted under its name and stage."""

    def broken(*_):
        raise LookupError(stage)

    assert wrap(greet, call(**{stage: broken}), "shop")("x") == "hello x"
    assert failopen.errors() == {f"shop.{stage}": 1}
    assert [recording.ends for recording in lenient.recordings] == ([] if stage == "request" else [["stop"]])


@pytest.mark.parametrize(("steers", "end"), [(True, "stop"), (False, "fail"), (None, "fail")])
def test_an_exception_that_steers_the_library_is_no_failure(observer, call, steers, end):
    """The adapter tells which exceptions are no failures: the operation ends well then, and the exception goes on."""

    def failing():
        raise LookupError("elsewhere")

    with pytest.raises(LookupError):
        wrap(failing, call(error=lambda operation, error: steers and isinstance(error, LookupError)), "test")()
    assert observer.only.ends == [end]


@pytest.mark.parametrize("stage", ["start", "activate", "suspend", "stop"])
def test_a_failing_recorder_is_skipped_and_counted(lenient, call, monkeypatch, stage, current):
    """A recorder that raises does not touch the call, nor what is current after it."""

    def broken(*_):
        raise LookupError(stage)

    monkeypatch.setattr(type(lenient) if stage == "start" else type(lenient.start(None)), stage, broken)
    assert wrap(greet, call(), "shop")("x") == "hello x"
    assert failopen.errors() == {f"recorder.{stage}": 1}
    if stage == "activate":
        assert "suspend" not in lenient.recordings[-1].journal


def test_a_failing_recorder_does_not_hide_the_users_error(lenient, call, monkeypatch):
    """The user's exception comes out even where recording it fails."""
    monkeypatch.setattr(type(lenient.start(None)), "fail", lambda *_: 1 / 0)
    with pytest.raises(KeyError):
        wrap({}.__getitem__, call(), "test")("missing")
    assert failopen.errors() == {"recorder.fail": 1}


def test_a_note_reaches_the_open_operation(observer, call):
    """A noted function tells the innermost open operation about its call, before it runs."""
    told = []

    def retry(delay):
        assert told == [(observer.only.operation, (3,))]
        return delay

    noted = wrap_note(retry, Note("m:retry", lambda operation, made: told.append((operation, made.args))), "test")
    assert wrap(lambda: noted(3), call(), "test")() == 3


def test_a_note_outside_of_any_operation_is_nothing(observer):
    """Without an open operation, or without an observer, the function is just called."""
    noted = wrap_note(greet, Note("m:f", lambda *_: 1 / 0), "test")
    assert noted("x") == "hello x"
    observation.stop_observing()
    assert noted("x") == "hello x"


def test_a_failing_note_is_skipped_and_counted(lenient, call):
    """A note that raises does not touch the function."""
    noted = wrap_note(greet, Note("m:f", lambda *_: 1 / 0), "shop")
    assert wrap(lambda: noted("x"), call(), "test")() == "hello x"
    assert failopen.errors() == {"shop.note": 1}


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_note_of_content_is_taken_only_where_content_goes_anywhere(observer, call, is_wanted):
    """Else it would cost something and tell nothing."""
    told = []
    noted = wrap_note(greet, Note("m:f", lambda *_: told.append(1), of_content=True), "test")
    observer.wants_content = is_wanted
    assert wrap(lambda: noted("x"), call(), "test")() == "hello x"
    assert bool(told) == is_wanted
