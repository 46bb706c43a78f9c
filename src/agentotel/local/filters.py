"""What to look for in the store, and how that reads in SQL."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentotel.config.casting import duration
from agentotel.local import values
from agentotel.local.records import SEVERITY_ERROR, STATUS_ERROR

if TYPE_CHECKING:
    import sqlite3

SINCE: Final = duration("1s", "36600d")
"""What ``--since`` and ``since=`` accept: ``SINCE.cast(text)`` gives seconds."""

_FEWEST_MATCHES_FIRST: Final = ("request", "session", "user", "tool", "agent", "tenant", "model", "service")
_FAILED_STATUS: Final = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """All that is given must hold. A trace matches when each of them holds for at least one of its spans.

    Attributes:
        since_s: Only what is not older than so many seconds.
        service: The ``service.name`` of the resource.
        agent: The agent's name (its id where it has none).
        error: Only what failed: traces with a failed span, log records from severity ERROR on, series of errors.
        where: Attributes (of the item or its resource) and the text of their values.
        limit: How many to return at most.
        The others are named after what they compare with.
    """

    since_s: float | None = None
    service: str | None = None
    agent: str | None = None
    user: str | None = None
    tenant: str | None = None
    session: str | None = None
    request: str | None = None
    model: str | None = None
    tool: str | None = None
    error: bool = False
    where: tuple[tuple[str, str], ...] = ()
    limit: int = 100

    def columns(self) -> list[tuple[str, str]]:
        """Return the columns that are compared, with their values; the one that finds the fewest rows first."""
        pairs = [(name, getattr(self, name)) for name in _FEWEST_MATCHES_FIRST]
        return [(name, value) for name, value in pairs if value is not None]

    def since_ns(self) -> int | None:
        """Return the earliest time, nanoseconds since the Unix epoch."""
        # A duration longer than the age of the epoch means no limit, not a negative number too large for a column.
        return None if self.since_s is None else max(0, time.time_ns() - int(self.since_s * 1e9))


class Conditions:
    """The conditions of one query: pieces of SQL joined by AND, and their parameters."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.parameters: list[Any] = []

    def add(self, sql: str, *parameters: Any) -> None:
        """Add a condition."""
        self._pieces.append(f"({sql})")
        self.parameters.extend(parameters)

    def sql(self) -> str:
        """Return the WHERE clause, empty without conditions."""
        return f" WHERE {' AND '.join(self._pieces)}" if self._pieces else ""


_HAS_ATTRIBUTE = (
    "(instr(attributes, ?) AND has_attribute(attributes, ?, ?))"
    " OR resource_id IN (SELECT id FROM resources WHERE instr(body, ?) AND resource_has_attribute(body, ?, ?))"
)


@dataclass(frozen=True, slots=True)
class TraceSearch:
    """How to find traces: candidates from one index, latest first, and what each of them has to pass, once.

    Attributes:
        candidates: A query for trace ids (repeated where several spans match).
        checks: Queries that give a row if a trace passes; they take its id before their own parameters.
    """

    candidates: tuple[str, list[Any]]
    checks: list[tuple[str, tuple[Any, ...]]]


# Without "indexed by", SQLite may prefer the index of a value that half of all spans have.
_CHECK = "SELECT 1 FROM spans INDEXED BY spans_by_id WHERE trace_id = ? AND ({}) LIMIT 1"


def trace_search(filters: Filters) -> TraceSearch:
    """Return how to find the traces for each of whose filters at least one span matches."""
    required: list[tuple[str, tuple[Any, ...]]] = [(f'"{column}" = ?', (value,)) for column, value in filters.columns()]
    if filters.error:
        required.append((f"status = {STATUS_ERROR}", ()))
    conditions = Conditions()
    if required:
        sql, compared = required.pop(0)
        conditions.add(sql, *compared)
    since_ns = filters.since_ns()
    if since_ns is not None:
        conditions.add("start_ns >= ?", since_ns)
    order = "id" if filters.columns() else "start_ns"
    candidates = f"SELECT trace_id FROM spans{conditions.sql()} ORDER BY {order} DESC"  # noqa: S608 - no values in it
    required += [(_HAS_ATTRIBUTE, _attribute_parameters(key, value)) for key, value in filters.where]
    return TraceSearch(
        (candidates, conditions.parameters), [(_CHECK.format(sql), parameters) for sql, parameters in required]
    )


_OWN_OR_OF_TRACE = (
    "{0} = ? OR ({0} IS NULL AND EXISTS (SELECT 1 FROM spans AS near INDEXED BY spans_by_id"
    " WHERE near.trace_id = logs.trace_id AND near.{0} = ?))"
)


def log_conditions(filters: Filters) -> Conditions:
    """Return the conditions on rows of ``logs``.

    A record that does not name its agent, model or tool itself belongs to those of its trace.
    """
    conditions = Conditions()
    since_ns = filters.since_ns()
    if since_ns is not None:
        conditions.add("shown_ns >= ?", since_ns)
    for column, value in filters.columns():
        conditions.add(_OWN_OR_OF_TRACE.format(f'"{column}"'), value, value)
    for key, value in filters.where:
        conditions.add(_HAS_ATTRIBUTE, *_attribute_parameters(key, value))
    if filters.error:
        conditions.add(f"severity >= {SEVERITY_ERROR}")
    return conditions


def series_conditions(filters: Filters) -> Conditions:
    """Return the conditions on rows of ``series`` joined with their latest ``points``."""
    conditions = Conditions()
    since_ns = filters.since_ns()
    if since_ns is not None:
        conditions.add("time_ns >= ?", since_ns)
    for column, value in filters.columns():
        conditions.add(f'"{column}" = ?', value)
    for key, value in filters.where:
        conditions.add(_HAS_ATTRIBUTE, *_attribute_parameters(key, value))
    if filters.error:
        conditions.add(
            "has_key(attributes, 'error.type') OR has_key(attributes, 'error_type')"
            " OR has_attribute(attributes, 'status', ?)",
            _FAILED_STATUS,
        )
    return conditions


def define_functions(connection: sqlite3.Connection) -> None:
    """Give `connection` the SQL functions that the conditions use."""
    connection.create_function("has_attribute", 3, _has_attribute, deterministic=True)
    connection.create_function("resource_has_attribute", 3, _resource_has_attribute, deterministic=True)
    connection.create_function("has_key", 2, lambda text, key: key in json.loads(text), deterministic=True)


def _has_attribute(text: str, key: str, expected: str) -> bool:
    attributes = values.loads_map(text)
    return key in attributes and values.shown(attributes[key]) == expected


def _resource_has_attribute(body: str, key: str, expected: str) -> bool:
    return _has_attribute(values.dumps(json.loads(body)["attributes"]), key, expected)


def _attribute_parameters(key: str, value: str) -> tuple[str, ...]:
    # The key as it stands in the stored JSON: most rows are passed over without parsing them.
    stored = f"{values.dumps(key)}:"
    return (stored, key, value, stored, key, value)
