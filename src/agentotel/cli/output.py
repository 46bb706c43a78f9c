"""How commands print: results to stdout, messages to stderr, nothing from telemetry that a terminal would obey."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.text import Text

from agentotel._base.errors import AgentotelError
from agentotel.config.load import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agentotel.config.settings import Settings

_PIPED_WIDTH: Final = 240
_LONGEST_CELL: Final = 2000


def console() -> Console:
    """Return a console on stdout: colours on a terminal only, wide enough lines where it is none."""
    result = Console(highlight=False, markup=False, emoji=False)
    if not result.is_terminal:
        result.width = _PIPED_WIDTH
    return result


def escaped(text: str) -> str:
    """Return text from telemetry as one line without control characters (or others that do not print)."""
    shown = text[:_LONGEST_CELL]
    if not shown.isprintable():
        shown = "".join(
            char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")
            for char in shown
        )
    return shown if len(text) <= _LONGEST_CELL else f"{shown}... ({len(text)} characters)"


def cell(text: str | None, style: str = "") -> Text:
    """Return text from telemetry for a table or a line: never taken for markup, control characters escaped."""
    return Text(escaped(text or ""), style=style)


def print_json(document: Any) -> None:
    """Print a result of ``--json``."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def print_list(items: Iterable[Any]) -> None:
    """Print what ``--json`` prints for a command that lists: a list of objects."""
    print_json([item.as_dict() for item in items])


def message(text: str) -> None:
    """Print a message for the user, which is no result, to stderr."""
    click.echo(text, err=True)


def settings() -> Settings:
    """Return the settings, having told the user which of them cannot be used."""
    loaded = load()
    for problem in loaded.problems:
        message(f"agentotel: {problem}")
    return loaded.settings


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn our own errors into a message on stderr and status 1."""
    try:
        yield
    except AgentotelError as error:
        raise click.ClickException(escaped(str(error))) from error
