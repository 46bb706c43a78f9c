"""Metrics as OTLP has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.metrics.export import ExponentialHistogram, Gauge, Histogram, Sum

from agentotel.distro.otlp.attributes import AttributeEncoder, plain
from agentotel.distro.otlp.requests import Encoded
from agentotel.distro.otlp.wire import block, double, fixed64, number, signed64, text, time, varint, zigzag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.metrics.export import (
        ExponentialHistogramDataPoint,
        HistogramDataPoint,
        Metric,
        MetricsData,
        NumberDataPoint,
    )

_number_attributes: Final = AttributeEncoder(b"\x3a")
_histogram_attributes: Final = AttributeEncoder(b"\x4a")
_exponential_attributes: Final = AttributeEncoder(b"\x0a")
_exemplar_attributes: Final = AttributeEncoder(b"\x3a")

_POINT: Final = b"\x0a"


def each(metrics_data: MetricsData) -> Iterator[tuple[Any, Any, Metric]]:
    """Yield every metric after the resource and the scope that it belongs to."""
    for of_resource in metrics_data.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                yield of_resource.resource, of_scope.scope, metric


def points(found: tuple[Any, Any, Metric]) -> int:
    """Return how many points a metric has that `each` has yielded."""
    return len(found[2].data.data_points)


def encode(found: tuple[Any, Any, Metric]) -> Encoded:
    """Return one metric with all of its points.

    Args:
        found: As `each` yields it.

    Raises:
        Exception: Whatever comes of a metric that is none, or of a number that OTLP has no place for.
    """
    resource, scope, metric = found
    count = points(found)
    heading = text(b"\x0a", metric.name) + text(b"\x12", metric.description) + text(b"\x1a", metric.unit)
    return Encoded(resource, scope, heading + (_data(metric.data) if count else b""), count)


def _data(data: Any) -> bytes:
    if isinstance(data, Sum):
        monotonic = b"\x18\x01" if data.is_monotonic else b""
        return block(b"\x3a", _points(data, _number) + _temporality(data) + monotonic)
    if isinstance(data, Gauge):
        return block(b"\x2a", _points(data, _gauge))
    if isinstance(data, Histogram):
        return block(b"\x4a", _points(data, _histogram) + _temporality(data))
    if isinstance(data, ExponentialHistogram):
        return block(b"\x52", _points(data, _exponential) + _temporality(data))
    raise TypeError(f"OTLP has no form for {type(data).__name__}")


def _points(data: Any, encode_point: Any) -> bytes:
    return b"".join([block(_POINT, encode_point(point)) for point in data.data_points])


def _temporality(data: Any) -> bytes:
    return number(b"\x10", int(data.aggregation_temporality))


def _gauge(point: NumberDataPoint) -> bytes:
    return _value(point) + time(b"\x19", point.time_unix_nano)


def _number(point: NumberDataPoint) -> bytes:
    return time(b"\x11", point.start_time_unix_nano) + _gauge(point)


def _value(point: NumberDataPoint) -> bytes:
    value = point.value
    written = b"\x31" + signed64(value) if isinstance(value, int) else b"\x21" + double(value)
    return _number_attributes.encode(plain(point.attributes)) + written + _exemplars(b"\x2a", point.exemplars)


def _histogram(point: HistogramDataPoint) -> bytes:
    content = (
        _summary(point),
        _optional(b"\x59", point.min),
        _optional(b"\x61", point.max),
        _packed(b"\x32", map(fixed64, point.bucket_counts)),
        _packed(b"\x3a", map(double, point.explicit_bounds)),
        _exemplars(b"\x42", point.exemplars),
        _histogram_attributes.encode(plain(point.attributes)),
    )
    return b"".join(content)


def _exponential(point: ExponentialHistogramDataPoint) -> bytes:
    content = (
        _exponential_attributes.encode(plain(point.attributes)),
        _summary(point),
        b"\x30" + zigzag(point.scale) if point.scale else b"",
        time(b"\x39", point.zero_count),
        _buckets(b"\x42", point.positive),
        _buckets(b"\x4a", point.negative),
        number(b"\x50", point.flags),
        _exemplars(b"\x5a", point.exemplars),
        _optional(b"\x61", point.min),
        _optional(b"\x69", point.max),
    )
    return b"".join(content)


def _summary(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> bytes:
    """Return what both kinds of histograms begin with."""
    times = time(b"\x11", point.start_time_unix_nano) + time(b"\x19", point.time_unix_nano)
    return times + time(b"\x21", point.count) + _optional(b"\x29", point.sum)


def _optional(tag: bytes, value: float | None) -> bytes:
    return b"" if value is None else tag + double(value)


def _packed(tag: bytes, values: Iterator[bytes]) -> bytes:
    content = b"".join(values)
    return block(tag, content) if content else b""


def _buckets(tag: bytes, buckets: Any) -> bytes:
    if not buckets.bucket_counts:
        return b""
    offset = b"\x08" + zigzag(buckets.offset) if buckets.offset else b""
    return block(tag, offset + _packed(b"\x12", map(varint, buckets.bucket_counts)))


def _exemplars(tag: bytes, exemplars: Sequence[Exemplar]) -> bytes:
    return b"".join([block(tag, _exemplar(exemplar)) for exemplar in exemplars]) if exemplars else b""


def _exemplar(exemplar: Exemplar) -> bytes:
    value = exemplar.value
    written = b"\x19" + double(value) if isinstance(value, float) else b"\x31" + signed64(value)
    ids = b""
    if exemplar.span_id is not None and exemplar.trace_id is not None:
        ids = b"\x22\x08" + exemplar.span_id.to_bytes(8, "big") + b"\x2a\x10" + exemplar.trace_id.to_bytes(16, "big")
    attributes = _exemplar_attributes.encode(plain(exemplar.filtered_attributes))
    return time(b"\x11", exemplar.time_unix_nano) + written + ids + attributes
