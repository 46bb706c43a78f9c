"""A program with every shape of class that discovery has to leave working. It knows nothing of agentotel."""

# ruff: noqa: D103, PERF203, PLW0108, RUF012 - written as users write their programs

import abc
import asyncio
import dataclasses
import enum
import functools
import sys
import typing


class Meta(type):
    def __new__(mcs, name, bases, namespace, **options):
        caller = sys._getframe(1)
        print("meta", name, options, caller.f_globals["__name__"], caller.f_code.co_name, sorted(caller.f_locals)[:1])
        return super().__new__(mcs, name, bases, namespace)

    def __init__(cls, name, bases, namespace, **options):
        super().__init__(name, bases, namespace)


class Named:
    def __set_name__(self, owner, name):
        print("set_name", owner.__name__, name)


class BaseAgent(abc.ABC):
    registry = []

    def __init_subclass__(cls, **options):
        super().__init_subclass__()
        BaseAgent.registry.append((cls.__name__, options))

    def __init__(self, name):
        self.name = name

    @abc.abstractmethod
    def chat(self, message):
        """Answer."""

    def run(self, message):
        return self.chat(message) + "!"


class PoliteAgent(BaseAgent, tone="kind"):
    slot = Named()

    def chat(self, message):
        return "please " + message


class Concierge(PoliteAgent):  # no suffix: derives from an agent
    def chat(self, message):
        return super().chat(message).upper()


@dataclasses.dataclass
class DataAgent:
    name: str
    size: int = 3

    def invoke(self, prompt: str, *, times: int = 1) -> str:
        return prompt * times


@dataclasses.dataclass(slots=True, frozen=True)
class SlottedDataAgent:
    name: str

    def invoke(self, prompt):
        return prompt


class SlottedAgent:
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    def stream(self, message):
        yield "a"
        yield message
        return 7


class PlainAgent:
    async def achat(self, message):
        await asyncio.sleep(0)
        return {"text": message, "usage": {"input_tokens": 5, "output_tokens": 2}}

    async def astream(self, message):
        yield "x"
        yield message

    @staticmethod
    def run(message):
        return ["static", message]

    @classmethod
    def invoke(cls, message):
        return [cls.__name__, message]

    @property
    def chat(self):
        return "just a text"


def _answer(mode, message):
    return f"{mode}:{message}"


def shout(function):
    @functools.wraps(function)
    def inner(self, message):
        return function(self, message).upper()

    return inner


class PartialAgent:
    run = functools.partial(_answer, "fast")
    chat = functools.partialmethod(lambda self, mode, message: f"{mode}-{message}", "slow")

    @shout
    def invoke(self, message):
        return message


class GenericAgent(typing.Generic[typing.TypeVar("T")]):
    def chat(self, message):
        return message


class MetaAgent(metaclass=Meta, flavour="sweet"):
    def chat(self, message):
        return __class__.__name__ + message


class Speaker(typing.Protocol):
    def chat(self, message): ...


class SpeakerAgent(typing.Protocol):
    def chat(self, message): ...


class SearchTool:
    name = "search"

    def execute(self, text):
        return {"success": text != "bad", "text": text}


class BrokenTool:
    def execute(self, text):
        raise LookupError(text)


class KindAgent(enum.Enum):
    FIRST = 1

    def run(self):
        return self.value


class ShopPool:
    def __init__(self, max_size):
        self.max_size = max_size
        self._items = []

    def size(self):
        return len(self._items)


def make_local(word):
    class LocalAgent(metaclass=Meta):
        def chat(self, message):
            return word + message

    return LocalAgent()


if len(sys.argv) < 5:

    class ConditionalAgent:
        def chat(self, message):
            return message


async def asynchronous():
    agent = PlainAgent()
    print(await agent.achat("hi"), [piece async for piece in agent.astream("y")])


def main():
    print(PoliteAgent("p").chat("x"), PoliteAgent("p").run("x"), Concierge("c").chat("y"))
    print(BaseAgent.registry)
    try:
        BaseAgent("z")
    except TypeError as error:
        print(str(error).split(" with")[0])
    data = DataAgent("d", size=4)
    print(data, data == DataAgent("d", 4), data.invoke("ab", times=2), dataclasses.asdict(data))
    print(SlottedDataAgent("s"), SlottedDataAgent("s").invoke("q"), hash(SlottedDataAgent("s")) is not None)
    print(list(SlottedAgent("t").stream("b")))
    asyncio.run(asynchronous())
    print(PlainAgent.run(1), PlainAgent().run(2), PlainAgent.invoke(3), PlainAgent().invoke(4), PlainAgent().chat)
    partial = PartialAgent()
    print(partial.run("m"), PartialAgent.run("n"), partial.chat("o"), partial.invoke("p"))
    print(GenericAgent[int]().chat("g"), MetaAgent().chat("h"), make_local("l").chat("i"), ConditionalAgent().chat("j"))
    print(KindAgent.FIRST.run(), list(KindAgent))
    print(SearchTool().execute("ok"), SearchTool().execute("bad"))
    for call in (
        lambda: BrokenTool().execute("nothing"),
        lambda: SearchTool().execute(),
        lambda: SearchTool(1),
        lambda: PoliteAgent(),
        lambda: PlainAgent(nonsense=1),
        lambda: DataAgent(),
        lambda: SearchTool().execute("a", "b"),
    ):
        try:
            call()
        except Exception as error:
            print(type(error).__name__, error)
    pool = ShopPool(8)
    print(pool.size())
    globals()["kept"] = pool


main()
