"""Spans, log records and metrics of the SDK with everything that OTLP can carry, for property-based tests."""

from __future__ import annotations

from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

TEXT = st.text(max_size=8)  # without halves of surrogate pairs, on which the official encoder fails
KEYS = st.text(min_size=1, max_size=4)
INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 300)
FLOATS = st.floats(allow_nan=False)
SCALARS = TEXT | st.booleans() | INT64 | FLOATS | st.binary(max_size=6)
SEQUENCES = (
    st.lists(TEXT, max_size=3) | st.lists(st.booleans(), max_size=3) | st.lists(INT64, max_size=3) | st.lists(FLOATS)
).map(tuple)
NESTED = st.recursive(
    st.none() | SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(KEYS, SCALARS | SEQUENCES, max_size=5)
TIMES = st.integers(0, 2**64 - 1) | st.just(0)
TRACE_IDS = st.integers(0, 2**128 - 1)
SPAN_IDS = st.integers(0, 2**64 - 1)
COUNTS = st.integers(0, 2**64 - 1) | st.integers(0, 300)

RESOURCES = st.sampled_from([
    Resource({}),
    Resource({"service.name": "shop", "process.pid": 7}),
    Resource({"service.name": "shop", "process.pid": 7}),
    Resource({"service.name": "shop", "tags": ("a", "b")}, "https://schema.example/1"),
])  # fmt: skip
SCOPES = st.sampled_from([
    None,
    InstrumentationScope("agentotel"),
    InstrumentationScope("agentotel"),
    InstrumentationScope("agentotel", "1.0", "https://schema.example/2"),
    InstrumentationScope("other", "2", attributes={"short": True}),
])  # fmt: skip


@st.composite
def bounded(draw):
    """Return attributes as the SDK keeps them, of which some may have been dropped; or a plain dictionary, or None."""
    found = draw(ATTRIBUTES)
    limit = draw(st.sampled_from([None, 0, 1, 128]))
    return draw(st.sampled_from([found, BoundedAttributes(limit, found, immutable=False), None]))


@st.composite
def some(draw, elements):
    """Return events or links, in a list or as the SDK keeps them, of which some may have been dropped."""
    found = draw(st.lists(elements, max_size=3))
    if draw(st.booleans()):
        return found
    kept = BoundedList(draw(st.integers(0, 3)))
    kept.extend(found)
    return kept


@st.composite
def contexts(draw):
    """Return a span context, of this process or of another one."""
    state = TraceState(draw(st.sampled_from([[], [("a", "1")], [("a", "1"), ("b", "x=y")]])))
    flags = TraceFlags(draw(st.sampled_from([0, 1, 3])))
    return SpanContext(draw(TRACE_IDS), draw(SPAN_IDS), draw(st.booleans()), flags, state)


STATUSES = (
    st.just(Status(StatusCode.UNSET))
    | st.just(Status(StatusCode.OK))
    | TEXT.map(lambda words: Status(StatusCode.ERROR, words))
)


@st.composite
def spans(draw):
    """Return an ended span."""
    events = st.builds(Event, TEXT, bounded(), TIMES)
    links = st.builds(Link, contexts(), bounded())
    return ReadableSpan(
        draw(TEXT),
        context=draw(contexts()),
        parent=draw(st.none() | contexts()),
        resource=draw(RESOURCES),
        attributes=draw(bounded()),
        events=draw(some(events)),
        links=draw(some(links)),
        kind=draw(st.sampled_from(SpanKind)),
        status=draw(STATUSES),
        start_time=draw(st.none() | TIMES),
        end_time=draw(st.none() | TIMES),
        instrumentation_scope=draw(SCOPES),
    )


@st.composite
def log_records(draw, values=NESTED):
    """Return an emitted log record."""
    attributes = draw(st.dictionaries(KEYS, values, max_size=4))
    record = LogRecord(
        timestamp=draw(st.none() | TIMES),
        observed_timestamp=draw(TIMES),
        severity_text=draw(st.none() | TEXT),
        severity_number=draw(st.none() | st.sampled_from(SeverityNumber)),
        body=draw(values),
        attributes=attributes,
        event_name=draw(st.none() | TEXT),
    )
    record.trace_id, record.span_id = draw(TRACE_IDS | st.just(0)), draw(SPAN_IDS | st.just(0))
    record.trace_flags = TraceFlags(draw(st.sampled_from([0, 1, 3])))
    if draw(st.booleans()):
        record.attributes = BoundedAttributes(1, attributes, immutable=False, extended_attributes=True)
    return ReadableLogRecord(record, draw(RESOURCES), draw(SCOPES))


EXEMPLARS = st.lists(
    st.builds(
        Exemplar,
        ATTRIBUTES,
        INT64 | FLOATS,
        TIMES,
        st.none() | SPAN_IDS,
        st.none() | TRACE_IDS,
    ),
    max_size=2,
)
NUMBERS = st.builds(NumberDataPoint, ATTRIBUTES, TIMES, TIMES, INT64 | FLOATS, EXEMPLARS)
_LIMITS = st.none() | FLOATS
HISTOGRAMS = st.builds(
    HistogramDataPoint, ATTRIBUTES, TIMES, TIMES, COUNTS, _LIMITS,
    st.lists(COUNTS, max_size=4), st.lists(FLOATS, max_size=4), _LIMITS, _LIMITS, EXEMPLARS,
)  # fmt: skip
INT32 = st.integers(-(2**31), 2**31 - 1)
BUCKETS = st.builds(Buckets, INT32, st.lists(COUNTS, max_size=4))
EXPONENTIALS = st.builds(
    ExponentialHistogramDataPoint, ATTRIBUTES, TIMES, TIMES, COUNTS, _LIMITS, INT32,
    COUNTS, BUCKETS, BUCKETS, st.integers(0, 3), _LIMITS, _LIMITS, EXEMPLARS,
)  # fmt: skip
TEMPORALITIES = st.sampled_from(AggregationTemporality)
DATA = st.one_of(
    st.builds(Gauge, st.lists(NUMBERS, max_size=2)),
    st.builds(Sum, st.lists(NUMBERS, max_size=2), TEMPORALITIES, st.booleans()),
    st.builds(Histogram, st.lists(HISTOGRAMS, max_size=2), TEMPORALITIES),
    st.builds(ExponentialHistogram, st.lists(EXPONENTIALS, max_size=2), TEMPORALITIES),
)
METRICS = st.builds(Metric, TEXT, st.none() | TEXT, st.none() | TEXT, DATA)


@st.composite
def metrics_data(draw):
    """Return what a reader collects: every resource and every scope once."""
    scopes = draw(st.lists(SCOPES.filter(bool), unique=True, max_size=2))
    collected = [ScopeMetrics(scope, draw(st.lists(METRICS, max_size=2)), scope.schema_url) for scope in scopes]
    resource = draw(RESOURCES)
    return MetricsData([ResourceMetrics(resource, collected, resource.schema_url)])
