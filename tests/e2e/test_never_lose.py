"""However a program ends, what it did arrives, and it ends as it does without agentotel."""

from __future__ import annotations

import sys

import pytest

from e2e.beside import Beside, abandoned, ended, interrupted

pytestmark = pytest.mark.e2e

AGENT, CHAT, TOOL = "invoke_agent shop", "chat gpt-4o-mini", "execute_tool WaitTool"


@pytest.fixture
def beside(world):
    """Run programs with and without agentotel."""
    return Beside(world)


ENDINGS = {
    "break from a stream": (
        """
        from shop import *
        stream = ask(OpenAI(), stream=True)
        for chunk in stream:
            print(chunk.choices[0].delta.content)
            break
        del stream
        """,
        [abandoned(CHAT)],
    ),
    "a closed stream": (
        """
        from shop import *
        with ask(OpenAI(), stream=True) as stream:
            next(stream)
        """,
        [ended(CHAT)],
    ),
    "an async stream that is closed": (
        """
        import asyncio
        from shop import *
        async def main():
            stream = await ask(AsyncOpenAI(), stream=True)
            async for chunk in stream:
                break
            await stream.close()
        asyncio.run(main())
        """,
        [ended(CHAT)],
    ),
    "a generator of an agent that is closed": (
        """
        from shop import *
        class StreamAgent:
            name = "shop"
            def stream(self):
                for chunk in ask(OpenAI(), stream=True):
                    yield chunk
        pieces = StreamAgent().stream()
        next(pieces)
        pieces.close()
        """,
        [ended(AGENT), abandoned(CHAT)],
    ),
    "an async generator of an agent that is closed": (
        """
        import asyncio
        from shop import *
        class StreamAgent:
            name = "shop"
            async def stream(self):
                async with await ask(AsyncOpenAI(), stream=True) as chunks:
                    async for chunk in chunks:
                        yield chunk
        async def main():
            pieces = StreamAgent().stream()
            await pieces.__anext__()
            await pieces.aclose()
        asyncio.run(main())
        """,
        [ended(AGENT), ended(CHAT)],
    ),
    "a task that is cancelled": (
        """
        import asyncio
        from shop import *
        async def main():
            begun = asyncio.Event()
            async def work():
                begun.set()
                await asyncio.sleep(30)
            task = asyncio.create_task(ShopAgent().achat(work))
            await begun.wait()
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                print("cancelled")
        asyncio.run(main())
        """,
        [ended(AGENT, "CancelledError")],
    ),
    "sys.exit": (
        """
        import sys
        from shop import *
        ShopAgent().chat(lambda: sys.exit(3))
        """,
        [ended(AGENT, "SystemExit")],
    ),
    "an exception at the top": (
        """
        from shop import *
        def work():
            ask(OpenAI())
            raise ValueError("broken")
        ShopAgent().chat(work)
        """,
        [ended(CHAT), ended(AGENT, "ValueError")],
    ),
    "an exception of a coroutine at the top": (
        """
        import asyncio
        from shop import *
        async def work():
            raise ValueError("broken")
        asyncio.run(ShopAgent().achat(work))
        """,
        [ended(AGENT, "ValueError")],
    ),
    "a stream that nobody has used up at exit": (
        """
        from shop import *
        stream = ask(OpenAI(), stream=True)
        next(stream)
        """,
        [abandoned(CHAT)],
    ),
    "the stream helper, left early": (
        """
        from shop import *
        with OpenAI().chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES) as stream:
            for event in stream:
                break
        """,
        [ended(CHAT)],
    ),
    "the async stream helper, left early": (
        """
        import asyncio
        from shop import *
        async def main():
            async with AsyncOpenAI().chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES) as stream:
                async for event in stream:
                    break
        asyncio.run(main())
        """,
        [ended(CHAT)],
    ),
    "a daemon thread inside of an operation": (
        """
        import threading
        from shop import *
        begun = threading.Event()
        def work():
            ask(OpenAI())
            begun.set()
            time.sleep(30)
        threading.Thread(target=lambda: ShopAgent().chat(work), daemon=True).start()
        begun.wait()
        """,
        [ended(CHAT), interrupted(AGENT)],
    ),
    "a thread inside of an operation": (
        """
        import threading
        from shop import *
        begun, release = threading.Event(), threading.Timer(0.2, lambda: None)
        def work():
            begun.set()
            release.join()
        release.start()
        threading.Thread(target=lambda: ShopAgent().chat(work)).start()
        begun.wait()
        """,
        [ended(AGENT)],
    ),
    "a pool of threads": (
        """
        from concurrent.futures import ThreadPoolExecutor
        from shop import *
        ThreadPoolExecutor(2).submit(lambda: ShopAgent().chat(lambda: ask(OpenAI())))
        """,
        [ended(CHAT), ended(AGENT)],
    ),
    "os._exit": (
        """
        import os
        from shop import *
        def work():
            ask(OpenAI())
            os._exit(4)
        ShopAgent().chat(work)
        """,
        [ended(CHAT), interrupted(AGENT)],
    ),
}


@pytest.mark.parametrize(("source", "ends"), ENDINGS.values(), ids=ENDINGS)
def test_every_operation_arrives_however_the_program_ends(beside, source, ends):
    """Each is ended once, with what is known of it; status, stdout and stderr are those of the bare program."""
    beside.run(source)
    assert beside.ends() == sorted(ends, key=str)


if sys.version_info >= (3, 11):  # before, there are no task groups

    def test_siblings_that_a_task_group_cancels_arrive(beside):
        """One task fails, the others are cancelled: three runs, each with its own end."""
        beside.run("""
            import asyncio
            from shop import *
            async def fail():
                raise ValueError("broken")
            async def main():
                try:
                    async with asyncio.TaskGroup() as group:
                        for number in range(2):
                            group.create_task(ShopAgent().achat(lambda: asyncio.sleep(30)))
                        await asyncio.sleep(0)
                        group.create_task(ShopAgent().achat(fail))
                except* ValueError as errors:
                    print(errors.exceptions)
            asyncio.run(main())
        """)
        assert beside.ends() == [
            ended(AGENT, "CancelledError"),
            ended(AGENT, "CancelledError"),
            ended(AGENT, "ValueError"),
        ]


def test_what_has_arrived_of_a_stream_is_known_when_the_process_ends(beside):
    """The model that answered and the reason why it stopped are read from the chunks that have come."""
    beside.run("""
        import os
        from shop import *
        stream = ask(OpenAI(), stream=True, stream_options={"include_usage": True})
        for chunk in stream:
            if not chunk.choices:
                os._exit(0)
    """)
    (span,) = beside.spans()
    assert span.attributes["agentotel.interrupted"] is True
    assert span.attributes["gen_ai.usage.input_tokens"] == 80
