"""Questions to a store: typed answers, on connections of their own, while the writer goes on writing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.errors import printable
from agentotel.local.errors import StoreError
from agentotel.local.filters import Filters, define_functions, log_conditions, series_conditions, trace_search
from agentotel.local.rows import log_record, metric_series, span
from agentotel.local.schema import open_reader
from agentotel.local.trace import Trace, TraceSummary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentotel.local.records import LogRecord, MetricSeries, Span

LAST: Final = "last"
"""Stands for the id of the trace that was started last."""

_LOGS_PER_TRACE: Final = 10_000
_TRACE_ID_DIGITS: Final = 32
_SHORTEST_PREFIX: Final = 4
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_WITH_ORIGIN = (
    "SELECT found.*, resources.body AS resource_body, scopes.body AS scope_body FROM ({0}) AS found"
    " LEFT JOIN resources ON resources.id = found.resource_id LEFT JOIN scopes ON scopes.id = found.scope_id {1}"
)
_SPANS = _WITH_ORIGIN.format("SELECT * FROM spans WHERE trace_id = ?", "ORDER BY start_ns, found.id")
_TRACE_LOGS = _WITH_ORIGIN.format(
    "SELECT * FROM logs WHERE trace_id = ? ORDER BY shown_ns, id LIMIT ?", "ORDER BY shown_ns, found.id"
)
_SERIES = (
    "SELECT series.*, start_ns, time_ns, flags, value, exemplars FROM series JOIN points ON points.id ="
    " (SELECT id FROM points WHERE series_id = series.id ORDER BY time_ns DESC, id DESC LIMIT 1)"
)


def traces(path: Path, filters: Filters | None = None) -> list[TraceSummary]:
    """Return the latest traces that match, the one that started last first.

    Args:
        path: The store.
        filters: What to look for; by default everything, up to the default limit.

    Raises:
        StoreError: The store cannot be read.
    """
    filters = filters or Filters()
    with closing(Reader(path)) as reader:
        found = [Trace(trace_id.hex(), reader.spans(trace_id)).summary() for trace_id in reader.trace_ids(filters)]
    return sorted(found, key=lambda summary: summary.start_ns, reverse=True)


def trace(path: Path, trace_id: str = LAST) -> Trace | None:
    """Return one trace with all its spans and log records, None where there is none.

    Args:
        path: The store.
        trace_id: Hexadecimal, or its first digits (at least 4) where only one trace begins so, or ``last``.

    Raises:
        StoreError: The store cannot be read, or several traces begin with these digits.
    """
    with closing(Reader(path)) as reader:
        found = reader.resolve(trace_id)
        if found is None:
            return None
        return Trace(found.hex(), reader.spans(found), reader.logs_of(found))


def logs(path: Path, filters: Filters | None = None) -> list[LogRecord]:
    """Return the log records that match, the oldest first; of too many the latest ones.

    Args:
        path: The store.
        filters: What to look for; by default everything, up to the default limit.

    Raises:
        StoreError: The store cannot be read.
    """
    filters = filters or Filters()
    conditions = log_conditions(filters)
    inner = f"SELECT * FROM logs{conditions.sql()} ORDER BY shown_ns DESC, id DESC LIMIT ?"  # noqa: S608 - no values in it
    with closing(Reader(path)) as reader:
        sql = _WITH_ORIGIN.format(inner, "ORDER BY shown_ns, found.id")
        return [log_record(row) for row in reader.rows(sql, *conditions.parameters, filters.limit)]


def metrics(path: Path, filters: Filters | None = None) -> list[MetricSeries]:
    """Return the series that match, each with its latest point, by name.

    Args:
        path: The store.
        filters: What to look for; by default everything, up to the default limit.

    Raises:
        StoreError: The store cannot be read.
    """
    filters = filters or Filters()
    conditions = series_conditions(filters)
    inner = f"{_SERIES}{conditions.sql()} ORDER BY name, attributes LIMIT ?"
    with closing(Reader(path)) as reader:
        sql = _WITH_ORIGIN.format(inner, "ORDER BY name, attributes")
        return [metric_series(row) for row in reader.rows(sql, *conditions.parameters, filters.limit)]


class Reader:
    """One read-only connection, for the questions of one answer: all of them see the same moment.

    Args:
        path: The store.

    Raises:
        StoreError: The store cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_reader(path)
        self._connection.row_factory = sqlite3.Row
        define_functions(self._connection)
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def rows(self, sql: str, *parameters: Any) -> Iterator[sqlite3.Row]:
        """Yield the rows of a query as they are found.

        Raises:
            StoreError: The store cannot be read.
        """
        try:
            yield from self._connection.execute(sql, parameters)
        except sqlite3.Error as error:
            raise StoreError(f"{printable(self._path)}: cannot be read ({error})") from error

    def trace_ids(self, filters: Filters) -> list[bytes]:
        """Return the ids of the latest traces that match, in no particular order."""
        search = trace_search(filters)
        sql, parameters = search.candidates
        found: list[bytes] = []
        seen: set[bytes] = set()
        for (trace_id,) in self.rows(sql, *parameters):
            if len(found) >= filters.limit:
                break
            if trace_id not in seen:
                seen.add(trace_id)
                if all(self._passes(trace_id, *check) for check in search.checks):
                    found.append(trace_id)
        return found

    def _passes(self, trace_id: bytes, sql: str, parameters: tuple[Any, ...]) -> bool:
        return next(self.rows(sql, trace_id, *parameters), None) is not None

    def spans(self, trace_id: bytes) -> list[Span]:
        """Return the spans of a trace in the order of their starts."""
        return [span(row) for row in self.rows(_SPANS, trace_id)]

    def logs_of(self, trace_id: bytes) -> list[LogRecord]:
        """Return the log records of a trace in the order of their times."""
        return [log_record(row) for row in self.rows(_TRACE_LOGS, trace_id, _LOGS_PER_TRACE)]

    def resolve(self, trace_id: str) -> bytes | None:
        """Return the id that `trace_id` stands for, None where there is no such trace.

        Raises:
            StoreError: Several traces begin with these digits.
        """
        if trace_id == LAST:
            row = next(self.rows("SELECT trace_id FROM spans ORDER BY start_ns DESC LIMIT 1"), None)
            return None if row is None else bytes(row[0])
        bounds = _bounds(trace_id.lower())
        if bounds is None:
            return None
        found = [
            bytes(row[0])
            for row in self.rows("SELECT DISTINCT trace_id FROM spans WHERE trace_id BETWEEN ? AND ? LIMIT 2", *bounds)
        ]
        if len(found) > 1:
            raise StoreError(f"several traces begin with {trace_id}; give more digits")
        return found[0] if found else None


def _bounds(prefix: str) -> tuple[bytes, bytes] | None:
    if not _SHORTEST_PREFIX <= len(prefix) <= _TRACE_ID_DIGITS or not set(prefix) <= _HEXADECIMAL:
        return None
    return (bytes.fromhex(prefix.ljust(_TRACE_ID_DIGITS, "0")), bytes.fromhex(prefix.ljust(_TRACE_ID_DIGITS, "f")))
