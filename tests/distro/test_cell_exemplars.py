"""Exemplars of cells."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    AlwaysOnExemplarFilter,
    ExemplarFilter,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from agentotel.distro.cell_exemplars import LastPerBucket, OneOfAll, chooser


def context_of(provider=None):
    """Return the context of a new span."""
    tracer = (provider or TracerProvider(shutdown_on_exit=False)).get_tracer("test")
    return trace.set_span_in_context(tracer.start_span("span"))


def ids_of(context):
    """Return the trace and span id of a context."""
    span_context = trace.get_current_span(context).get_span_context()
    return span_context.trace_id, span_context.span_id


def test_nothing_is_offered_where_no_exemplars_are_wanted():
    """With always_off there is not even a function to call."""
    assert chooser(AlwaysOffExemplarFilter()) is None


def test_records_of_sampled_spans_are_offered():
    """By default a record in the context of a sampled span is offered with the ids of that span, however often."""
    choose = chooser(TraceBasedExemplarFilter())
    one, two, unsampled = context_of(), context_of(), context_of(TracerProvider(ALWAYS_OFF, shutdown_on_exit=False))
    found = [choose(1.5, None, context) for context in (one, one, unsampled, two, unsampled, one, Context(), None)]
    ids = [None if each is None else (each[3].trace_id, each[3].span_id) for each in found]
    assert ids == [ids_of(one), ids_of(one), None, ids_of(two), None, ids_of(one), None, None]


def test_the_current_span_counts_where_no_context_is_given():
    """Without a context, and with an empty one as in the SDK, the current context decides."""
    choose = chooser(TraceBasedExemplarFilter())
    context = context_of()
    with trace.use_span(trace.get_current_span(context)):
        found = [choose(1, None, each) for each in (None, Context())]
    assert [(each[3].trace_id, each[3].span_id) for each in found] == [ids_of(context)] * 2


def test_no_span_is_kept_alive():
    """What the last operation held is free as soon as the program lets go of it."""
    choose = chooser(TraceBasedExemplarFilter())
    context = context_of()
    gone = weakref.ref(trace.get_current_span(context))
    assert choose(1, None, context) is not None
    del context
    gc.collect()
    assert gone() is None


def test_another_filter_is_asked():
    """A filter of the user's sees the amount, the attributes and the context, and decides."""
    seen = []

    class Large(ExemplarFilter):
        def should_sample(self, value, time_unix_nano, attributes, context):
            seen.append((value, attributes, context))
            return value > 1

    choose, context = chooser(Large()), context_of()
    assert choose(1, {"a": "b"}, context) is None
    assert choose(2, {"a": "b"}, context)[0] == 2
    choose(3, None, None)
    assert seen == [(1, {"a": "b"}, context), (2, {"a": "b"}, context), (3, None, get_current())]


def test_without_a_span_an_exemplar_has_no_ids():
    """always_on offers every record."""
    reservoir = OneOfAll()
    reservoir.keep(chooser(AlwaysOnExemplarFilter())(3, {"a": "b"}, None))
    (exemplar,) = reservoir.collect({})
    assert (exemplar.value, exemplar.trace_id, exemplar.span_id) == (3, None, None)
    assert exemplar.filtered_attributes == {"a": "b"}


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_keeps_the_last_record_of_each_bucket(values):
    """There is one exemplar per bucket that was recorded into, in the order of the buckets, and then none."""
    boundaries = (0, 1, 10)
    reservoir = LastPerBucket(boundaries)
    for number, value in enumerate(values):
        reservoir.offer(value, number, {"a": "b", "c": "d"}, Context())
    expected = {}
    for number, value in enumerate(values):
        expected[next((i for i, bound in enumerate(boundaries) if value <= bound), len(boundaries))] = (value, number)
    found = reservoir.collect({"a": "b"})
    assert [(each.value, each.time_unix_nano) for each in found] == [expected[bucket] for bucket in sorted(expected)]
    assert all(each.filtered_attributes == {"c": "d"} for each in found)
    assert reservoir.collect({"a": "b"}) == []


def test_many_records_at_once_leave_what_they_leave_one_after_the_other():
    """The last one of each bucket that is offered at all."""
    records = [(0.5, context_of()), (5, context_of()), (5, Context()), (0.7, context_of())]
    choose = chooser(TraceBasedExemplarFilter())
    one_by_one, at_once = LastPerBucket((0, 1, 10)), LastPerBucket((0, 1, 10))
    for amount, context in records:
        offered = choose(amount, None, context)
        if offered is not None:
            one_by_one.keep(offered)
    at_once.keep_all([1, 2, 2, 1], records, choose, None)
    expected, found = one_by_one.collect({}), at_once.collect({})
    assert [(each.value, each.span_id) for each in found] == [(each.value, each.span_id) for each in expected]
    assert [each.value for each in found] == [0.7, 5]


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 3), (3, 1), (1, 0)])
def test_a_counter_keeps_each_of_many_records_with_the_same_chance(monkeypatch, first, second):
    """However they come together: over all that chance can choose, each one is kept equally often."""
    kept = Counter()
    for choices in product(range(first), range(first + second)):
        chances = iter([(choices[0] + 0.5) / first, (choices[1] + 0.5) / (first + second)])
        monkeypatch.setattr("agentotel.distro.cell_exemplars.random", lambda: next(chances))  # noqa: B023 - used at once
        reservoir = OneOfAll()
        reservoir.keep_all([(number, 1, None, None) for number in range(first)])
        reservoir.keep_all([(number, 1, None, None) for number in range(first, first + second)])
        kept.update(exemplar.value for exemplar in reservoir.collect({}))
    assert kept == dict.fromkeys(range(first + second), first)


@pytest.mark.parametrize(("chance", "kept"), [(0.0, 2), (0.34, 1), (0.999, 0)])
def test_a_counter_keeps_each_record_with_the_same_chance(monkeypatch, chance, kept):
    """The n-th record takes the place with the chance 1/n; after a collection it begins anew."""
    monkeypatch.setattr("agentotel.distro.cell_exemplars.random", lambda: chance)
    reservoir = OneOfAll()
    for _ in range(2):
        for number in range(3):
            reservoir.keep((number, 1, None, None))
        assert [exemplar.value for exemplar in reservoir.collect({})] == [kept]
