"""What the real backends answer, in the form in which the demo's expectations compare it.

Jaeger answers OTLP/JSON, which the embedded backend reads; what Prometheus and Loki have renamed gets the names back
under which it was recorded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from agentotel.demo.expectations import Evidence
from agentotel.local import query
from agentotel.local.records import LogRecord, MetricSeries, Origin, Scope
from agentotel.local.server import LocalBackend
from agentotel.model import names
from agentotel.model.instruments import INSTRUMENTS

_RECORDED_AS = {value.replace(".", "_"): value for value in vars(names).values() if isinstance(value, str)}
_SUFFIXES = {"_bucket", "_count", "_sum", ""}
_OF_THE_PATH = ("otel_scope_", "telemetry_", "service_instance_id", "__name__")


class Sample(NamedTuple):
    """One series of an instant query."""

    labels: dict[str, str]
    value: float


def of_everywhere(jaeger_answers, samples, lines, folder):
    """Return what has arrived of one program.

    Args:
        jaeger_answers: One answer of ``/api/v3/traces/{id}`` for each trace.
        samples: The `Sample`s of all its series.
        lines: Its log lines: each a map with ``line``, ``time_ns`` and ``labels``.
        folder: Where files may be written.
    """
    return Evidence(traces=traces(jaeger_answers, folder), logs=[log(line) for line in lines], metrics=series(samples))


def traces(jaeger_answers, folder):
    """Return traces in the order of their starts."""
    with LocalBackend(folder / "jaeger.db", otlp_http_port=0, otlp_grpc_port=0, port=0) as backend:
        for answer in jaeger_answers:
            _post_json(f"{backend.addresses.otlp_http}/v1/traces", answer)
    found = [query.trace(folder / "jaeger.db", summary.trace_id) for summary in query.traces(folder / "jaeger.db")]
    return sorted(found, key=lambda trace: trace.spans[0].start_ns)


def _post_json(url, document):
    request = Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=10) as response:
        assert response.status == 200


def log(line) -> LogRecord:
    """Return a log line as the record that it was."""
    metadata = {_RECORDED_AS.get(name, name): value for name, value in line["labels"].items()}
    return LogRecord(
        shown_ns=line["time_ns"],
        time_ns=line["time_ns"],
        observed_ns=int(metadata.pop("observed_timestamp", 0)),
        trace_id=metadata.pop("trace_id", None),
        span_id=metadata.pop("span_id", None),
        flags=int(metadata.pop("flags", 0)),
        severity=int(metadata.pop("severity_number", 0)),
        severity_text=metadata.pop("severity_text", None),
        event_name=metadata.pop("event_name", None),
        body=line["line"],
        attributes=metadata,
        dropped=0,
        origin=Origin(metadata.get("service_name"), {}, Scope(metadata.get("scope_name", ""))),
    )


def series(samples) -> list[MetricSeries]:
    """Return the series of our own instruments; the three of a histogram become one again."""
    found: dict[Any, dict[str, float]] = defaultdict(dict)
    for labels, value in samples:
        for instrument in INSTRUMENTS:
            suffix = labels["__name__"].removeprefix(instrument.prometheus)
            if labels["__name__"].startswith(instrument.prometheus) and suffix in _SUFFIXES and "le" not in labels:
                identity = tuple(sorted((name, text) for name, text in labels.items() if name != "__name__"))
                found[instrument, identity][suffix.removeprefix("_") or "value"] = value
    return [_series(instrument, dict(identity), point) for (instrument, identity), point in found.items()]


def _series(instrument, labels, point) -> MetricSeries:
    attributes = {name: labels.get(name.replace(".", "_")) for name in instrument.attributes}
    return MetricSeries(
        name=instrument.name,
        description=None,
        unit=instrument.unit,
        kind=instrument.kind,
        temporality="cumulative",
        monotonic=None,
        metadata={},
        attributes=attributes,
        start_ns=0,
        time_ns=0,
        flags=0,
        point=point,
        exemplars=(),
        origin=Origin(labels.get("job"), {}, Scope()),
    )


def without_the_path(samples) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return samples by name and labels, without what depends on how they came to Prometheus.

    That is the labels of the SDK and of its scopes, the id that `instance` holds as well, and how a bucket's bound is
    spelled: 2 or 2.0. What rules have recorded is left out.
    """
    return {
        (labels["__name__"], _plain(labels)): value
        for labels, value in samples
        if ":" not in labels["__name__"] and not labels["__name__"].startswith("ALERTS")
    }


def _plain(labels) -> tuple[tuple[str, str], ...]:
    kept = {name: text for name, text in labels.items() if not name.startswith(_OF_THE_PATH)}
    if "le" in kept:
        kept["le"] = str(float(kept["le"]))
    return tuple(sorted(kept.items()))
