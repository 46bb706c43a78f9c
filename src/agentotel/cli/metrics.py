"""``agentotel metrics``: the latest value of each series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from agentotel.cli.filter_options import filter_options
from agentotel.cli.output import cell, console, message, print_list, told_plainly
from agentotel.local import query
from agentotel.local.records import rfc3339
from agentotel.local.values import shown

if TYPE_CHECKING:
    from pathlib import Path

    from agentotel.local.filters import Filters
    from agentotel.local.records import MetricSeries


@click.command("metrics")
@filter_options(limit=500)
def command(db: Path, filters: Filters, *, as_json: bool) -> None:
    """List metrics: every series with its latest value, histograms with count, sum and mean.

    \b
    Examples:
      agentotel metrics --agent support
      agentotel metrics --where type=input --model gpt-4o
      agentotel metrics --since 5m --json
    """  # noqa: D301 - click knows a block by its backspace
    with told_plainly():
        found = query.metrics(db, filters)
    if as_json:
        print_list(found)
    elif found:
        console().print(_table(found))
    else:
        message("no metrics match")


def _table(found: list[MetricSeries]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric")
    table.add_column("attributes")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("time", no_wrap=True)
    for series in found:
        attributes = ", ".join(f"{key}={shown(value)}" for key, value in series.attributes.items())
        table.add_row(
            cell(series.name),
            cell(attributes),
            cell(_value(series.point)),
            cell(series.unit),
            rfc3339(series.time_ns)[:19] + "Z",
        )
    return table


def _value(point: dict[str, Any]) -> str:
    if "count" not in point:
        return _short(point.get("value"))
    count, total = point["count"], point.get("sum")
    if total is None or not count:
        return f"count {count}"
    return f"count {count}, sum {_short(total)}, mean {_short(total / count)}"


def _short(value: float | None) -> str:
    if value is None:
        return "none"
    return str(value) if isinstance(value, int) else f"{value:.6g}"
