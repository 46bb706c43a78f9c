"""The short way to the SDK's aggregations: there or not."""

from __future__ import annotations

from functools import partial

import pytest
from opentelemetry.sdk.metrics import (
    AlwaysOnExemplarFilter,
    Histogram,
    MeterProvider,
    SimpleFixedSizeExemplarReservoir,
)
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)

from agentotel.distro.cell_aggregations import readers_of, short_ways

LABELS = {"model": "a", "type": "input"}


def recorded(views=(), readers=None, labels=LABELS):
    """Return an instrument of the SDK that has recorded once, and its reader."""
    readers = readers or [InMemoryMetricReader()]
    provider = MeterProvider(readers, None, AlwaysOnExemplarFilter(), shutdown_on_exit=False, views=views)
    histogram = provider.get_meter("scope").create_histogram("histogram", explicit_bucket_boundaries_advisory=[1, 2])
    histogram.record(0.5, labels)
    return histogram, readers[0]


def point_of(reader):
    """Return the one data point of a reader."""
    return reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]


def test_there_is_one_way_for_each_reader_and_view():
    """An amount reaches every stream that the SDK would feed."""
    views = [View(instrument_name="histogram", name="one"), View(instrument_name="histogram", name="two")]
    histogram, _ = recorded(views, [InMemoryMetricReader(), InMemoryMetricReader()])
    assert len(short_ways(histogram, LABELS, readers_of(histogram))) == 4


def test_what_is_dropped_needs_no_way():
    """A view that drops the instrument leaves nothing to do."""
    histogram, _ = recorded([View(instrument_name="histogram", aggregation=DropAggregation())])
    assert short_ways(histogram, LABELS, readers_of(histogram)) == ()


def test_a_view_that_removes_labels_is_followed():
    """The aggregation is found by the labels that the view has kept."""
    histogram, reader = recorded([View(instrument_name="histogram", attribute_keys={"type"})])
    (way,) = short_ways(histogram, LABELS, readers_of(histogram))
    way.add(1.5, None)
    point = point_of(reader)
    assert (point.attributes, point.bucket_counts) == ({"type": "input"}, (1, 1, 0))


class Chosen(SimpleFixedSizeExemplarReservoir):
    def __init__(self, boundaries):
        super().__init__(len(boundaries) + 1)


SDK_ONLY = {
    "another aggregation": View(instrument_name="*", aggregation=ExponentialBucketHistogramAggregation()),
    "no extremes": View(instrument_name="*", aggregation=ExplicitBucketHistogramAggregation([1], False)),
    "a chosen reservoir": View(instrument_name="*", exemplar_reservoir_factory=lambda _: Chosen),
}


@pytest.mark.parametrize("view", SDK_ONLY.values(), ids=SDK_ONLY)
def test_some_aggregations_are_left_to_the_sdk(view):
    """There is no short way to what is not laid out as the SDK's defaults."""
    histogram, _ = recorded([view])
    assert short_ways(histogram, LABELS, readers_of(histogram)) is None


def test_a_larger_reservoir_is_left_to_the_sdk():
    """Who wants three exemplars of a counter gets three."""
    views = [
        View(
            instrument_name="*", exemplar_reservoir_factory=lambda _: partial(SimpleFixedSizeExemplarReservoir, size=3)
        )
    ]
    provider = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False, views=views)
    counter = provider.get_meter("scope").create_counter("counter")
    counter.add(1, LABELS)
    assert short_ways(counter, LABELS, readers_of(counter)) is None


def test_a_reader_that_wants_other_histograms_is_left_to_the_sdk():
    """A reader's own choice of aggregation counts like a view."""
    reader = InMemoryMetricReader(preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()})
    histogram, _ = recorded(readers=[reader])
    assert short_ways(histogram, LABELS, readers_of(histogram)) is None


def test_unknown_labels_have_no_way():
    """What the SDK has never recorded, or has put into an overflow, is not found."""
    histogram, _ = recorded()
    assert short_ways(histogram, {"model": "b"}, readers_of(histogram)) is None


@pytest.mark.parametrize("name", ["_attributes_aggregation", "_view", "_lock", "_aggregation"])
def test_a_name_that_is_gone_means_no_way(name):
    """An SDK that has renamed something is called as usual."""
    histogram, _ = recorded()
    (storage,) = readers_of(histogram).values()
    (match,) = storage._instrument_view_instrument_matches[histogram]
    delattr(match, name)
    assert short_ways(histogram, LABELS, readers_of(histogram)) is None


def test_the_exemplar_of_the_first_record_is_not_lost():
    """What the SDK's own reservoir had kept is collected with the rest, in the order of the buckets."""
    histogram, reader = recorded()
    (way,) = short_ways(histogram, LABELS, readers_of(histogram))
    way.add(5, (5, 77, LABELS, None))
    exemplars = point_of(reader).exemplars
    assert [exemplar.value for exemplar in exemplars] == [0.5, 5]
    assert [exemplar.filtered_attributes for exemplar in exemplars] == [{}, {}]
    assert point_of(reader).exemplars == []


def test_all_ways_to_one_aggregation_share_its_exemplars():
    """Two cells whose labels a view folds together keep their exemplars in one place."""
    views = [View(instrument_name="histogram", attribute_keys={"model"})]
    histogram, reader = recorded(views)
    histogram.record(0.6, {"model": "a", "type": "output"})
    (one,) = short_ways(histogram, LABELS, readers_of(histogram))
    (two,) = short_ways(histogram, {"model": "a", "type": "output"}, readers_of(histogram))
    one.add(1.5, (1.5, 1, LABELS, None))
    two.add(5, (5, 2, LABELS, None))
    assert [exemplar.value for exemplar in point_of(reader).exemplars] == [0.6, 1.5, 5]
