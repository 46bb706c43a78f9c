"""Items on their way to an exporter: none waits, none is lost without being counted."""

from __future__ import annotations

import gc
import os
import sys
import threading
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentotel._base import failopen
from agentotel.distro.batches import Batches, Limits

SECONDS = 20.0
"""Longer than anything here takes."""


class Exporter:
    """Remembers batches; can be made to wait."""

    def __init__(self):
        self.batches = []
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, batch):
        self.entered.set()
        self.go_on.wait(SECONDS)
        self.batches.append(list(batch))

    @property
    def items(self):
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def exporter():
    """Make one that does not wait."""
    return Exporter()


@pytest.fixture
def dropped():
    """Remember how many items did not fit."""
    return []


@pytest.fixture
def make(exporter, dropped):
    """Make batches that nothing but their size or a flush sets going; close them at the end."""
    made = []

    def build(queue=100, batch=10, delay_s=3600.0):
        made.append(Batches(exporter, Limits(queue, batch, delay_s), lambda number, _: dropped.append(number), "test"))
        return made[-1]

    yield build
    exporter.go_on.set()
    for batches in made:
        batches.close(SECONDS)


def test_a_flush_exports_what_is_waiting_in_its_order(make, exporter):
    """In batches of the size that was asked for."""
    batches = make(batch=3)
    for number in range(7):
        batches.put(number)
    assert batches.flush(SECONDS)
    assert exporter.items == list(range(7))
    assert max(map(len, exporter.batches)) <= 3
    assert len(batches) == 0


def test_a_full_batch_is_exported_at_once(make, exporter):
    """Without a flush and before the delay is over."""
    batches = make(batch=3)
    for number in range(3):
        batches.put(number)
    assert exporter.entered.wait(SECONDS)


def test_a_batch_that_does_not_fill_is_exported_after_the_delay(make, exporter):
    """Nothing waits for ever."""
    make(delay_s=0.01).put("a")
    assert exporter.entered.wait(SECONDS)


def test_the_oldest_make_room_and_are_counted(make, exporter, dropped):
    """While the exporter is stuck with one batch, `put` returns and what does not fit is counted to the last item."""
    batches = make(queue=5, batch=5)
    exporter.go_on.clear()
    for number in range(5):
        batches.put(number)
    assert exporter.entered.wait(SECONDS)
    for number in range(5, 105):
        batches.put(number)
    assert len(batches) == 5
    exporter.go_on.set()
    assert batches.flush(SECONDS)
    assert exporter.items == [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]
    assert sum(dropped) == 95


def test_items_that_have_to_wait_for_long_are_made_small(exporter):
    """As soon as more than a batch is waiting; an error there costs nothing else."""
    small = []

    def shrink(item):
        small.append(item)
        raise ValueError(item)

    batches = Batches(exporter, Limits(10, 2, 3600), print, "test", shrink)
    exporter.go_on.clear()
    for number in range(2):
        batches.put(number)
    assert exporter.entered.wait(SECONDS)
    for number in range(2, 6):
        batches.put(number)
    exporter.go_on.set()
    batches.close(SECONDS)
    assert small == [4, 5]
    assert exporter.items == list(range(6))
    failopen.reset()


@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 200), st.booleans())
@settings(max_examples=25)
def test_exported_and_dropped_are_what_was_put(threads, queue, each, flushing):
    """Whatever threads do at the same time, not one item is lost without being counted, and none comes twice."""
    exporter, dropped = Exporter(), []
    limits = Limits(queue, max(1, queue // 2), 0.001)
    batches = Batches(exporter, limits, lambda number, _: dropped.append(number), "test")

    def work(first):
        for number in range(each):
            batches.put((first, number))
            if flushing and number % 50 == 0:
                batches.flush(SECONDS)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    batches.close(SECONDS)
    assert len(exporter.items) == len(set(exporter.items))
    assert len(exporter.items) + sum(dropped) == threads * each


def test_an_exporter_that_raises_costs_its_batch(make, exporter, caplog):
    """It is reported, and the next batch is exported, in strict mode too."""
    failopen.reset()
    failopen.configure(strict=True)

    def once_broken(batch):
        if batch == ["bad"]:
            raise ConnectionError("away")
        exporter(batch)

    batches = Batches(once_broken, Limits(10, 1, 3600), print, "test")
    batches.put("bad")
    assert batches.flush(SECONDS)
    batches.put("good")
    batches.close(SECONDS)
    assert exporter.items == ["good"]
    assert failopen.errors() == {"test.export": 1}
    failopen.configure(strict=False)
    failopen.reset()


def test_a_flush_does_not_wait_longer_than_it_may(make, exporter):
    """An exporter that is stuck is somebody else's to wait for."""
    batches = make()
    exporter.go_on.clear()
    batches.put("a")
    assert not batches.flush(0.01)
    exporter.go_on.set()
    assert batches.flush(SECONDS)
    assert exporter.items == ["a"]


def test_a_flush_of_nothing_returns_at_once(make):
    """And starts no thread."""
    before = threading.active_count()
    assert make().flush(0)
    assert threading.active_count() == before


def test_closing_exports_the_rest(make, exporter, dropped):
    """What is put after that is counted."""
    batches = make()
    batches.put("a")
    batches.close(SECONDS)
    batches.put("b")
    batches.close(SECONDS)
    assert batches.flush(SECONDS)
    assert (exporter.items, dropped) == (["a"], [1])


def test_closing_does_not_wait_longer_than_it_may(make, exporter, dropped):
    """What is left then is counted: the rest of the queue, and the batch that the exporter has not delivered."""
    batches = make(batch=2)
    exporter.go_on.clear()
    for number in range(5):
        batches.put(number)
    assert exporter.entered.wait(SECONDS)
    batches.close(0.01)
    assert dropped == [5]


def test_where_no_thread_can_be_started_closing_does_the_work(monkeypatch, make, exporter):
    """Late in the life of an interpreter there are no new threads."""

    def refuse(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    batches = make()
    batches.put("a")
    assert batches.flush(SECONDS)
    batches.put("b")
    batches.close(SECONDS)
    assert exporter.items == ["a", "b"]


def test_an_item_may_be_put_in_the_middle_of_another_one(make, exporter):
    """As the garbage collector or a signal handler may do: an item whose creation puts another one."""
    batches = make(batch=1)

    class Interrupted:
        def __del__(self):
            batches.put("from the collector")

    cycle = Interrupted()
    cycle.itself = cycle
    del cycle
    batches.put("first")
    gc.collect()
    assert batches.flush(SECONDS)
    assert sorted(exporter.items) == ["first", "from the collector"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_begins_with_nothing(make, exporter):
    """What was waiting is the parent's; the child exports its own, by a thread of its own."""
    batches = make()
    batches.put("parent's")
    child = os.fork()
    if not child:
        batches.put("child's")
        done = batches.flush(SECONDS) and exporter.items == ["child's"]
        os._exit(0 if done else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert batches.flush(SECONDS)
    assert exporter.items == ["parent's"]


def test_batches_that_nobody_holds_are_let_go(exporter):
    """The fork handlers, which cannot be taken back, do not keep them."""
    batches = Batches(exporter, Limits(10, 1, 3600), print, "test")
    gone = weakref.ref(batches)
    del batches
    gc.collect()
    assert gone() is None
    assert sys.getrefcount(exporter) >= 2


def test_what_comes_of_looking_is_exported_with_the_rest(make, exporter):
    """`before` may put items: they are part of the very flush that was asked for."""
    batches = make()
    left = ["late"]
    batches.before = lambda: batches.put(left.pop()) if left else None
    batches.put("a")
    assert batches.flush(SECONDS)
    assert exporter.items == ["a", "late"]


def test_a_thread_that_is_expected_looks_although_nothing_was_put(make, exporter):
    """What is only put by `before` is exported after the delay."""
    batches = make(delay_s=0.01)
    left = ["late"]
    batches.before = lambda: batches.put(left.pop()) if left else None
    batches.expect()
    batches.expect()
    assert exporter.entered.wait(SECONDS)


def test_nothing_is_expected_after_the_end(make):
    """No thread is started for what would not be exported."""
    batches = make()
    batches.close(SECONDS)
    batches.expect()
    assert batches._thread is None


def test_an_error_while_looking_costs_nothing_else(make, exporter):
    """What was put is exported all the same; it is looked again each time."""
    batches = make()
    batches.before = lambda: 1 / 0
    failopen.configure(strict=False)
    try:
        batches.put("a")
        assert batches.flush(SECONDS)
        assert failopen.errors()["test.before"] == 1
        batches.close(SECONDS)
    finally:
        failopen.configure(strict=True)
        failopen.reset()
    assert exporter.items == ["a"]
