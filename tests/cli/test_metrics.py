"""``agentotel metrics``."""

from __future__ import annotations

import json

import pytest

from agentotel.cli import metrics


def test_a_histogram_has_count_sum_and_mean(call, filled_store):
    """For people and for programs."""
    assert "count 4, sum 6, mean 1.5" in call(metrics.command, "--db", filled_store).stdout
    (series,) = json.loads(call(metrics.command, "--db", filled_store, "--json").stdout)
    assert (series["name"], series["count"], series["sum"], series["unit"]) == ("agent.chat.latency", 4, 6.0, "s")


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ({"value": 3}, "3"),
        ({"value": 0.25}, "0.25"),
        ({"value": None}, "none"),
        ({"count": 0, "sum": 0.0}, "count 0"),
        ({"count": 2}, "count 2"),
        ({"value": float("nan")}, "nan"),
    ],
)
def test_values_of_all_kinds(point, expected):
    """Whatever a point holds can be shown."""
    assert metrics._value(point) == expected
