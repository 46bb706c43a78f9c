"""Writing telemetry: one thread, one queue, one transaction for all that waits.

This module owns state: each `Store` has a thread and a connection. Whoever submits learns from a future when the
rows are committed, and not before: what was acknowledged survives a killed process. Readers have connections of
their own (`agentotel.local.query`); with SQLite's write-ahead log neither side waits for the other.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from concurrent.futures import Future
from itertools import chain
from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import report
from agentotel.local.batch import Batch, Row
from agentotel.local.errors import StoreError, StoreFullError
from agentotel.local.retention import Retention, delete_orphans, delete_step, shrink_step, used_bytes
from agentotel.local.schema import open_writer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_GROUP_ROWS: Final = 4000
_IDLE_S: Final = 1.0
_ORPHANS_EVERY_S: Final = 60.0
_STEPS_PER_GROUP: Final = 5
_WELL_OVER: Final = 1.1

_Pending = tuple[Batch, "Future[None]"]


class Store:
    """The one writer of a store.

    Args:
        path: The file; made if it is missing.
        retention: How long and how much is kept.
        queue_limit: How many requests may wait to be written.

    Raises:
        StoreError: The file cannot be used.
    """

    def __init__(self, path: Path, retention: Retention | None = None, queue_limit: int = 256) -> None:
        self.path = path
        self._retention = retention or Retention()
        self._connection = open_writer(path)
        self._insert = _insert_statements(self._connection)
        self._queue: queue.Queue[_Pending | None] = queue.Queue(queue_limit)
        self._closing = threading.Lock()
        self._closed = False
        self._orphans_due = time.monotonic() + _ORPHANS_EVERY_S
        self._thread = threading.Thread(target=self._run, name="agentotel-store", daemon=True)
        self._thread.start()

    def submit(self, batch: Batch) -> Future[None]:
        """Queue the rows of `batch`; the future is done once they are committed, or says why they are not.

        Raises:
            StoreFullError: Too much is waiting already.
            StoreError: The store is closed.
        """
        future: Future[None] = Future()
        with self._closing:
            if self._closed:
                raise StoreError(f"{self.path}: the store is closed")
            try:
                self._queue.put_nowait((batch, future))
            except queue.Full:
                raise StoreFullError(f"{self._queue.maxsize} requests are waiting to be written") from None
        return future

    @property
    def ready(self) -> bool:
        """Whether it takes in telemetry."""
        return not self._closed and self._thread.is_alive()

    def close(self) -> None:
        """Write what waits, then close the file. Closing twice is allowed."""
        with self._closing:
            first, self._closed = not self._closed, True
        if first:
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            group, open_ = self._next_group()
            if group:
                self._write(group)
            try:
                self._forget()
            except sqlite3.Error as error:  # disk full, or another program holds the file: try again next time
                self._roll_back()
                report("local.retention", error)
        self._connection.close()

    def _next_group(self) -> tuple[list[_Pending], bool]:
        group: list[_Pending] = []
        rows = 0
        try:
            pending = self._queue.get(timeout=_IDLE_S)
            while pending is not None:
                if pending[1].set_running_or_notify_cancel():
                    group.append(pending)
                    rows += pending[0].rows
                if rows >= _GROUP_ROWS:
                    return group, True
                pending = self._queue.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _write(self, group: list[_Pending]) -> None:
        try:
            self._commit([batch for batch, _ in group])
        except Exception as error:  # noqa: BLE001 - whatever it was, the writer goes on and the sender is told
            self._roll_back()
            if len(group) == 1:
                group[0][1].set_exception(StoreError(f"{self.path}: cannot be written ({error})"))
                return
            for pending in group:  # one bad request must not fail its neighbours
                self._write([pending])
            return
        for _, future in group:
            future.set_result(None)

    def _commit(self, batches: list[Batch]) -> None:
        tables: dict[str, Iterable[Row]] = {
            "resources": _merged(batch.resources for batch in batches),
            "scopes": _merged(batch.scopes for batch in batches),
            "series": _merged(batch.series for batch in batches),
            "spans": chain.from_iterable(batch.spans for batch in batches),
            "logs": chain.from_iterable(batch.logs for batch in batches),
            "points": chain.from_iterable(batch.points for batch in batches),
        }
        self._connection.execute("BEGIN IMMEDIATE")
        for table, rows in tables.items():
            self._connection.executemany(self._insert[table], rows)
        self._connection.execute("COMMIT")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _forget(self) -> None:
        steps = 0
        # A few steps after each group keep up with the usual; well over the limit, deleting goes before writing
        # and the queue holds the senders back.
        while delete_step(self._connection, self._retention, time.time_ns()):
            steps += 1
            over = used_bytes(self._connection) > self._retention.size_bytes * _WELL_OVER
            if steps >= _STEPS_PER_GROUP and not over:
                break
        shrink_step(self._connection)
        if steps and time.monotonic() >= self._orphans_due:
            self._orphans_due = time.monotonic() + _ORPHANS_EVERY_S
            delete_orphans(self._connection)


def _merged(parts: Iterable[dict[int, Row]]) -> Iterable[Row]:
    merged: dict[int, Row] = {}
    for part in parts:
        merged.update(part)
    return merged.values()


def _insert_statements(connection: sqlite3.Connection) -> dict[str, str]:
    seen = "ON CONFLICT (id) DO UPDATE SET seen_ns = excluded.seen_ns"
    numbered = {"spans": "ON CONFLICT (trace_id, span_id) DO NOTHING", "logs": "", "points": ""}
    statements = {}
    for table in ("resources", "scopes", "series", *numbered):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        if table in numbered:  # SQLite numbers these rows itself, in the order of arrival
            columns.remove("id")
        named = ", ".join(f'"{column}"' for column in columns)
        marks = ", ".join("?" * len(columns))
        statements[table] = f"INSERT INTO {table} ({named}) VALUES ({marks}) {numbered.get(table, seen)}"  # noqa: S608
    return statements
