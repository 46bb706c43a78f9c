"""PromQL that many panels need, written once."""

from __future__ import annotations

from typing import Final

RATE: Final = "$__rate_interval"
"""Grafana's window for rates: at least four times the interval in which samples come (see the data source)."""

RANGE: Final = "$__range"
"""The time that the dashboard shows."""


def selection(metric: str, *matchers: str) -> str:
    """Return the series of the services that are chosen.

    Args:
        metric: The name of the series.
        matchers: Further conditions, such as ``status="failed"``.
    """
    return metric + "{" + ", ".join(('job=~"$job"', *matchers)) + "}"


def rate(series: str, by: str) -> str:
    """Return how fast a counter grows, per second.

    Args:
        series: From `selection`.
        by: The labels that are kept, separated by commas.
    """
    return f"sum by ({by}) (rate({series}[{RATE}]))"


def added(series: str, by: str, window: str = RANGE) -> str:
    """Return how much was added to a counter in a window.

    ``increase()`` loses the first value of a new series, which is all that a program has which runs for a second: here
    it counts, as in the recording rules (collector/prometheus/rules/requests.yml tells how).

    Args:
        series: From `selection`.
        by: The labels that are kept, separated by commas; none gives one number.
        window: Such as ``1h``.
    """
    total = f"sum by ({by})" if by else "sum"
    return (
        f"{total} (last_over_time({series}[{window}]) unless last_over_time({series}[1h] offset {window})"
        f" unless resets({series}[{window}]) > 0 or increase({series}[{window}]))"
    )


def quantile(share: float, histogram: str, by: str, *matchers: str) -> str:
    """Return a quantile of a histogram with buckets.

    Args:
        share: From 0 to 1.
        histogram: The name of the series without ``_bucket``.
        by: The labels that are kept, separated by commas.
        matchers: As in `selection`.
    """
    buckets = selection(f"{histogram}_bucket", *matchers)
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({buckets}[{RATE}])))"


def with_service(expression: str) -> str:
    """Return an expression whose series say in the label ``service`` what Jaeger and Loki call their service.

    ``job`` has the namespace before the name, where there is one; they know the name alone.

    Args:
        expression: What keeps the label ``job``.
    """
    return f'label_replace({expression}, "service", "$1", "job", "(?:.*/)?(.+)")'
