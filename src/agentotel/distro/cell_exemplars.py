"""Exemplars of cells: which record becomes one, and where it waits until the next collection.

The reservoirs keep what the SDK's default ones keep (the last record of each bucket of a histogram, one record of a
counter, each equally likely) for a tenth of the cost. Both own state: at most one record per bucket.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from random import random
from time import time_ns
from typing import TYPE_CHECKING, Any
from weakref import ref

from opentelemetry.context import get_current
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    Exemplar,
    ExemplarReservoir,
    TraceBasedExemplarFilter,
)
from opentelemetry.trace import INVALID_SPAN, SpanContext, get_current_span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.sdk.metrics import ExemplarFilter

    from agentotel.telemetry.series import Recorded

    Attributes = Mapping[str, Any] | None
    Offered = tuple[float, int, Attributes, SpanContext | None]
    """A record that may become an exemplar: its value, time in ns since 1970, attributes before a view removed some,
    and the span in whose context it was made. A plain tuple: making a named one costs as much as all else."""
    Choose = Callable[[float, Attributes, Context | None], Offered | None]


class KeepingReservoir(ExemplarReservoir):
    """A reservoir that takes records as they are, so that nothing has to be looked up twice.

    Args:
        size: Number of places.

    Attributes:
        places: What waits for the next collection; always the same list.
    """

    def __init__(self, size: int) -> None:
        self.places: list[Offered | None] = [None] * size

    @abstractmethod
    def keep(self, offered: Offered) -> None:
        """Keep a record, or pass it over."""

    def offer(self, value: float, time_unix_nano: int, attributes: Attributes, context: Context) -> None:
        """Keep a record that comes from the SDK's own instrument, or pass it over."""
        self.keep((value, time_unix_nano, attributes or None, _span_context(context)))

    def take_over(self, exemplars: Iterable[Exemplar]) -> None:
        """Keep what the reservoir that stood here before had kept."""
        for was in exemplars:
            span_context = None
            if was.trace_id is not None and was.span_id is not None:
                span_context = SpanContext(was.trace_id, was.span_id, is_remote=False)
            self.keep((was.value, was.time_unix_nano, was.filtered_attributes, span_context))

    def collect(self, point_attributes: Attributes) -> list[Exemplar]:
        """Return the exemplars in the order of their places, and begin anew.

        Args:
            point_attributes: Those of the data point, which its exemplars need not repeat.
        """
        found = []
        for index, offered in enumerate(self.places):
            if offered is not None:
                self.places[index] = None
                found.append(_exemplar(offered, point_attributes or {}))
        return found


class LastPerBucket(KeepingReservoir):
    """Keeps the last record of each bucket of a histogram.

    Args:
        boundaries: Upper bounds of the buckets.
    """

    def __init__(self, boundaries: Sequence[float]) -> None:
        super().__init__(len(boundaries) + 1)
        self._boundaries = boundaries

    def keep(self, offered: Offered) -> None:
        """Keep a record instead of the last one in its bucket."""
        self.places[bisect_left(self._boundaries, offered[0])] = offered

    def keep_all(
        self, indexes: Sequence[int], records: Sequence[Recorded], choose: Choose, attributes: Attributes
    ) -> None:
        """Keep the last of `records` in each bucket that may become an exemplar.

        Args:
            indexes: The bucket of each.
            records: In the order in which they came.
            choose: Decides which may.
            attributes: The label set.
        """
        for index, (amount, context) in dict(zip(indexes, records, strict=True)).items():
            offered = choose(amount, attributes, context)
            if offered is None:
                bucket = (
                    record for at, record in zip(reversed(indexes), reversed(records), strict=True) if at == index
                )
                others = (choose(amount, attributes, context) for amount, context in bucket)
                offered = next((other for other in others if other is not None), None)
            if offered is not None:
                self.places[index] = offered


class OneOfAll(KeepingReservoir):
    """Keeps one of the records since the last collection, each being equally likely."""

    def __init__(self) -> None:
        super().__init__(1)
        self._seen = 0

    def keep(self, offered: Offered) -> None:
        """Keep a record, or pass it over."""
        self._seen += 1
        if random() * self._seen < 1:  # noqa: S311 - statistics, no secret
            self.places[0] = offered

    def keep_all(self, offered: Sequence[Offered]) -> None:
        """Keep one of many records, or pass all of them over."""
        self._seen += len(offered)
        from_the_end = int(random() * self._seen)  # noqa: S311 - as above
        if from_the_end < len(offered):
            self.places[0] = offered[-1 - from_the_end]

    def collect(self, point_attributes: Attributes) -> list[Exemplar]:
        """Return what was kept, and begin anew."""
        self._seen = 0
        return super().collect(point_attributes)


def chooser(exemplar_filter: ExemplarFilter) -> Choose | None:
    """Return what decides whether a record is offered as an exemplar, None if none ever is.

    Args:
        exemplar_filter: As the SDK has resolved ``OTEL_METRICS_EXEMPLAR_FILTER``.
    """
    if type(exemplar_filter) is AlwaysOffExemplarFilter:
        return None
    if type(exemplar_filter) is TraceBasedExemplarFilter:
        return SampledSpan()
    return _as_filtered(exemplar_filter)


class SampledSpan:
    """Offers what is recorded in the context of a sampled span.

    One operation records several times with one context, which never changes: the last answer is remembered, by a
    weak reference so that no span is kept alive.
    """

    def __init__(self) -> None:
        self._last: tuple[Callable[[], object], SpanContext | None] = (object, None)

    def __call__(self, amount: float, attributes: Attributes, context: Context | None) -> Offered | None:
        """Return the record as it is offered, None if it is not."""
        if context:
            last_context, sampled = self._last
            if last_context() is not context:
                sampled = _sampled(context)
                self._last = (ref(context), sampled)
        else:
            sampled = _sampled(None)
        return None if sampled is None else (amount, time_ns(), attributes, sampled)


def _as_filtered(exemplar_filter: ExemplarFilter) -> Choose:
    """Return what offers what a filter other than the SDK's default lets through."""
    should_sample = exemplar_filter.should_sample

    def offer(amount: float, attributes: Attributes, context: Context | None) -> Offered | None:
        now, context = time_ns(), context or get_current()
        if should_sample(amount, now, attributes, context):
            return amount, now, attributes, _span_context(context)
        return None

    return offer


def _sampled(context: Context | None) -> SpanContext | None:
    span_context = get_current_span(context).get_span_context()
    return span_context if span_context.trace_flags.sampled else None


def _span_context(context: Context | None) -> SpanContext | None:
    span = get_current_span(context)
    return None if span is INVALID_SPAN else span.get_span_context()


def _exemplar(offered: Offered, point_attributes: Mapping[str, Any]) -> Exemplar:
    value, time_unix_nano, attributes, span_context = offered
    return Exemplar(
        None if attributes is None else {key: attributes[key] for key in attributes if key not in point_attributes},
        value,
        time_unix_nano,
        None if span_context is None else span_context.span_id,
        None if span_context is None else span_context.trace_id,
    )
