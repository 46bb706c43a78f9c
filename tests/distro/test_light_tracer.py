"""Light spans are what the SDK's own would be."""

from __future__ import annotations

import copy
import logging
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracerProvider,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from agentotel.distro import light_tracer as light
from agentotel.distro.light_tracing import LightTracer
from agentotel.telemetry.late import Later


class Ids(IdGenerator):
    """Counts upwards."""

    def __init__(self, *, random):
        self.last = 0
        self.random = random

    def generate_span_id(self):
        self.last += 1
        return self.last

    def generate_trace_id(self):
        return self.generate_span_id() << 60

    def is_trace_id_random(self):
        return self.random


class Seen(SpanProcessor):
    """Writes down everything that a processor can see, and meddles at the start."""

    def __init__(self, meddles):
        self.meddles = meddles
        self.started = []
        self.ending = []
        self.ended = []

    def on_start(self, span, parent_context=None):
        assert isinstance(span, Span)
        for key, value in self.meddles.items():
            span.set_attribute(key, value)
        self.started.append((as_json(span), dict(span.attributes), parent_context))

    def _on_ending(self, span):
        self.ending.append(as_json(span))

    def on_end(self, span):
        assert isinstance(span, ReadableSpan)
        self.ended.append(span)

    def all(self):
        return self.started, self.ending, [shown(span) for span in self.ended]


def as_json(span):
    """Return a span as JSON, as far as JSON can say it."""
    try:
        return span.to_json()
    except TypeError:  # JSON has no bytes
        parts = [span, *span.events, *span.links]
        return span.name, span.status.description, [repr(list((part.attributes or {}).items())) for part in parts]


def shown(span):
    """Return all that there is to see of a span."""
    encoded = encode_spans([span]).SerializeToString(deterministic=True)
    dropped = span.dropped_attributes, span.dropped_events, span.dropped_links
    return as_json(span), dropped, span.get_span_context(), span.parent, span.kind, span.instrumentation_scope, encoded


class ByAttribute(sampling.Sampler):
    """Decides by an attribute, and adds one."""

    def should_sample(self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None):
        decision = list(sampling.Decision)[len(attributes or ()) % 3]
        return sampling.SamplingResult(decision, {**(attributes or {}), "by": "sampler"}, TraceState([("k", "v")]))

    def get_description(self):
        return "by attribute"


KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
CLEAN = st.one_of(
    st.text(max_size=5),
    st.booleans(),
    st.integers(-9, 9),
    st.floats(allow_nan=False),
    st.lists(st.text(max_size=3)).map(tuple),
)
ODD = st.one_of(
    st.none(),
    st.binary(max_size=3),
    st.lists(st.integers(0, 9)),
    st.lists(st.one_of(st.integers(0, 1), st.text(max_size=2))),
)
ATTRIBUTES = st.dictionaries(KEYS, CLEAN, max_size=5)
ANY = st.one_of(ATTRIBUTES, st.dictionaries(st.one_of(KEYS, st.just("")), st.one_of(CLEAN, ODD), max_size=5))
CONTEXT = SpanContext(7, 8, is_remote=True, trace_state=TraceState([("x", "y")]))
ERROR = ValueError("words")

ACTIONS = st.one_of(
    st.tuples(st.just("set_attributes"), st.tuples(ANY)),
    st.tuples(st.just("set_attribute"), st.tuples(KEYS, st.one_of(CLEAN, ODD))),
    st.tuples(st.just("add_event"), st.tuples(st.text(max_size=3), st.one_of(st.none(), ANY), st.integers(1, 9))),
    st.tuples(st.just("add_link"), st.tuples(st.just(CONTEXT), st.one_of(st.none(), ANY))),
    st.tuples(st.just("update_name"), st.tuples(st.text(max_size=3))),
    st.tuples(
        st.just("set_status"),
        st.sampled_from([(Status(StatusCode.ERROR, "d"),), (StatusCode.OK,), (StatusCode.UNSET,)]),
    ),
    st.tuples(st.just("record_exception"), st.tuples(st.just(ERROR), st.none(), st.integers(1, 9))),
    st.tuples(st.just("end"), st.tuples(st.integers(10, 20))),
)
STATIC = st.sampled_from([sampling.ALWAYS_ON, sampling.ALWAYS_OFF, sampling.TraceIdRatioBased(0.5), ByAttribute()])
SAMPLERS = st.one_of(
    STATIC,
    st.builds(sampling.ParentBased, STATIC, STATIC, STATIC, STATIC, STATIC),
    st.just(sampling.ParentBasedTraceIdRatio(0.5)),
)
LIMIT = st.one_of(st.none(), st.integers(0, 4))
UNSET = SpanLimits.UNSET
LIMITS = st.builds(
    lambda *given: SpanLimits(**dict(zip(NAMES, (UNSET if each is None else each for each in given), strict=True))),
    LIMIT, LIMIT, LIMIT, LIMIT, LIMIT, LIMIT, LIMIT,
)  # fmt: skip
NAMES = (
    "max_events", "max_links", "max_span_attributes", "max_event_attributes", "max_link_attributes",
    "max_attribute_length", "max_span_attribute_length",
)  # fmt: skip
PARENTS = st.sampled_from(
    [None, NonRecordingSpan(CONTEXT)]
    + [
        NonRecordingSpan(SpanContext(1 << 70, 5, remote, TraceFlags(flags), TraceState([("p", "q")])))
        for remote in (True, False)
        for flags in (0, 1, 2, 3)
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.builds(Ids, random=st.booleans()), SAMPLERS, LIMITS, PARENTS, st.one_of(st.none(), ANY), st.booleans(),
    st.sampled_from(list(SpanKind)), ATTRIBUTES, st.lists(ACTIONS, max_size=8),
)  # fmt: skip
def test_whatever_is_done_to_it_a_light_span_is_seen_as_the_sdks_own(
    ids, sampler, limits, parent, attributes, linked, kind, meddles, actions
):
    """Processors and exporters see the same as of the SDK's, limits, sampling and odd values included."""
    logging.disable(logging.WARNING)
    try:
        seen = [
            run(make, copy.copy(ids), sampler, limits, parent, attributes, linked, kind, meddles, actions)
            for make in (lambda tracer: tracer, lambda tracer: LightTracer(tracer, lambda *_: lambda: int))
        ]
    finally:
        logging.disable(logging.NOTSET)
    assert seen[0] == seen[1]


def run(make, ids, sampler, limits, parent, attributes, linked, kind, meddles, actions):
    """Make a span, do what is asked for, and return what was seen of it."""
    provider = TracerProvider(sampler, Resource({"r": 1}), False, None, ids, limits)
    processor = Seen(meddles)
    provider.add_span_processor(processor)
    tracer = make(provider.get_tracer("scope", "1", "schema", {"s": 1}))
    context = None if parent is None else set_span_in_context(parent)
    links = [Link(CONTEXT, {"l": "value"})] if linked else ()
    span = tracer.start_span("name", context, kind, attributes, links, 1)
    results = []
    for name, arguments in actions:
        results.append(getattr(span, name)(*arguments))
    recording = span.is_recording()
    span.end(30)
    return span.get_span_context(), recording, span.is_recording(), results, processor.all()


@pytest.fixture
def exported():
    """Where the spans go."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(exported):
    """A provider of the SDK's."""
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exported))
    yield made
    made.shutdown()


def test_light_spans_are_used_with_the_sdk_that_is_installed(provider):
    """The trial finds that light spans are what this SDK makes, so that they are used."""
    assert isinstance(light.light_tracer(provider, "scope"), LightTracer)


def test_a_provider_that_is_not_the_sdks_keeps_its_own_tracer():
    """Where the spans are not the SDK's, nothing is replaced."""
    assert not isinstance(light.light_tracer(NoOpTracerProvider(), "scope"), LightTracer)


def test_an_sdk_whose_spans_are_other_than_expected_makes_them_itself(provider, monkeypatch):
    """If the trial shows a difference, the SDK's tracer is used."""
    light.light_spans_agree_with_the_sdk.cache_clear()
    monkeypatch.setattr(light, "_trial", lambda: (["this"], ["that"]))
    try:
        assert not isinstance(light.light_tracer(provider, "scope"), LightTracer)
    finally:
        light.light_spans_agree_with_the_sdk.cache_clear()


def test_a_processor_that_comes_later_is_told(provider, exported):
    """Processors may be added at any time, as with the SDK's spans."""
    tracer = light.light_tracer(provider, "scope")
    tracer.start_span("before").end()
    late = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(late))
    tracer.start_span("after").end()
    assert [span.name for span in exported.get_finished_spans()] == ["before", "after"]
    assert [span.name for span in late.get_finished_spans()] == ["after"]


def test_an_ended_span_does_not_change(provider, exported, caplog):
    """After its end a span takes nothing more, and says so as the SDK does."""
    span = light.light_tracer(provider, "scope").start_span("name", attributes={"a": 1})
    span.end(5)
    span.set_attribute("b", 2)
    span.set_attributes({"c": 3})
    span.end(6)
    (ended,) = exported.get_finished_spans()
    assert dict(ended.attributes) == {"a": 1}
    assert ended.end_time == 5
    assert "Setting attribute on ended span." in caplog.text
    assert "Calling end() on an ended span." in caplog.text


def test_a_span_made_current_by_the_tracer_is_the_sdks(provider, exported):
    """`start_as_current_span` works too."""
    with light.light_tracer(provider, "scope").start_as_current_span("name") as span:
        assert span.is_recording()
    assert [span.name for span in exported.get_finished_spans()] == ["name"]


def test_attributes_that_come_late_are_there_for_whoever_reads_them(provider, exported):
    """A span that ended before its attributes were put together has them when it is read."""
    span = light.light_tracer(provider, "scope").start_span("name", attributes={"a": 1})
    asked = []

    def settle():
        asked.append(True)
        span.complete({"b": 2})
        span.completed()

    span.end_late(9, settle)
    (ended,) = exported.get_finished_spans()
    assert not asked
    assert dict(ended.attributes) == {"a": 1, "b": 2}
    assert dict(ended.attributes) == {"a": 1, "b": 2}
    assert asked == [True]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda kept: pickle.loads(pickle.dumps(kept))])
def test_attributes_can_be_copied(provider, exported, duplicate):
    """Exporters copy spans, to change the copy or to hand it to another process."""
    light.light_tracer(provider, "scope").start_span("name", attributes={"a": 1}).end()
    (ended,) = exported.get_finished_spans()
    assert dict(copy.copy(ended).attributes) == {"a": 1}
    assert dict(duplicate(ended._kept).get()) == {"a": 1}


def counted(reader):
    """Return the SDK's figures about spans."""
    data = reader.get_metrics_data()
    return {
        (metric.name, *sorted(point.attributes.items())): point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if metric.name.startswith("otel.sdk.span")
    }


def test_light_spans_are_counted_as_the_sdk_counts_its_own(monkeypatch):
    """The SDK's metrics about its spans are the same, whoever makes them."""
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    seen = []
    for is_light in (False, True):
        reader = InMemoryMetricReader()
        meters = MeterProvider([reader], shutdown_on_exit=False)
        tracers = TracerProvider(
            sampling.ParentBased(sampling.ALWAYS_ON), shutdown_on_exit=False, meter_provider=meters
        )
        later = Later()
        tracer = light.light_tracer(tracers, "scope", None, later) if is_light else tracers.get_tracer("scope")
        open_one = tracer.start_span("root")
        tracer.start_span("child", set_span_in_context(open_one)).end()
        tracer.start_span("remote", set_span_in_context(NonRecordingSpan(CONTEXT))).end()
        later.settle()
        seen.append(counted(reader))
        open_one.end()
        later.settle()
        seen[-1] |= {("ended", *key): value for key, value in counted(reader).items()}
    assert seen[0] == seen[1]
    assert seen[0]


def test_a_sampler_that_is_exchanged_decides_from_then_on(provider, exported):
    """What was decided with another one is forgotten, as with the SDK's own tracer."""
    tracer = light.light_tracer(provider, "scope")
    tracer.start_span("before").end()
    tracer._tracer.sampler = sampling.ALWAYS_OFF
    tracer.start_span("not recorded").end()
    tracer._tracer.sampler = sampling.ALWAYS_ON
    tracer.start_span("after").end()
    assert [span.name for span in exported.get_finished_spans()] == ["before", "after"]


def test_an_id_generator_that_is_exchanged_gives_the_ids_from_then_on(provider, exported):
    """Also one whose ids are no good: such a span is invalid, as with the SDK's own tracer."""

    class Zeros(RandomIdGenerator):
        def generate_trace_id(self):
            return 0

        def generate_span_id(self):
            return 0

    tracer = light.light_tracer(provider, "scope")
    assert tracer.start_span("good").get_span_context().is_valid
    tracer._tracer.id_generator = Zeros()
    context = tracer.start_span("bad").get_span_context()
    assert (context.trace_id, context.span_id, context.is_valid) == (0, 0, False)


@pytest.mark.parametrize("flags", range(4))
def test_parents_of_all_flags_are_told_apart(provider, flags):
    """A parent that is not sampled after one that is, and the other way round, is decided by its own flags."""
    tracer, by_sdk = light.light_tracer(provider, "scope"), provider.get_tracer("scope")
    for each in (flags, 3 - flags, flags):
        parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(each))
        context = set_span_in_context(NonRecordingSpan(parent))
        ours, theirs = (made.start_span("child", context).get_span_context() for made in (tracer, by_sdk))
        assert (ours.trace_flags, ours.trace_id, ours.is_remote) == (theirs.trace_flags, 1, False)


class Seeing(SpanProcessor):
    """Remembers whether it was given a light span, and takes an attribute out of what it was given."""

    def __init__(self, *, knows):
        self.takes_light_spans = knows
        self.seen = []

    def on_end(self, span):
        self.seen.append((isinstance(span, Span), dict(span.attributes)))
        span._attributes = {}


@pytest.mark.parametrize("knows", [(True, True), (True, False), (False, True)])
def test_light_spans_are_given_only_to_processors_that_all_know_them(knows):
    """Else everybody is given the same copy: what one processor takes out of it, the next ones do not see."""
    provider = TracerProvider(shutdown_on_exit=False)
    processors = [Seeing(knows=it) for it in knows]
    for processor in processors:
        provider.add_span_processor(processor)
    light.light_tracer(provider, "scope").start_span("name", attributes={"secret": 1}).end()
    is_light = all(knows)
    assert [processor.seen for processor in processors] == [[(is_light, {"secret": 1})], [(is_light, {})]]
    provider.shutdown()
