"""``agentotel discover``: what of a program would be observed, and why, without running it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.table import Table

from agentotel.cli.output import cell, console, escaped, message, print_json, settings
from agentotel.patching import targets
from agentotel.patching.static_discovery import discover_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentotel.patching.static_discovery import Finding

_STYLES: Final = {"patched": "green", "tracked": "green", "skipped": "dim", "failed": "red"}


@click.command("discover")
@click.argument("path", type=click.Path(exists=True, path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of the table.")
@click.pass_context
def command(ctx: click.Context, path: Path, *, as_json: bool) -> None:
    """Tell what of a program would be observed, and why, by reading its sources.

    PATH is a file or a folder, by default the working directory. Nothing is imported or run. Classes are found by their
    names, and by AGENTOTEL_TARGETS and the targets in agentotel.toml and pyproject.toml. The status is 1 if a target
    names nothing or a file cannot be read.

    \b
    Examples:
      agentotel discover my_agent.py
      AGENTOTEL_TARGETS="agent=shop.bots:*Bot.answer" agentotel discover src
      agentotel discover --json
    """  # noqa: D301 - click knows a block by its backspace
    chosen = settings()
    wanted, errors = targets.parse(list(chosen.targets))
    for error in errors:
        message(f"agentotel: {escaped(str(error))}")
    found = discover_path(path, wanted, enabled=chosen.discover)
    if as_json:
        print_json([asdict(finding) for finding in found])
    else:
        _print_table(found)
    ctx.exit(1 if errors or any(finding.status == "failed" for finding in found) else 0)


def _print_table(found: Sequence[Finding]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "what", "name", "where", "why"):
        table.add_column(heading, no_wrap=heading != "why", overflow="fold")
    for finding in found:
        table.add_row(
            cell(finding.status, _STYLES[finding.status]),
            cell(finding.kind),
            cell(".".join(filter(None, (finding.qualname, finding.method)))),
            cell(f"{finding.file}:{finding.line}" if finding.line else finding.file),
            cell("; ".join(filter(None, (finding.why, finding.reason)))),
        )
    if found:
        console().print(table)
    message(_summary(found))


def _summary(found: Sequence[Finding]) -> str:
    counts = Counter(finding.status for finding in found)
    observed = counts["patched"] + counts["tracked"]
    rest = [f"{counts[status]} {status}" for status in ("skipped", "failed") if counts[status]]
    return ", ".join([f"{observed or 'nothing'} would be observed", *rest])
