"""The tables of the store, and opening it: for the one writer, and read-only for everybody else."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import printable
from agentotel.local.errors import StoreError
from agentotel.local.facets import FACETS

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1
"""Version of the tables, kept in SQLite's ``user_version``. Raise it whenever a table changes."""

APPLICATION_ID: Final = 0x0A07E1
"""Tells our files from other SQLite files."""

_FACET_COLUMNS = ", ".join(f'"{facet}" TEXT' for facet in FACETS)

_TABLES = f"""
CREATE TABLE resources (id INTEGER PRIMARY KEY, seen_ns INTEGER NOT NULL, service TEXT, body TEXT NOT NULL);
CREATE TABLE scopes (id INTEGER PRIMARY KEY, seen_ns INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE spans (
    id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, resource_id INTEGER NOT NULL, scope_id INTEGER NOT NULL,
    trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_span_id BLOB, trace_state TEXT, flags INTEGER,
    name TEXT NOT NULL, kind INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    status INTEGER NOT NULL, status_message TEXT, attributes TEXT NOT NULL, events TEXT, links TEXT, dropped TEXT,
    operation TEXT, service TEXT, {_FACET_COLUMNS});
CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id);
CREATE INDEX spans_by_start ON spans (start_ns);
CREATE INDEX failed_spans ON spans (start_ns) WHERE status = 2;
CREATE TABLE logs (
    id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, resource_id INTEGER NOT NULL, scope_id INTEGER NOT NULL,
    shown_ns INTEGER NOT NULL, time_ns INTEGER NOT NULL, observed_ns INTEGER NOT NULL, trace_id BLOB, span_id BLOB,
    flags INTEGER, severity INTEGER NOT NULL, severity_text TEXT, event_name TEXT, body TEXT,
    attributes TEXT NOT NULL, dropped INTEGER, service TEXT, {_FACET_COLUMNS});
CREATE INDEX logs_by_time ON logs (shown_ns);
CREATE INDEX logs_by_trace ON logs (trace_id) WHERE trace_id IS NOT NULL;
CREATE TABLE series (
    id INTEGER PRIMARY KEY, seen_ns INTEGER NOT NULL, resource_id INTEGER NOT NULL, scope_id INTEGER NOT NULL,
    name TEXT NOT NULL, description TEXT, unit TEXT, kind TEXT NOT NULL, temporality INTEGER, monotonic INTEGER,
    metadata TEXT, attributes TEXT NOT NULL, service TEXT, {_FACET_COLUMNS});
CREATE TABLE points (
    id INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, series_id INTEGER NOT NULL, start_ns INTEGER NOT NULL,
    time_ns INTEGER NOT NULL, flags INTEGER, value TEXT NOT NULL, exemplars TEXT);
CREATE INDEX points_by_series ON points (series_id, time_ns);
"""
# The row number, which every index ends with, keeps the entries of one value in the order of arrival: new ones go next
# to the last ones, where an index that ends with a random trace id would touch a page of its own for each.
_FACET_INDEXES = "".join(
    f'CREATE INDEX spans_by_{facet} ON spans ("{facet}") WHERE "{facet}" IS NOT NULL;\n' for facet in FACETS
)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the store at `path` for writing; make the file and its folder where they are missing.

    Raises:
        StoreError: The file cannot be written, is not a store, or comes from a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the store at `path` for queries only; a reader never waits for the writer, nor the writer for it.

    Raises:
        StoreError: There is no store at `path`, or it is not one, or it comes from a newer version.
    """
    if not path.exists():
        raise StoreError(
            f"{printable(path)}: no telemetry store there yet; start `agentotel local`, or name another file with --db"
        )
    try:
        # Not immutable=1: the writer may be at work. mode=ro still follows its write-ahead log.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    try:
        if _version(connection, path) == 0:
            raise _not_ours(path)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # Refuse somebody else's file before anything in it is changed (the journal mode stays in the file).
    if _version(connection, path) == 0:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise _not_ours(path)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only possible before the first table
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # with WAL, a killed process loses no committed transaction
    connection.execute("PRAGMA journal_size_limit = 16777216")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA cache_size = -65536")
    connection.execute("BEGIN IMMEDIATE")  # also proves that the file can be written; two starts wait for each other
    if _version(connection, path) == 0:
        for statement in (_TABLES + _FACET_INDEXES).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version and connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise _not_ours(path)
    if version > VERSION:
        raise StoreError(
            f"{printable(path)}: the store has version {version}, this agentotel knows versions up to {VERSION}; "
            "update agentotel, or name another file with --db"
        )
    return version


def _not_ours(path: Path) -> StoreError:
    return StoreError(
        f"{printable(path)}: an SQLite file, but not a telemetry store of agentotel; name another file with --db"
    )


def _unusable(path: Path, error: Exception) -> StoreError:
    if path.is_dir():
        reason = "is a directory, expected a file"
    elif isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        reason = "is not an SQLite file (or a damaged one); expected a telemetry store or no file at all"
    else:
        reason = f"cannot be used ({error}); expected a file in a folder that can be written"
    return StoreError(f"{printable(path)}: {reason}; name another one with --db or AGENTOTEL_DB")
