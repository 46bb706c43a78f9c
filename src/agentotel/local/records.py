"""Telemetry as queries give it back: spans, log records and metric series in plain, typed form."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, Final

from agentotel.local import values

SPAN_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
STATUSES: Final = ("unset", "ok", "error")
TEMPORALITIES: Final = ("unspecified", "delta", "cumulative")
STATUS_ERROR: Final = 2
SEVERITY_ERROR: Final = 17
"""The lowest severity number of OpenTelemetry that is an error."""

_SEVERITIES: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_NAMES_PER_SEVERITY: Final = 4


def rfc3339(time_ns: int) -> str:
    """Return a time in nanoseconds since the Unix epoch as RFC 3339 in UTC, to the nanosecond."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def enum_name(names: tuple[str, ...], number: int) -> str:
    """Return the name of an enum's value, its number as text where a later OTLP added it."""
    return names[number] if 0 <= number < len(names) else str(number)


@dataclass(frozen=True, slots=True)
class Scope:
    """The library that recorded something."""

    name: str = ""
    version: str = ""
    attributes: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something came from: `service` is the resource's ``service.name``."""

    service: str | None
    resource: dict[str, Any]
    scope: Scope

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        scope = {"name": self.scope.name, "version": self.scope.version, "attributes": self.scope.attributes or {}}
        return {"service": self.service, "resource": values.jsonable(self.resource), "scope": values.jsonable(scope)}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span."""

    time_ns: int
    name: str
    attributes: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {"time": rfc3339(self.time_ns), "name": self.name, "attributes": values.jsonable(self.attributes)}


@dataclass(frozen=True, slots=True)
class Link:
    """A reference from a span to another one. The ids are hexadecimal and, unlike a span's own, unchecked."""

    trace_id: str
    span_id: str
    trace_state: str
    attributes: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {field.name: values.jsonable(getattr(self, field.name)) for field in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span. Ids are hexadecimal, times nanoseconds since the Unix epoch as the sender's clock had them.

    Attributes:
        operation: The ``gen_ai.operation.name``, also where only the span's name implies it.
        agent: The agent's name, else its id.
        dropped: Counts of attributes, events and links that the sender dropped.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    status_message: str | None
    trace_state: str | None
    flags: int
    operation: str | None
    agent: str | None
    model: str | None
    tool: str | None
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    dropped: tuple[int, int, int]
    origin: Origin

    @property
    def error(self) -> bool:
        """Whether it ended with an error."""
        return self.status == STATUSES[STATUS_ERROR]

    @property
    def duration_s(self) -> float:
        """Seconds from start to end; 0 where the sender's clock was set back between them."""
        return max(0, self.end_ns - self.start_ns) / 1e9

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "parent_span_id": self.parent_span_id,
            "name": self.name,
            "kind": self.kind,
            "operation": self.operation,
            "start": rfc3339(self.start_ns),
            "end": rfc3339(self.end_ns),
            "duration_s": self.duration_s,
            "status": self.status,
            "status_message": self.status_message,
            "error": self.error,
            "attributes": values.jsonable(self.attributes),
            "events": [event.as_dict() for event in self.events],
            "links": [link.as_dict() for link in self.links],
            **self.origin.as_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One log record. `shown_ns` is its time, else when it was observed, else when it arrived."""

    shown_ns: int
    time_ns: int
    observed_ns: int
    trace_id: str | None
    span_id: str | None
    flags: int
    severity: int
    severity_text: str | None
    event_name: str | None
    body: Any
    attributes: dict[str, Any]
    dropped: int
    origin: Origin

    @property
    def level(self) -> str:
        """The severity as text: the sender's own, else OpenTelemetry's name of its number."""
        index = (self.severity - 1) // _NAMES_PER_SEVERITY
        return self.severity_text or (_SEVERITIES[index] if 0 <= index < len(_SEVERITIES) else "")

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "time": rfc3339(self.shown_ns),
            "severity": self.level,
            "severity_number": self.severity,
            "event_name": self.event_name,
            "body": values.jsonable(self.body),
            "trace_id": self.trace_id,
            "span_id": self.span_id,
            "attributes": values.jsonable(self.attributes),
            **self.origin.as_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """A single measurement behind a point, with the span in which it was made."""

    time_ns: int
    value: float | None
    trace_id: str
    span_id: str
    attributes: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        named = {field.name: values.jsonable(getattr(self, field.name)) for field in fields(self)}
        return {"time": rfc3339(named.pop("time_ns")), **named}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSeries:
    """One series of a metric with its latest point.

    Attributes:
        kind: ``gauge``, ``sum``, ``histogram``, ``exponential_histogram`` or ``summary``.
        point: ``value`` for gauges and sums; ``count``, ``sum``, ``min``, ``max``, ``bounds``, ``counts`` for
            histograms; ``scale``, ``zero_count``, ``zero_threshold``, ``positive`` and ``negative`` for exponential
            ones; ``count``, ``sum`` and ``quantiles`` for summaries.
    """

    name: str
    description: str | None
    unit: str | None
    kind: str
    temporality: str | None
    monotonic: bool | None
    metadata: dict[str, Any]
    attributes: dict[str, Any]
    start_ns: int
    time_ns: int
    flags: int
    point: dict[str, Any]
    exemplars: tuple[Exemplar, ...]
    origin: Origin

    def as_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "name": self.name,
            "description": self.description,
            "unit": self.unit,
            "kind": self.kind,
            "temporality": self.temporality,
            "monotonic": self.monotonic,
            "attributes": values.jsonable(self.attributes),
            "start": rfc3339(self.start_ns),
            "time": rfc3339(self.time_ns),
            **values.jsonable(self.point),
            "exemplars": [exemplar.as_dict() for exemplar in self.exemplars],
            **self.origin.as_dict(),
        }
