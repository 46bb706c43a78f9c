"""Agents are counted when they are created and when they are gone; pools tell how full they are."""

import dataclasses
import gc
import inspect
import threading

import pytest

from agentotel import patching
from agentotel._base import failopen
from agentotel.patching.instances import Instances, read_pool


class Listener:
    def __init__(self):
        self.events = []

    def created(self, cls, instance, *, tracked):
        self.events.append(("created", cls.__name__, tracked))
        return cls.__name__

    def closed(self, token):
        self.events.append(("closed", token))

    def pool_created(self, name, pool):
        self.events.append(("pool", name))


@pytest.fixture
def listener():
    """Whoever is told."""
    return Listener()


@pytest.fixture
def instances(listener):
    """What is tested, connected to `listener`."""
    return Instances(listener)


def test_creation_and_end_are_told_once(instances, listener):
    """An agent with an ``__init__`` of its own is created once and closed when it is collected."""

    class Bot:
        def __init__(self, name, *, size=3):
            self.name = name

    before = inspect.signature(Bot)
    instances.track(Bot, "agent", undecorated=True)
    bot = Bot("b", size=4)
    assert (bot.name, inspect.signature(Bot)) == ("b", before)
    assert listener.events == [("created", "Bot", True)]
    del bot
    gc.collect()
    patching.settle_collected()
    assert listener.events == [("created", "Bot", True), ("closed", "Bot")]


def test_a_subclass_that_calls_super_is_created_once(instances, listener):
    """The outermost ``__init__`` counts, with the class of the object."""

    class Bot:
        def __init__(self):
            self.ready = False

    class Louder(Bot):
        def __init__(self):
            super().__init__()
            self.ready = True

    class Quiet(Bot): ...

    for cls in (Bot, Louder, Quiet):
        instances.track(cls, "agent", undecorated=True)
    kept = [Louder(), Quiet()]
    assert [event[1] for event in listener.events] == ["Louder", "Quiet"]
    assert kept[0].ready


def test_an_agent_is_told_when_it_is_complete(instances, listener, monkeypatch):
    """The listener sees the agent once, with everything that the outermost ``__init__`` has set."""
    seen = []
    monkeypatch.setattr(listener, "created", lambda cls, instance, *, tracked: seen.append(instance.name))

    class Bot:
        __slots__ = ("name",)

        def __init__(self):
            self.name = "unfinished"

    class Louder(Bot):
        __slots__ = ()

        def __init__(self):
            super().__init__()
            self.name = "finished"

    for cls in (Bot, Louder):
        instances.track(cls, "agent", undecorated=True)
    Louder()
    assert seen == ["finished"]


def test_a_failed_init_creates_nothing(instances, listener):
    """An ``__init__`` that raises leaves no agent behind, and the error is the user's."""

    class Bot:
        def __init__(self):
            raise LookupError("no key")

    instances.track(Bot, "agent", undecorated=True)
    with pytest.raises(LookupError, match="no key"):
        Bot()
    assert listener.events == []


def test_wrong_arguments_give_pythons_own_error(instances):
    """A class without ``__init__`` refuses arguments in the words that Python uses."""

    class Bot: ...

    class Same: ...

    instances.track(Bot, "agent", undecorated=True)
    messages = []
    for cls in (Bot, Same):
        with pytest.raises(TypeError) as caught:
            cls(1)
        messages.append(str(caught.value).replace(cls.__name__, "X"))
    assert messages[0] == messages[1]
    assert str(inspect.signature(Bot)) == str(inspect.signature(Same))


def test_a_class_without_init_passes_on_along_its_bases(instances, listener):
    """The added ``__init__`` goes to the next in line, also in a diamond."""

    class Root:
        def __init__(self, word="w"):
            self.word = word

    class Left(Root): ...

    class Right(Root):
        def __init__(self, word="w"):
            super().__init__(word + "!")

    class Bottom(Left, Right): ...

    instances.track(Left, "agent", undecorated=True)
    instances.track(Bottom, "agent", undecorated=True)
    assert Bottom("x").word == "x!"
    assert listener.events[0] == ("created", "Bottom", True)


@pytest.mark.parametrize("options", [{}, {"slots": True}, {"frozen": True}, {"slots": True, "frozen": True}])
def test_dataclasses_get_the_init_that_they_would_have(instances, listener, options):
    """A decorator that writes ``__init__`` is not hindered; the object it makes is counted."""

    class Bot:
        name: str
        size: int = 3

    instances.track(Bot, "agent", undecorated=False)
    Bot = dataclasses.dataclass(**options)(Bot)  # noqa: N806
    assert str(inspect.signature(Bot)) == "(name: str, size: int = 3) -> None"
    bot = Bot("n")
    assert bot == Bot("n", 3)
    assert listener.events[0] == ("created", "Bot", not options.get("slots"))


def test_the_users_post_init_still_runs(instances, listener):
    """``__post_init__`` gets its arguments, with or without one in a base class."""

    @dataclasses.dataclass
    class Base:
        name: str
        extra: dataclasses.InitVar[int]

        def __post_init__(self, extra):
            self.name *= extra

    class Bot(Base):
        size: int = 1

    instances.track(Bot, "agent", undecorated=False)
    Bot = dataclasses.dataclass(Bot)  # noqa: N806
    assert Bot("ab", 2).name == "abab"
    assert [event[1] for event in listener.events if event[0] == "created"] == ["Bot"]


def test_an_annotated_class_without_init_is_counted_once_it_is_seen_at_work(instances, listener):
    """Nothing is added while a decorator may still come; the first call completes the class."""

    class Bot:
        name: str = "n"

    Bot.__module__ = "__main__"
    instances.track(Bot, "agent", undecorated=True)
    first = Bot()
    assert listener.events == []
    instances.seen(first)
    instances.seen(first)
    second = Bot()
    instances.seen(second)
    assert listener.events == [("created", "Bot", True)] * 2


def test_a_module_that_has_been_imported_completes_its_classes(instances, listener):
    """After the import of its module no decorator can come any more."""

    class Bot:
        name: str = "n"

    instances.track(Bot, "agent", undecorated=False)
    instances.complete()
    kept = Bot()
    assert listener.events == [("created", "Bot", True)]
    assert kept.name == "n"


def test_classes_made_without_end_are_let_go(instances):
    """A program that makes annotated classes in a loop does not fill the memory."""
    for _ in range(1000):
        cls = type("Bot", (), {"__annotations__": {"name": str}, "__module__": "__main__"})
        instances.track(cls, "agent", undecorated=False)
    assert len(instances._incomplete) <= 200


def test_slots_without_weak_references_are_created_but_not_tracked(instances, listener):
    """An agent whose end cannot be seen says so, and is not counted as active for ever."""

    class Bot:
        __slots__ = ("name",)

        def __init__(self):
            self.name = "n"

    instances.track(Bot, "agent", undecorated=True)
    Bot()
    gc.collect()
    patching.settle_collected()
    assert listener.events == [("created", "Bot", False)]


def test_objects_that_cannot_be_hashed_are_tracked(instances, listener):
    """Agents that compare by value have no hash; they are followed by their identity."""

    class Bot:
        def __init__(self, name):
            self.name = name

        def __eq__(self, other):
            return self.name == other.name

        __hash__ = None

    instances.track(Bot, "agent", undecorated=True)
    bots = [Bot("same"), Bot("same")]
    bots.clear()
    gc.collect()
    patching.settle_collected()
    assert [event[0] for event in listener.events].count("closed") == 2


def test_tracking_twice_counts_once(instances, listener):
    """A class that is found in two ways is wrapped once; calling ``__init__`` again creates nothing."""

    class Bot:
        def __init__(self):
            self.name = "n"

    instances.track(Bot, "agent", undecorated=True)
    instances.track(Bot, "agent", undecorated=True)
    bot = Bot()
    bot.__init__()
    assert listener.events == [("created", "Bot", True)]


def test_an_error_of_the_listener_is_not_the_users(instances, listener, monkeypatch):
    """What the listener raises never reaches who makes the agent."""
    monkeypatch.setattr(failopen, "_strict", False)
    monkeypatch.setattr(listener, "created", lambda *args, **kwargs: 1 / 0)

    class Bot:
        def __init__(self):
            self.name = "n"

    instances.track(Bot, "agent", undecorated=True)
    assert Bot().name == "n"


def test_two_threads_in_one_class_are_two_agents(instances, listener):
    """Construction in one thread does not hide that of another."""
    meeting = threading.Barrier(2, timeout=20)

    class Bot:
        def __init__(self):
            meeting.wait()

    instances.track(Bot, "agent", undecorated=True)
    kept = []
    threads = [threading.Thread(target=lambda: kept.append(Bot())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert listener.events == [("created", "Bot", True)] * 2


class CountingPool:
    def __init__(self, size, limit):
        self._size = size
        self.capacity = limit

    @property
    def size(self):
        return self._size


class LengthPool:
    name = "tables"
    maxsize = 4

    def __len__(self):
        return 2


def test_pools_are_read_when_asked(instances, listener):
    """The readings follow the pool; pools of one name are added up; a collected pool is gone."""
    for cls in (CountingPool, LengthPool):
        instances.track(cls, "pool", undecorated=True)
    first, second, tables = CountingPool(1, 5), CountingPool(2, 5), LengthPool()
    assert sorted(instances.pool_readings()) == [("CountingPool", 3, 10), ("tables", 2, 4)]
    first._size = 4
    del second
    gc.collect()
    patching.settle_collected()
    assert sorted(instances.pool_readings()) == [("CountingPool", 4, 5), ("tables", 2, 4)]
    assert ("pool", "tables") in listener.events
    assert tables.maxsize == 4


@pytest.mark.parametrize("size", [None, "three", 1.5, True])
def test_a_pool_that_tells_no_numbers_is_left_out(size):
    """A size that is no whole number is no reading."""
    pool = CountingPool(size, 5)
    assert read_pool(pool) is None
