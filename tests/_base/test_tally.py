"""A counter without a lock."""

from __future__ import annotations

import threading

from agentotel._base.tally import Tally


def test_what_was_added_is_taken_once():
    """Reading does not count."""
    tally = Tally()
    assert tally.take() == 0
    for _ in range(3):
        tally.add_one()
    assert [tally.take(), tally.take()] == [3, 0]
    tally.add_one()
    assert tally.take() == 1


def test_nothing_is_lost_under_threads():
    """Also while another thread takes."""
    tally, taken, done = Tally(), [], threading.Event()

    def add():
        for _ in range(20_000):
            tally.add_one()

    def take():
        while not done.is_set():
            taken.append(tally.take())

    adding, taking = [threading.Thread(target=add) for _ in range(4)], threading.Thread(target=take)
    for thread in (taking, *adding):
        thread.start()
    for thread in adding:
        thread.join()
    done.set()
    taking.join()
    assert sum(taken) + tally.take() == 80_000
