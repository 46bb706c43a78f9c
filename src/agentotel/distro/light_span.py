"""Spans of our own: to processors and exporters they are the SDK's, to the thread that makes them a third of the cost.

A light span is an SDK span whose attributes stay a plain dict as long as nothing has to be cleaned, cut or dropped;
as soon as something has to be, the SDK's own container takes over. It may also end before its attributes are put
together (see `agentotel.telemetry.late`): whoever reads them first waits for that.

The one module that knows which fields an SDK span has; `agentotel.distro.light_tracer` tries it against the SDK's.
"""
# ruff: noqa: SLF001 - the SDK's own spans share these names among themselves, and there is no public way

from __future__ import annotations

import logging
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Status

from agentotel.telemetry.late import LateAttributes, LateSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import SpanLimits
    from opentelemetry.trace import SpanContext, SpanKind

    from agentotel.distro.light_tracing import Origin

_logger = logging.getLogger("opentelemetry.sdk.trace")

_NONE: Final[Any] = ()
"""The events and links of a span that has none: never added to, and read without a step of the interpreter."""

_UNSET: Final = Status()
_PLAIN: Final = frozenset({str, bool, int, float})
_PLAIN_OR_TUPLE: Final = _PLAIN | {tuple}
_TEXTS: Final = frozenset({str})
_is_tuple: Final = tuple.__instancecheck__  # type: ignore[misc,unused-ignore] # called without a frame of its own
_new: Final = object.__new__


class Kept:
    """The attributes of one span, shared by the span and by what processors are given at its end.

    Args:
        limits: Of the span.
    """

    __slots__ = ("_first", "_found", "_limits", "settle")

    def __init__(self, limits: SpanLimits, attributes: Mapping[str, Any] | None) -> None:
        self._limits = limits
        self._first: LateAttributes | None = None
        self._found: dict[str, Any] | BoundedAttributes = {}
        self.settle: Callable[[], None] | None = None
        if type(attributes) is LateAttributes:
            self._first = attributes
        elif attributes:
            self.add(attributes)

    def add(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes as the SDK would: a key that is set again moves to the end, beyond the limit the oldest go."""
        if self._first is not None:
            first = self._first.built()
            if first.keys().isdisjoint(attributes):
                self._first, attributes = None, {**first, **attributes}  # looked through at once
            else:
                self._begin()
        found, limits = self._found, self._limits
        if type(found) is dict:
            most = limits.max_span_attributes
            if (
                limits.max_span_attribute_length is None
                and (most is None or len(found) + len(attributes) <= most)
                and _is_clean(attributes)
            ):
                if found and not found.keys().isdisjoint(attributes):
                    for key in attributes:
                        found.pop(key, None)
                found.update(attributes)
                return
            found = self._found = BoundedAttributes(
                most, found, immutable=False, max_value_len=limits.max_span_attribute_length
            )
        for key, value in attributes.items():
            found[key] = value

    def _begin(self) -> None:
        """Set the first attributes, which are left alone until somebody reads or adds some."""
        first, self._first = self._first, None
        if first is not None:
            self.add(first.built())

    def get(self) -> dict[str, Any] | BoundedAttributes:
        """Return the attributes, all of them: if some are still to come, they come now."""
        settle = self.settle
        if settle is not None:
            settle()
        if self._first is not None:
            self._begin()
        return self._found

    def __deepcopy__(self, memo: dict[int, Any]) -> Kept:
        """Copy them, all of them."""
        del memo  # attributes hold nothing but plain values
        copied = Kept(self._limits, None)
        copied._found = dict(self.get())
        return copied

    def __reduce__(self) -> Any:
        """Pickle them, all of them."""
        return Kept, (self._limits, dict(self.get()))


def _is_clean(attributes: Mapping[str, Any]) -> bool:
    """Tell whether the SDK would take every attribute as it is."""
    if "" in attributes or not _TEXTS.issuperset(map(type, attributes)):
        return False
    values = attributes.values()
    if _PLAIN.issuperset(map(type, values)):
        return True
    tuples = filter(_is_tuple, values)
    return _PLAIN_OR_TUPLE.issuperset(map(type, values)) and all(_TEXTS.issuperset(map(type, each)) for each in tuples)


class _Keeping:
    """What a light span and its ended copy have in common: where their attributes are."""

    _kept: Kept

    @property
    def _attributes(self) -> Any:
        return self._kept.get()

    @_attributes.setter
    def _attributes(self, attributes: Mapping[str, Any]) -> None:
        # The net replaces what must not leave: the new attributes need no cleaning, and may be more than the limit.
        self._kept = Kept(self._kept._limits, None)
        self._kept._found = dict(attributes)


class EndedSpan(_Keeping, ReadableSpan):
    """A light span that has ended, as processors and exporters are given it."""

    def __init__(self, span: LightSpan) -> None:
        self._name = span._name
        self._context = span._context
        self._kind = span._kind
        self._instrumentation_info = span._instrumentation_info
        self._instrumentation_scope = span._instrumentation_scope
        self._parent = span._parent
        self._start_time = span._start_time
        self._end_time = span._end_time
        self._kept = span._kept
        self._events = span._events
        self._links = span._links
        self._resource = span._resource
        self._status = span._status


class LightSpan(_Keeping, LateSpan, Span):
    """A span that has been started by `agentotel.distro.light_tracing.LightTracer`.

    Args:
        name: Its name.
        context: What it is known by.
        parent: What its parent is known by; None for a root.
        kind: Its kind.
        attributes: What the sampler has let it start with.
        start_time: Nanoseconds since the Unix epoch.
        count_end: Called once, at its end.
        origin: What it shares with the other spans of its tracer.
    """

    # What hardly any span changes stands in the class.
    _end_time: int | None = None
    _events = _NONE
    _links = _NONE
    _status = _UNSET
    _trace_config = None
    _record_exception = True
    _set_status_on_exception = True

    def __new__(cls, *_args: Any) -> LightSpan:  # noqa: PYI034 - nobody derives from it
        """Make an empty span: the SDK's own method looks at the class and costs a call."""
        return _new(cls)

    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        start_time: int | None,
        count_end: Callable[[], object],
        origin: Origin,
    ) -> None:
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self._start_time = time_ns() if start_time is None else start_time
        self._resource = origin.tracer.resource
        self._count_end = count_end
        self._origin = origin
        self._lock = Lock()
        self._kept = Kept(origin.limits, attributes)

    # What the SDK's methods expect to find, and what is the same for all spans of a tracer.

    @property
    def _instrumentation_info(self) -> Any:  # type: ignore[override]
        return self._origin.tracer.instrumentation_info

    @property
    def _instrumentation_scope(self) -> Any:  # type: ignore[override]
        return self._origin.scope

    @property
    def _sampler(self) -> Any:  # type: ignore[override]
        return self._origin.tracer.sampler

    @property
    def _span_processor(self) -> Any:  # type: ignore[override]
        return self._origin.tracer.span_processor

    @property
    def _limits(self) -> Any:
        return self._origin.limits

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes, unless the span has ended."""
        with self._lock:
            if self._end_time is not None:
                _logger.warning("Setting attribute on ended span.")
                return
            self._kept.add(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute, unless the span has ended."""
        self.set_attributes({key: value})

    def _add_event(self, event: Any) -> None:
        if self._events is _NONE:
            self._events = BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Any) -> None:
        if self._links is _NONE:
            self._links = BoundedList(self._limits.max_links)
        super()._add_link(link)

    def _readable_span(self) -> ReadableSpan:
        return EndedSpan(self)

    def end(self, end_time: int | None = None) -> None:
        """End the span; only the first end counts."""
        with self._lock:
            if self._end_time is not None:
                _logger.warning("Calling end() on an ended span.")
                return
            self._end_time = time_ns() if end_time is None else end_time
        self._count_end()
        self._origin.ended(self)

    # `agentotel.telemetry.late.LateSpan`

    def end_late(self, end_time: int, settle: Callable[[], None]) -> None:
        """End the span before its last attributes are known; whoever reads them calls `settle` first."""
        self._kept.settle = settle
        self.end(end_time)

    def complete(self, attributes: Mapping[str, Any]) -> None:
        """Add the last attributes of a span that has ended late."""
        self._kept.add(attributes)

    def completed(self) -> None:
        """Note that no more attributes will come."""
        self._kept.settle = None
