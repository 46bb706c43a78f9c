"""Rows of the store as records: the inverse of the decoders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from agentotel.local import values
from agentotel.local.records import (
    SPAN_KINDS,
    STATUSES,
    TEMPORALITIES,
    Event,
    Exemplar,
    Link,
    LogRecord,
    MetricSeries,
    Origin,
    Scope,
    Span,
    enum_name,
)

if TYPE_CHECKING:
    import sqlite3

_NONE_DROPPED: Final = (0, 0, 0)


def span(row: sqlite3.Row) -> Span:
    """Return a row of ``spans``, joined with its resource and scope, as a span."""
    dropped = row["dropped"]
    return Span(
        trace_id=row["trace_id"].hex(),
        span_id=row["span_id"].hex(),
        parent_span_id=_hex(row["parent_span_id"]),
        name=row["name"],
        kind=enum_name(SPAN_KINDS, row["kind"]),
        start_ns=row["start_ns"],
        end_ns=row["end_ns"],
        status=enum_name(STATUSES, row["status"]),
        status_message=row["status_message"],
        trace_state=row["trace_state"],
        flags=row["flags"],
        operation=row["operation"],
        agent=row["agent"],
        model=row["model"],
        tool=row["tool"],
        attributes=values.loads_map(row["attributes"]),
        events=tuple(Event(time, name, _map(attributes)) for time, name, attributes, _ in _list(row["events"])),
        links=tuple(
            Link(trace, linked, state, _map(attributes)) for trace, linked, state, attributes, *_ in _list(row["links"])
        ),
        dropped=_NONE_DROPPED if dropped is None else tuple(json.loads(dropped)),
        origin=_origin(row),
    )


def log_record(row: sqlite3.Row) -> LogRecord:
    """Return a row of ``logs``, joined with its resource and scope, as a log record."""
    return LogRecord(
        shown_ns=row["shown_ns"],
        time_ns=row["time_ns"],
        observed_ns=row["observed_ns"],
        trace_id=_hex(row["trace_id"]),
        span_id=_hex(row["span_id"]),
        flags=row["flags"],
        severity=row["severity"],
        severity_text=row["severity_text"],
        event_name=row["event_name"],
        body=values.loads(row["body"]),
        attributes=values.loads_map(row["attributes"]),
        dropped=row["dropped"],
        origin=_origin(row),
    )


def metric_series(row: sqlite3.Row) -> MetricSeries:
    """Return a row of ``series``, joined with a point, its resource and its scope, as a series."""
    temporality = row["temporality"]
    monotonic = row["monotonic"]
    return MetricSeries(
        name=row["name"],
        description=row["description"],
        unit=row["unit"],
        kind=row["kind"],
        temporality=None if temporality is None else enum_name(TEMPORALITIES, temporality),
        monotonic=None if monotonic is None else bool(monotonic),
        metadata=values.loads_map(row["metadata"]),
        attributes=values.loads_map(row["attributes"]),
        start_ns=row["start_ns"],
        time_ns=row["time_ns"],
        flags=row["flags"],
        point=values.loads_map(row["value"]),
        exemplars=tuple(
            Exemplar(
                time_ns=time, value=values.decode(value), trace_id=trace, span_id=near, attributes=_map(attributes)
            )
            for time, value, trace, near, attributes in _list(row["exemplars"])
        ),
        origin=_origin(row),
    )


def _origin(row: sqlite3.Row) -> Origin:
    # Many rows share one resource and scope; the text is parsed per row all the same, which costs a few microseconds.
    resource = json.loads(row["resource_body"] or "{}")
    scope = json.loads(row["scope_body"] or "{}")
    attributes = _map(scope.get("attributes", {}))
    return Origin(
        service=row["service"],
        resource=_map(resource.get("attributes", {})),
        scope=Scope(scope.get("name", ""), scope.get("version", ""), attributes),
    )


def _map(stored: dict[str, Any]) -> dict[str, Any]:
    return {key: values.decode(value) for key, value in stored.items()}


def _list(text: str | None) -> list[Any]:
    result: list[Any] = [] if text is None else json.loads(text)
    return result


def _hex(identity: bytes | None) -> str | None:
    return None if identity is None else identity.hex()
