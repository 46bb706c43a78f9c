"""Metric points of an OTLP request, of all kinds, as rows of the store."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from agentotel.local import values
from agentotel.local.batch import Batch, InvalidItemError, Row, content_id, time_ns
from agentotel.local.facets import facets
from agentotel.local.values import dumps, number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import (
        Exemplar,
        ExponentialHistogramDataPoint,
        HistogramDataPoint,
        Metric,
        NumberDataPoint,
        SummaryDataPoint,
    )


def decode_metrics(request: ExportMetricsServiceRequest, received_ns: int) -> Batch:
    """Return the rows of a request; points that cannot be stored are counted as refused.

    Raises:
        TooLargeError: It holds too many points.
    """
    batch = Batch(received_ns)
    return batch.read(request.resource_metrics, "scope_metrics", "metrics", partial(_add, batch))


def _add(batch: Batch, metric: Metric, origin: tuple[int, int], service: str | None) -> None:
    kind = metric.WhichOneof("data")
    if kind is None:
        batch.refusals["metric without data, or of an unknown kind"] += 1
        return
    data = getattr(metric, kind)
    batch.count_items(len(data.data_points))
    head = _series_head(metric, kind, data)
    value_of = _VALUES[kind]
    for point in data.data_points:
        try:
            row = _point_row(batch.received_ns, point, dumps(value_of(point)))
        except InvalidItemError as error:
            batch.refusals[str(error)] += 1
            continue
        attributes = values.attributes(point.attributes)
        text = dumps(attributes)
        identity = content_id(dumps([origin, head, text]))
        series = (identity, batch.received_ns, *origin, *head, text, service)
        batch.series.setdefault(identity, (*series, *facets(attributes)))
        batch.points.append((row[0], identity, *row[1:]))


def _series_head(metric: Metric, kind: str, data: Any) -> Row:
    temporality = getattr(data, "aggregation_temporality", None)
    monotonic = data.is_monotonic if kind == "sum" else None
    metadata = dumps(values.attributes(metric.metadata)) if metric.metadata else None
    return (metric.name, metric.description or None, metric.unit or None, kind, temporality, monotonic, metadata)


def _point_row(received_ns: int, point: Any, value: str) -> Row:
    return (
        received_ns,
        time_ns(point.start_time_unix_nano, "start time"),
        time_ns(point.time_unix_nano, "time"),
        point.flags,
        value,
        _exemplars(getattr(point, "exemplars", ())),
    )


def _number(point: NumberDataPoint | Exemplar) -> Any:
    kind = point.WhichOneof("value")
    if kind is None:
        return None
    return point.as_int if kind == "as_int" else number(point.as_double)


def _number_value(point: NumberDataPoint) -> Mapping[str, Any]:
    return {"value": _number(point)}


def _totals(point: HistogramDataPoint | ExponentialHistogramDataPoint) -> dict[str, Any]:
    optional = {name: number(getattr(point, name)) for name in ("sum", "min", "max") if point.HasField(name)}
    return {"count": point.count, **optional}


def _histogram_value(point: HistogramDataPoint) -> Mapping[str, Any]:
    bounds = [number(bound) for bound in point.explicit_bounds]
    return {**_totals(point), "bounds": bounds, "counts": list(point.bucket_counts)}


def _exponential_value(point: ExponentialHistogramDataPoint) -> Mapping[str, Any]:
    return {
        **_totals(point),
        "scale": point.scale,
        "zero_count": point.zero_count,
        "zero_threshold": number(point.zero_threshold),
        "positive": {"offset": point.positive.offset, "counts": list(point.positive.bucket_counts)},
        "negative": {"offset": point.negative.offset, "counts": list(point.negative.bucket_counts)},
    }


def _summary_value(point: SummaryDataPoint) -> Mapping[str, Any]:
    quantiles = [[number(at.quantile), number(at.value)] for at in point.quantile_values]
    return {"count": point.count, "sum": number(point.sum), "quantiles": quantiles}


_VALUES: Final[dict[str, Callable[[Any], Mapping[str, Any]]]] = {
    "gauge": _number_value,
    "sum": _number_value,
    "histogram": _histogram_value,
    "exponential_histogram": _exponential_value,
    "summary": _summary_value,
}


def _exemplars(exemplars: Iterable[Exemplar]) -> str | None:
    rows: list[Any] = [
        [
            exemplar.time_unix_nano,
            _number(exemplar),
            exemplar.trace_id.hex(),
            exemplar.span_id.hex(),
            values.attributes(exemplar.filtered_attributes),
        ]
        for exemplar in exemplars
    ]
    return dumps(rows) if rows else None
