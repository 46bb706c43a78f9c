"""``agentotel trace``: one trace as a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agentotel.cli.filter_options import db_option, json_option, store_path
from agentotel.cli.output import console, escaped, print_json, told_plainly
from agentotel.cli.rendering import render_trace
from agentotel.local import query

if TYPE_CHECKING:
    from pathlib import Path


@click.command("trace")
@click.argument("trace_id", metavar="ID|last")
@db_option
@json_option
def command(trace_id: str, db: Path | None, *, as_json: bool) -> None:
    """Show one trace: its spans as a tree, with durations, tokens, cost and errors, and its log lines.

    ID is the trace's id or its first digits; `last` stands for the trace that was started last.

    \b
    Examples:
      agentotel trace last
      agentotel trace 4bf92f35
      agentotel trace last --json
    """  # noqa: D301 - click knows a block by its backspace
    with told_plainly():
        found = query.trace(store_path(db), trace_id)
    if found is None:
        raise click.ClickException(f"no trace {escaped(trace_id)}; `agentotel traces` lists them")
    if as_json:
        print_json(found.as_dict())
    else:
        render_trace(found, console())
