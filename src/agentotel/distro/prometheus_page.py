"""What a page for Prometheus shows of the SDK's metrics: families under the names that they also have over OTLP.

OpenTelemetry's own reader for Prometheus knows no exemplars, mixes the scrapes of two clients that come at once, and
mixes the labels of two scopes that have a metric in common.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from json import dumps
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.prometheus._mapping import map_unit, sanitize_attribute, sanitize_full_name
from opentelemetry.sdk.metrics.export import Gauge, Histogram, HistogramDataPoint, NumberDataPoint, Sum
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client import Metric as Family
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from agentotel._base.failopen import report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.metrics import Exemplar as SdkExemplar
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    Labels = dict[str, str]

_NANOSECONDS: Final = 1_000_000_000


def families(data: MetricsData) -> list[Family]:
    """Return the metrics of one collection as families of `prometheus_client`.

    Args:
        data: As a reader receives it. What no page can show (an exponential histogram) is reported and left out.
    """
    found: dict[str, Family] = {}
    for of_resource in data.resource_metrics:
        found.setdefault("target", _target_info(of_resource.resource))
        for of_scope in of_resource.scope_metrics:
            scope = _scope_labels(of_scope.scope)
            for metric in of_scope.metrics:
                _add(found, metric, scope)
    return list(found.values())


def _add(found: dict[str, Family], metric: Metric, scope: Labels) -> None:
    kind = _kind(metric)
    if kind is None:
        report("prometheus.form", TypeError(f"{metric.name} is a {type(metric.data).__name__}"))
        return
    made = Family(_name(metric, kind), metric.description or "", kind, map_unit(metric.unit or ""))
    family = found.setdefault(made.name, made)
    if family.type != kind:
        report("prometheus.form", TypeError(f"{metric.name} is a {kind} in one scope and a {family.type} in another"))
        return
    for point in metric.data.data_points:
        labels = scope | _labels(point.attributes or {})
        if isinstance(point, HistogramDataPoint):
            _add_histogram(family, labels, point)
        elif isinstance(point, NumberDataPoint):
            _add_number(family, labels, point)


def _kind(metric: Metric) -> str | None:
    data = metric.data
    if isinstance(data, Sum):
        return "counter" if data.is_monotonic else "gauge"
    if isinstance(data, Gauge):
        return "gauge"
    return "histogram" if isinstance(data, Histogram) else None


def _name(metric: Metric, kind: str) -> str:
    """Return the name of the family, without its unit; the ``_total`` of a counter belongs to its samples."""
    name: str = sanitize_full_name(metric.name)
    return name.removesuffix("_total") if kind == "counter" else name


def _add_number(family: Family, labels: Labels, point: NumberDataPoint) -> None:
    if family.type == "counter":
        exemplars = _exemplars(point.exemplars)
        family.add_sample(f"{family.name}_total", labels, point.value, exemplar=exemplars[-1] if exemplars else None)
    else:
        family.add_sample(family.name, labels, point.value)


def _add_histogram(family: Family, labels: Labels, point: HistogramDataPoint) -> None:
    bounds = [*point.explicit_bounds, float("inf")]
    exemplars = {bisect_left(point.explicit_bounds, one.value): one for one in _exemplars(point.exemplars)}
    for index, (bound, count) in enumerate(zip(bounds, accumulate(point.bucket_counts), strict=True)):
        le = {"le": floatToGoString(bound)}  # type: ignore[no-untyped-call]
        family.add_sample(f"{family.name}_bucket", labels | le, count, exemplar=exemplars.get(index))
    family.add_sample(f"{family.name}_count", labels, point.count)
    family.add_sample(f"{family.name}_sum", labels, point.sum)


def _exemplars(exemplars: Sequence[SdkExemplar]) -> list[Exemplar]:
    """Return those that lead to a trace, with the labels that Prometheus' receiver of OTLP gives them."""
    return [
        Exemplar(
            {"trace_id": format_trace_id(one.trace_id), "span_id": format_span_id(one.span_id)},
            one.value,
            one.time_unix_nano / _NANOSECONDS,
        )
        for one in exemplars
        if one.trace_id and one.span_id
    ]


def _target_info(resource: Resource) -> Family:
    family = Family("target", "Target metadata", "info")
    family.add_sample("target_info", _labels(resource.attributes), 1)
    return family


def _scope_labels(scope: InstrumentationScope) -> Labels:
    labels = {"otel_scope_name": scope.name, "otel_scope_version": scope.version or ""}
    labels["otel_scope_schema_url"] = scope.schema_url or ""
    labels |= _labels({f"otel_scope_{key}": value for key, value in (scope.attributes or {}).items()})
    return {name: value for name, value in labels.items() if value}


def _labels(attributes: Mapping[str, Any]) -> Labels:
    return {sanitize_attribute(name): _text(value) for name, value in attributes.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value, default=str)
