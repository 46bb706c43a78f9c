"""The store keeps what it acknowledged, once, and nobody who reads holds up who writes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from agentotel.local import query
from agentotel.local.errors import StoreError, StoreFullError
from agentotel.local.filters import Filters
from agentotel.local.schema import VERSION
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store

TRACES = SIGNALS[0]
WRITERS = """
import os, sys, threading
from pathlib import Path
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store

store = Store(Path(sys.argv[1]))
lock = threading.Lock()

def write():
    while True:
        request = SIGNALS[0].request()
        spans = request.resource_spans.add().scope_spans.add().spans
        ids = [os.urandom(8) for _ in range(20)]
        for span_id in ids:
            spans.add(trace_id=b"t" * 16, span_id=span_id)
        store.submit(SIGNALS[0].read(request.SerializeToString())).result()
        with lock:
            print(*(span_id.hex() for span_id in ids), flush=True)

for _ in range(4):
    threading.Thread(target=write).start()
"""


@pytest.fixture
def batch(traces_request):
    """Give a function that decodes a request of spans."""
    return lambda *spans: TRACES.read(traces_request(*spans).SerializeToString())


def test_acknowledged_means_committed(store, batch, count):
    """When the future is done, another connection sees the rows."""
    store.submit(batch({}, {})).result()
    assert count(store.path) == 2


def test_a_span_that_is_sent_again_is_stored_once(store, batch, count):
    """A retry after a lost answer does not double anything."""
    again = batch({"name": "first"})
    for _ in range(3):
        store.submit(again).result()
    assert count(store.path) == 1


def test_equal_resources_of_many_requests_are_stored_once(store, batch, count):
    """A resource and a scope take one row each, however often they arrive."""
    for _ in range(3):
        store.submit(batch({})).result()
    assert (count(store.path, "resources"), count(store.path, "scopes")) == (1, 1)


def test_close_writes_what_waits(db, batch, count):
    """Nothing that was submitted is lost by closing."""
    store = Store(db)
    futures = [store.submit(batch({})) for _ in range(50)]
    store.close()
    assert all(future.done() for future in futures)
    assert count(db) == 50


def test_a_closed_store_refuses(db, batch):
    """Submitting to a closed store says so, and it is not ready; closing it again is allowed."""
    store = Store(db)
    assert store.ready
    store.close()
    store.close()
    assert not store.ready
    with pytest.raises(StoreError, match="closed"):
        store.submit(batch({}))


def fill(store, batch, accepted):
    """Submit until the store refuses, twenty at most."""
    for _ in range(20):
        accepted.append(store.submit(batch({})))


def test_a_full_queue_refuses(db, batch, write_lock, count):
    """While the file is locked the queue fills, and then says so at once; afterwards everything accepted is written."""
    store = Store(db, queue_limit=3)
    accepted = []
    try:
        with write_lock(db):
            # The writer has taken some of them out of the queue already, and waits with them in its hands.
            with pytest.raises(StoreFullError, match="3 requests"):
                fill(store, batch, accepted)
        for future in accepted:
            future.result()
    finally:
        store.close()
    assert count(db) == len(accepted) >= 3


def test_one_bad_request_does_not_fail_its_neighbours(store, batch, count, write_lock):
    """Of a group that cannot be committed, those that can be are."""
    bad = batch({})
    bad.spans[0] = (*bad.spans[0][:-1], object())
    with write_lock(store.path):
        futures = [store.submit(each) for each in (batch({}), bad, batch({}))]
    futures[0].result()
    futures[2].result()
    with pytest.raises(StoreError, match="cannot be written"):
        futures[1].result()
    assert count(store.path) == 2


def test_a_sigkill_loses_nothing_that_was_acknowledged(db):
    """Four threads write, the process is killed: every span whose commit was reported is in the file."""
    process = subprocess.Popen([sys.executable, "-c", WRITERS, str(db)], stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(100)]
    process.send_signal(signal.SIGKILL)
    # The last line may be torn; what was printed in full was acknowledged.
    lines += [line for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    acknowledged = {span_id for line in lines for span_id in line.split() if len(span_id) == 16}
    store = Store(db)
    store.close()
    stored = {span.span_id for span in query.trace(db).spans}
    assert len(acknowledged) >= 2000
    assert acknowledged <= stored


def test_a_reader_does_not_hold_up_the_writer(store, batch, count):
    """With a read transaction open, writing goes on; the reader sees its own moment."""
    store.submit(batch({})).result()
    reader = query.Reader(store.path)
    try:
        assert len(reader.trace_ids(Filters())) == 1
        store.submit(batch({})).result(timeout=30)
        assert len(reader.trace_ids(Filters())) == 1
    finally:
        reader.close()
    assert count(store.path) == 2


def test_a_writer_does_not_hold_up_readers(store, batch, write_lock):
    """With a write transaction open, queries answer."""
    store.submit(batch({})).result()
    with write_lock(store.path):
        assert len(query.traces(store.path)) == 1


def test_many_threads_submit_at_one_time(store, batch, count):
    """All of it arrives, from however many threads."""

    def send():
        for _ in range(20):
            store.submit(batch({}, {})).result()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(store.path) == 240


def test_a_directory_in_place_of_the_file(tmp_path):
    """The message names the path and what was expected."""
    with pytest.raises(StoreError, match="is a directory, expected a file") as error:
        Store(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_a_file_in_place_of_the_folder(tmp_path):
    """A path that cannot be made is named."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "file" / "a.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    """A folder without write permission is named."""
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be used"):
        Store(tmp_path / "a.db")


def test_a_file_that_is_no_database(db):
    """Somebody else's file is refused and left alone."""
    db.write_text("no database, but quite a long text " * 100)
    with pytest.raises(StoreError, match="not an SQLite file"):
        Store(db)
    assert db.read_text().startswith("no database")


def test_somebody_elses_database(db):
    """Another program's SQLite file is refused and left alone, by writer and reader."""
    connection = sqlite3.connect(db)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    content = db.read_bytes()
    with pytest.raises(StoreError, match="not a telemetry store"):
        Store(db)
    with pytest.raises(StoreError, match="not a telemetry store"):
        query.traces(db)
    assert db.read_bytes() == content


def test_a_store_of_a_newer_version(db):
    """A store that a later agentotel has written is refused with both versions named."""
    Store(db).close()
    connection = sqlite3.connect(db)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match=f"has version {VERSION + 1}"):
        Store(db)
    with pytest.raises(StoreError, match="update agentotel"):
        query.traces(db)


def test_no_store_yet(db):
    """A query where nothing is says what to start, and makes no file."""
    with pytest.raises(StoreError, match="agentotel local"):
        query.traces(db)
    assert not db.exists()
