"""Tests of `context(...)` in all its forms."""

import asyncio
import contextvars
import functools
import inspect
import threading

import pytest
from opentelemetry import baggage
from opentelemetry.context import attach, create_key, get_current, get_value, set_value
from opentelemetry.context.context import Context

from agentotel.identity import Identity, context, current

KEY = create_key("something-else")


def user():
    """Return the user of the current context."""
    identity = current()
    return None if identity is None else identity.user_id


def test_with_block():
    """The identity holds inside the block and only there."""
    with context(user_id="u") as identity:
        assert current() is identity
        assert identity.user_id == "u"
    assert current() is None


def test_async_with_block():
    """The async form does the same."""

    async def main():
        async with context(user_id="u") as identity:
            await asyncio.sleep(0)
            assert current() is identity
        assert current() is None

    asyncio.run(main())


def test_nesting_overrides_only_what_is_given():
    """An inner context keeps the outer fields that it does not name, the request id included."""
    with context(user_id="u", tenant_id="t") as outer:
        with context(user_id="v", session_id="s") as inner:
            assert inner == Identity(outer.request_id, "v", "t", "s")
        assert current() is outer


def test_a_given_request_id_is_kept():
    """A request id is made only where none came."""
    with context(request_id="mine") as identity:
        assert identity.request_id == "mine"


def test_each_entry_makes_a_fresh_request_id():
    """One object that is used twice stands for two requests."""
    scope = context(user_id="u")
    with scope as first:
        pass
    with scope as second:
        pass
    assert first.request_id != second.request_id


def test_an_object_can_be_entered_again_inside_itself():
    """The same object may be nested in itself."""
    scope = context(user_id="u")
    with scope as outer:
        with scope as inner:
            assert current() is inner
        assert current() is outer
    assert current() is None


def test_incoming_baggage_is_the_outer_identity():
    """Ids that came as baggage hold unless the context names others."""
    attach(baggage.set_baggage("tenant.id", "remote", baggage.set_baggage("user.id", "remote")))
    with context(user_id="local") as identity:
        assert (identity.user_id, identity.tenant_id) == ("local", "remote")
    attach(Context())


def test_bad_values_do_not_raise():
    """A value that is no id is left out, the others hold."""
    with context(user_id=object(), tenant_id=7, session_id="x" * 10**6) as identity:
        assert identity.user_id is None
        assert identity.tenant_id == "7"
        assert len(identity.session_id) == 256


def test_exceptions_pass_and_the_context_is_restored():
    """An exception inside the block arrives outside unchanged."""
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as caught, context(user_id="u"):
        raise error
    assert caught.value is error
    assert current() is None


def test_a_context_that_something_else_left_attached_is_removed():
    """What was attached inside and never detached does not survive the block."""
    with context(user_id="u"):
        attach(set_value(KEY, 1))
    assert get_value(KEY) is None
    assert current() is None


def test_leaving_in_another_thread_changes_and_logs_nothing():
    """A block that ends in another context than it began in leaves that one alone."""
    scope = context(user_id="u")
    contextvars.Context().run(scope.__enter__)
    with context(user_id="other"):
        scope.__exit__(None, None, None)
        assert user() == "other"


def test_leaving_in_a_copied_context_restores_there():
    """A block that ends in a copy of its context (as some frameworks do) is put right in the copy."""
    scope = context(user_id="u")

    def begin():
        scope.__enter__()
        contextvars.copy_context().run(end)

    def end():
        scope.__exit__(None, None, None)
        assert current() is None

    contextvars.Context().run(begin)


def test_one_object_in_many_tasks():
    """Tasks that share one object do not disturb one another."""
    scope = context(user_id="u")
    entered = []

    async def work():
        async with scope as identity:
            entered.append(identity.request_id)
            for _ in range(5):
                await asyncio.sleep(0)
                assert current() is identity
        assert current() is None

    async def main():
        await asyncio.gather(*(work() for _ in range(20)))

    asyncio.run(main())
    assert len(set(entered)) == 20


def test_threads_see_their_own_identity():
    """A thread that starts without a context has no identity, and its own does not leak."""
    seen = []

    def work():
        seen.append(user())
        with context(user_id="thread"):
            seen.append(user())

    with context(user_id="main"):
        thread = threading.Thread(target=lambda: contextvars.Context().run(work))
        thread.start()
        thread.join()
        assert user() == "main"
    assert seen == [None, "thread"]


# --- as a decorator ---


def test_decorated_function():
    """Each call of a function has an identity of its own."""

    @context(user_id="u")
    def work(value, *, scale=1):
        """Work."""
        return value * scale, current()

    (result, first), (_, second) = work(2, scale=3), work(1)
    assert result == 6
    assert first.user_id == "u"
    assert first.request_id != second.request_id
    assert (work.__name__, work.__doc__) == ("work", "Work.")
    assert list(inspect.signature(work).parameters) == ["value", "scale"]


def test_decorated_method():
    """A method gets its instance."""

    class Agent:
        @context(user_id="u")
        def chat(self, message):
            return self, message, user()

    agent = Agent()
    assert agent.chat("hi") == (agent, "hi", "u")


def test_decorated_coroutine_function():
    """A coroutine function stays one, and concurrent calls do not mix."""

    @context(user_id="u")
    async def work():
        before = current()
        await asyncio.sleep(0)
        assert current() is before
        return before.request_id

    async def main():
        return await asyncio.gather(work(), work(), work())

    assert inspect.iscoroutinefunction(work)
    assert len(set(asyncio.run(main()))) == 3


def test_decorated_generator_does_not_leak_between_pulls():
    """The consumer sees its own identity while the generator waits, whatever the generator has opened."""

    @context(user_id="generator")
    def work():
        yield user()
        with context(user_id="nested"):
            yield user()
            yield user()
        yield user()

    assert inspect.isgeneratorfunction(work)
    with context(user_id="consumer"):
        seen = []
        for value in work():
            assert user() == "consumer"
            seen.append(value)
    assert seen == ["generator", "nested", "nested", "generator"]


def test_decorated_generator_keeps_its_own_context_between_pulls():
    """What the generator attaches is current again when it goes on."""

    @context(user_id="u")
    def work():
        attach(set_value(KEY, "inside"))
        yield get_value(KEY)
        yield get_value(KEY)

    assert list(work()) == ["inside", "inside"]
    assert get_value(KEY) is None


def test_decorated_generator_is_a_full_generator():
    """Sent values, thrown exceptions, the return value and close all reach the generator."""
    closed = []

    @context(user_id="u")
    def work():
        received = yield "start"
        try:
            yield received
        except ValueError as error:
            yield f"caught {error} for {user()}"
        try:
            yield "last"
        finally:
            closed.append(user())

    generator = work()
    assert next(generator) == "start"
    assert generator.send("sent") == "sent"
    assert generator.throw(ValueError("thrown")) == "caught thrown for u"
    assert next(generator) == "last"
    generator.close()
    assert closed == ["u"]

    @context(user_id="u")
    def answer():
        yield 1
        return 42

    def outer():
        return (yield from answer())

    generator = outer()
    next(generator)
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == 42


def test_errors_of_a_decorated_generator_arrive_unchanged():
    """The consumer gets the very exception, and its context back."""
    error = LookupError("x")

    @context(user_id="u")
    def work():
        yield 1
        raise error

    with pytest.raises(LookupError) as caught:
        list(work())
    assert caught.value is error
    assert caught.value.__context__ is None
    assert get_current() == Context()


def test_decorated_async_generator():
    """An async generator stays one, keeps its context between pulls and does not leak it to the consumer."""
    closed = []

    @context(user_id="generator")
    async def work():
        try:
            received = yield user()
            await asyncio.sleep(0)
            try:
                yield received, user()
            except ValueError as error:
                yield f"caught {error} for {user()}"
            yield "last"
        finally:
            await asyncio.sleep(0)
            closed.append(user())

    async def main():
        async with context(user_id="consumer"):
            generator = work()
            assert await anext(generator) == "generator"
            assert user() == "consumer"
            assert await generator.asend("sent") == ("sent", "generator")
            assert user() == "consumer"
            assert await generator.athrow(ValueError("thrown")) == "caught thrown for generator"
            await generator.aclose()
            assert user() == "consumer"
            return [value async for value in work()]

    assert inspect.isasyncgenfunction(work)
    assert asyncio.run(main()) == ["generator", (None, "generator"), "last"]
    assert closed == ["generator", "generator"]


def test_async_generator_that_is_pulled_by_different_tasks():
    """Each pull may come from another task: no task keeps the generator's identity."""

    @context(user_id="generator")
    async def work():
        for _ in range(3):
            await asyncio.sleep(0)
            yield user()

    async def pull(generator):
        value = await anext(generator)
        assert user() is None
        return value

    async def main():
        generator = work()
        values = [await asyncio.create_task(pull(generator)) for _ in range(3)]
        await asyncio.create_task(_close(generator))
        return values

    async def _close(generator):
        await generator.aclose()

    assert asyncio.run(main()) == ["generator"] * 3


def test_abandoned_generators_do_not_disturb_whoever_is_there():
    """A generator that is thrown away half-way is closed without touching the current context."""

    @context(user_id="generator")
    def work():
        yield 1
        yield 2

    with context(user_id="consumer"):
        generator = work()
        next(generator)
        del generator
        assert user() == "consumer"


def test_cancelled_coroutine_restores_its_task():
    """Cancellation passes through, and the task that catches it has its own context."""

    @context(user_id="u")
    async def work():
        await asyncio.Event().wait()

    async def main():
        with context(user_id="main"):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(work(), 0.01)
            assert user() == "main"

    asyncio.run(main())


def _hidden(function):
    """Return a plain function that returns what `function` returns."""

    def plain(*args):
        return function(*args)

    return plain


@pytest.mark.parametrize("wrap", [functools.partial, _hidden])
def test_plain_functions_that_return_code_to_run(wrap):
    """A function whose result is a coroutine or a generator runs that in the context, too."""

    async def coroutine():
        return user()

    def generator():
        yield user()

    async def async_generator():
        yield user()

    async def collect():
        return [value async for value in context(user_id="u")(wrap(async_generator))()]

    async def wait():
        return await context(user_id="u")(wrap(coroutine))()

    assert list(context(user_id="u")(wrap(generator))()) == ["u"]
    assert asyncio.run(wait()) == "u"
    assert asyncio.run(collect()) == ["u"]
