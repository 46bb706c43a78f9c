"""What the store forgets, and when: the oldest arrivals first, by age and by size, in steps that take milliseconds.

Age is the time since telemetry *arrived*. The times that it carries depend on other machines' clocks, and a clock
that jumps must neither delete what is new nor keep something for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

_STEP_ROWS: Final = 1000
_STEP_PAGES: Final = 256
_ARRIVALS: Final = ("spans", "logs", "points")
_ORIGINS: Final = ("resources", "scopes", "series")
_SHARE_OF_FREE_PAGES: Final = 4
_NEVER_NS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much telemetry is kept.

    Attributes:
        age_s: Seconds after its arrival at which telemetry is deleted.
        size_bytes: Size of the data above which the oldest is deleted.
    """

    age_s: float = 7 * 86_400.0
    size_bytes: int = 1 << 30


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of what the store holds, without pages that are free to be used again."""
    return (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * _pragma(
        connection, "page_size"
    )


def delete_step(connection: sqlite3.Connection, policy: Retention, now_ns: int) -> bool:
    """Delete at most a thousand of the oldest rows that `policy` no longer keeps; say whether there were any."""
    cutoff_ns = max(0, now_ns - int(policy.age_s * 1e9))
    connection.execute("BEGIN IMMEDIATE")
    deleted = sum([_delete_older(connection, table, cutoff_ns) for table in _ARRIVALS])
    if not deleted and used_bytes(connection) > policy.size_bytes:
        deleted = _delete_oldest(connection)
    connection.execute("COMMIT")
    return deleted > 0


def delete_orphans(connection: sqlite3.Connection) -> None:
    """Delete resources, scopes and series that were last seen before the oldest row arrived."""
    heads = [head for table in _ARRIVALS if (head := _head(connection, table)) is not None]
    oldest_ns = min(heads, default=_NEVER_NS)
    connection.execute("BEGIN IMMEDIATE")
    for table in _ORIGINS:
        connection.execute(f"DELETE FROM {table} WHERE seen_ns < ?", (oldest_ns,))  # noqa: S608 - our own names
    connection.execute("COMMIT")


def shrink_step(connection: sqlite3.Connection) -> None:
    """Give a megabyte back to the file system if a good part of the file is free; the rest is used again."""
    if _pragma(connection, "freelist_count") * _SHARE_OF_FREE_PAGES > _pragma(connection, "page_count"):
        # Not execute(): it would take one step of the statement, which frees one page.
        connection.executescript(f"PRAGMA incremental_vacuum({_STEP_PAGES})")


def _delete_older(connection: sqlite3.Connection, table: str, cutoff_ns: int) -> int:
    # Rows are numbered in the order of arrival, so only the first few need to be looked at.
    return connection.execute(
        f"DELETE FROM {table} WHERE id <= (SELECT max(id) FROM (SELECT id, received_ns FROM {table}"  # noqa: S608
        f" ORDER BY id LIMIT {_STEP_ROWS}) WHERE received_ns < ?)",
        (cutoff_ns,),
    ).rowcount


def _delete_oldest(connection: sqlite3.Connection) -> int:
    heads = {table: head for table in _ARRIVALS if (head := _head(connection, table)) is not None}
    if not heads:
        return 0
    table = min(heads, key=heads.__getitem__)
    return connection.execute(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT {_STEP_ROWS})"  # noqa: S608
    ).rowcount


def _head(connection: sqlite3.Connection, table: str) -> int | None:
    row = connection.execute(f"SELECT received_ns FROM {table} ORDER BY id LIMIT 1").fetchone()  # noqa: S608
    return None if row is None else int(row[0])


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
