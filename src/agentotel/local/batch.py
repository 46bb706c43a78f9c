"""What one OTLP request becomes: rows ready to be written, and what had to be refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from agentotel.local import values
from agentotel.local.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    Take = Callable[[Any, tuple[int, int], str | None], None]

MAX_ITEMS: Final = 50_000
"""Spans, log records, points and the groups that hold them in one request.

A body of a few megabytes can hold a million empty ones, which as rows would take gigabytes.
"""

MAX_TIME_NS: Final = 2**63 - 1
"""The latest time that fits a column, in the year 2262."""

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8

Row = tuple[Any, ...]


class InvalidItemError(ValueError):
    """One span, log record or point that cannot be stored; the others of its request can."""


@dataclass(slots=True)
class Batch:
    """Rows of one request, in the column order of `agentotel.local.schema`.

    Attributes:
        received_ns: When the request arrived, nanoseconds since the Unix epoch: what retention goes by.
        resources: By id. The id is a hash of the content, so the same resource is stored once, whoever sends it.
        scopes: By id, likewise.
        series: Metric series by id, likewise.
        refusals: How many items were refused, by reason.
        items: How many items were seen, the groups that hold them and refused ones included.
    """

    received_ns: int
    resources: dict[int, Row] = field(default_factory=dict)
    scopes: dict[int, Row] = field(default_factory=dict)
    series: dict[int, Row] = field(default_factory=dict)
    spans: list[Row] = field(default_factory=list)
    logs: list[Row] = field(default_factory=list)
    points: list[Row] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    items: int = 0

    @property
    def rows(self) -> int:
        """How many spans, log records and points are to be written."""
        return len(self.spans) + len(self.logs) + len(self.points)

    @property
    def refused(self) -> int:
        """How many items were refused."""
        return sum(self.refusals.values())

    def refusal_message(self) -> str:
        """Say why items were refused, one reason per line; empty where none was."""
        return "; ".join(f"{count} x {reason}" for reason, count in self.refusals.most_common(5))

    def count_items(self, count: int) -> None:
        """Take note of further items, before any of them is decoded.

        Raises:
            TooLargeError: There are more of them than one request may have.
        """
        self.items += count
        if self.items > MAX_ITEMS:
            raise TooLargeError(f"more than {MAX_ITEMS} items in one request; send smaller batches")

    def add_resource(self, resource: Resource, schema_url: str) -> tuple[int, str | None]:
        """Keep a resource once; return its id and its service's name."""
        attributes = values.attributes(resource.attributes)
        body = values.dumps(
            {"attributes": attributes, "dropped": resource.dropped_attributes_count, "schema_url": schema_url}
        )
        identity = content_id(body)
        name = attributes.get("service.name")
        service = name if name is None or isinstance(name, str) else values.shown(name)
        self.resources[identity] = (identity, self.received_ns, service, body)
        return identity, service

    def read(self, groups: Sequence[Any], scopes: str, items: str, take: Take) -> Batch:
        """Give each item of a request to `take`, with where it came from; return this batch.

        Args:
            groups: The request's items by resource, such as ``resource_spans``.
            scopes: Name of the field of a group that holds its items by scope, such as ``scope_spans``.
            items: Name of the field that holds the items of one scope, such as ``spans``.
            take: Called with an item, the ids of its resource and scope, and its service. What it refuses by
                `InvalidItemError` is counted, and does not fail its neighbours.

        Raises:
            TooLargeError: There are too many items.
        """
        self.count_items(len(groups))
        for group in groups:
            scoped_groups = getattr(group, scopes)
            self.count_items(len(scoped_groups))
            resource_id, service = self.add_resource(group.resource, group.schema_url)
            for scoped in scoped_groups:
                found = getattr(scoped, items)
                self.count_items(len(found))
                origin = (resource_id, self.add_scope(scoped.scope, scoped.schema_url))
                for item in found:
                    try:
                        take(item, origin, service)
                    except InvalidItemError as error:  # noqa: PERF203 - one bad item must not fail its neighbours
                        self.refusals[str(error)] += 1
        return self

    def add_scope(self, scope: InstrumentationScope, schema_url: str) -> int:
        """Keep an instrumentation scope once; return its id."""
        body = values.dumps(
            {
                "name": scope.name,
                "version": scope.version,
                "attributes": values.attributes(scope.attributes),
                "dropped": scope.dropped_attributes_count,
                "schema_url": schema_url,
            }
        )
        identity = content_id(body)
        self.scopes[identity] = (identity, self.received_ns, body)
        return identity


def content_id(text: str) -> int:
    """Return a signed 64-bit id that depends on nothing but `text`."""
    return int.from_bytes(blake2b(text.encode("ascii"), digest_size=8).digest(), "big", signed=True)


def required_id(identity: bytes, length: int, what: str) -> bytes:
    """Return an id that is valid.

    Raises:
        InvalidItemError: It has another length or only zeros.
    """
    if len(identity) != length:
        raise InvalidItemError(f"{what} of {len(identity)} bytes, expected {length}")
    if not any(identity):
        raise InvalidItemError(f"{what} of only zeros")
    return identity


def optional_id(identity: bytes, length: int, what: str) -> bytes | None:
    """Return an id that may be absent: empty or only zeros gives None.

    Raises:
        InvalidItemError: It has another length.
    """
    if not identity:
        return None
    if len(identity) != length:
        raise InvalidItemError(f"{what} of {len(identity)} bytes, expected {length} or none")
    return identity if any(identity) else None


def time_ns(value: int, what: str) -> int:
    """Return a time that fits a column.

    Raises:
        InvalidItemError: It lies after the year 2262.
    """
    if value > MAX_TIME_NS:
        raise InvalidItemError(f"{what} after the year 2262, expected nanoseconds since 1970")
    return value
