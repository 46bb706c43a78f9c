"""``agentotel traces``: one line per trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table

from agentotel.cli.filter_options import filter_options
from agentotel.cli.output import cell, console, message, print_list, told_plainly
from agentotel.cli.rendering import duration, money
from agentotel.local import query
from agentotel.local.records import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

    from agentotel.local.filters import Filters
    from agentotel.local.trace import TraceSummary


@click.command("traces")
@filter_options(limit=20)
def command(db: Path, filters: Filters, *, as_json: bool) -> None:
    """List traces, the latest first.

    A trace is listed when every filter holds for at least one of its spans.

    \b
    Examples:
      agentotel traces --since 1h
      agentotel traces --agent support --error
      agentotel traces --tenant acme --where agent.template=v2 --json
    """  # noqa: D301 - click knows a block by its backspace
    with told_plainly():
        found = query.traces(db, filters)
    if as_json:
        print_list(found)
    elif found:
        console().print(_table(found))
    else:
        message("no traces match")


def _table(found: list[TraceSummary]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("trace", "name", "agent", "start"):
        table.add_column(heading, no_wrap=heading != "name")
    for heading in ("duration", "in", "out", "cost", "spans"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("error")
    for trace in found:
        table.add_row(
            trace.trace_id,
            cell(trace.name),
            cell(trace.agent),
            rfc3339(trace.start_ns)[:19] + "Z",
            duration(trace.duration_s),
            str(trace.input_tokens),
            str(trace.output_tokens),
            money(trace.cost, trace.currency),
            str(trace.spans),
            cell("error" if trace.error else "", "red"),
        )
    return table
