"""``agentotel logs``: one line per log record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentotel.cli.filter_options import filter_options
from agentotel.cli.output import console, message, print_list, told_plainly
from agentotel.cli.rendering import log_line
from agentotel.local import query

if TYPE_CHECKING:
    from pathlib import Path

    from agentotel.local.filters import Filters


@click.command("logs")
@filter_options(limit=100)
def command(db: Path, filters: Filters, *, as_json: bool) -> None:
    """List log records, the latest last, each with the id of its trace.

    A record belongs to the agent, model, tool, user... of its trace where it names none itself.

    \b
    Examples:
      agentotel logs --since 15m --error
      agentotel logs --user u-17 --limit 20
      agentotel logs --session s-4 --json
    """  # noqa: D301 - click knows a block by its backspace
    with told_plainly():
        found = query.logs(db, filters)
    if as_json:
        print_list(found)
        return
    if not found:
        message("no log records match")
    terminal = console()
    for record in found:
        terminal.print(log_line(record, record.trace_id), soft_wrap=True)
