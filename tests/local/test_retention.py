"""The store forgets the oldest arrivals by age and by size, and nothing else."""

from __future__ import annotations

import sqlite3
import time

import pytest

from agentotel.local import query
from agentotel.local.filters import Filters
from agentotel.local.retention import Retention, delete_orphans, delete_step, shrink_step, used_bytes
from agentotel.local.schema import open_writer
from agentotel.local.signals import SIGNALS
from agentotel.local.store import Store

TRACES = SIGNALS[0]
DAY_NS = 86_400 * 10**9


@pytest.fixture
def filled(db, traces_request):
    """Give a function that fills a store with batches that arrived at given times, and opens it for writing."""
    opened = []

    def fill(*arrivals_ns, spans=10, attributes=None):
        store = Store(db, Retention(age_s=1e11, size_bytes=1 << 40))
        for number, received_ns in enumerate(arrivals_ns):
            request = traces_request(*[{"attributes": attributes or {}}] * spans, service=f"service-{number}")
            store.submit(TRACES.decode(request, received_ns)).result()
        store.close()
        opened.append(open_writer(db))
        return opened[-1]

    yield fill
    for connection in opened:
        connection.close()


def rows(connection, table="spans"):
    """Count the rows of a table."""
    return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_what_is_older_than_the_age_goes_and_the_rest_stays(filled):
    """Age counts from the arrival."""
    now = time.time_ns()
    connection = filled(now - 3 * DAY_NS, now - 2 * DAY_NS, now)
    assert delete_step(connection, Retention(age_s=2.5 * 86_400), now)
    assert not delete_step(connection, Retention(age_s=2.5 * 86_400), now)
    assert rows(connection) == 20


def test_the_senders_clock_does_not_matter(filled, db, traces_request):
    """Spans that claim to be of 1970 or of the 23rd century are kept as long as all others."""
    now = time.time_ns()
    connection = filled(now)
    store = Store(db)
    store.submit(TRACES.decode(traces_request({"start": 0}, {"start": 2**63 - 1, "end": 0}), now)).result()
    store.close()
    assert not delete_step(connection, Retention(), now)
    assert rows(connection) == 12


def test_a_step_is_small(filled):
    """One step deletes at most a thousand rows, so that the writer is never away for long."""
    connection = filled(1, spans=2500)
    steps = 0
    while delete_step(connection, Retention(), time.time_ns()):
        steps += 1
    assert (steps, rows(connection)) == (3, 0)


def test_the_oldest_goes_first_when_the_size_is_reached(filled):
    """Above the size the oldest arrivals are deleted until the rest fits."""
    now = time.time_ns()
    connection = filled(*range(now - 40, now), spans=100, attributes={"text": "x" * 500})
    policy = Retention(size_bytes=used_bytes(connection) // 2)
    while delete_step(connection, policy, now):
        pass
    left = [row[0] for row in connection.execute("SELECT DISTINCT received_ns FROM spans ORDER BY received_ns")]
    assert used_bytes(connection) <= policy.size_bytes
    assert 5 <= len(left) <= 20
    assert left == list(range(now - len(left), now))


def test_free_pages_go_back_to_the_file_system(filled, db):
    """After much was deleted the file shrinks, step by step."""
    connection = filled(1, spans=2000, attributes={"text": "x" * 500})
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = db.stat().st_size
    while delete_step(connection, Retention(), time.time_ns()):
        pass
    for _ in range(20):
        shrink_step(connection)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert db.stat().st_size < before / 2


def test_orphans_go_with_their_last_rows(filled):
    """Resources that no row belongs to any more are deleted, the others stay."""
    now = time.time_ns()
    connection = filled(now - 3 * DAY_NS, now)
    delete_step(connection, Retention(age_s=86_400), now)
    delete_orphans(connection)
    assert rows(connection, "resources") == 1


def test_all_orphans_go_when_nothing_is_left(filled):
    """An empty store keeps no resources."""
    connection = filled(1)
    delete_step(connection, Retention(), time.time_ns())
    delete_orphans(connection)
    assert [rows(connection, table) for table in ("spans", "resources", "scopes")] == [0, 0, 0]


def test_a_store_stays_within_its_size_while_it_is_written(db, traces_request):
    """Writing much more than the limit leaves a file of about the limit, holding the latest."""
    limit = 2_000_000
    store = Store(db, Retention(size_bytes=limit))
    for number in range(30):
        request = traces_request(*[{"name": str(number), "attributes": {"text": "x" * 1000}}] * 300)
        store.submit(TRACES.read(request.SerializeToString())).result()
    store.close()
    connection = sqlite3.connect(db)
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    connection.close()
    assert pages * size < 2 * limit
    kept = {int(summary.name) for summary in query.traces(db, Filters(limit=10_000))}
    assert kept == set(range(min(kept), 30))
    assert min(kept) > 20
