"""The options that all commands over the store share."""

from __future__ import annotations

from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from agentotel.cli.output import settings
from agentotel.local.filters import SINCE, Filters

if TYPE_CHECKING:
    from collections.abc import Callable


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else float(SINCE.cast(value))
    except ValueError:
        raise click.BadParameter(f"{value!r}: expected {SINCE.expected}") from None


def _pairs(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        key, equals, expected = value.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{value!r}: expected KEY=VALUE")
        pairs.append((key, expected))
    return tuple(pairs)


_TEXTS: Final = {
    "service": "Name of the service.",
    "agent": "Name of the agent.",
    "user": "Id of the user.",
    "tenant": "Id of the tenant.",
    "session": "Id of the session.",
    "request": "Id of the request.",
    "model": "Name of the model.",
    "tool": "Name of the tool.",
}

db_option = click.option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The store; by default AGENTOTEL_DB, else a file in your state folder.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def filter_options(limit: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``--db``, ``--json`` and the filters; it is called with `db`, `as_json` and `filters`.

    Args:
        limit: The default of ``--limit``.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def command(db: Path | None, as_json: bool, **given: Any) -> None:  # noqa: FBT001 - click passes it by name
            since = given.pop("since")
            function(db=store_path(db), as_json=as_json, filters=Filters(since_s=since, **given))

        decorated = command
        for option in reversed(_options(limit)):
            decorated = option(decorated)
        return decorated

    return decorate


def store_path(db: Path | None) -> Path:
    """Return the store to use: what was given, else what the settings say."""
    return settings().db if db is None else db


def _options(limit: int) -> list[Callable[[Callable[..., None]], Callable[..., None]]]:
    return [
        db_option,
        click.option(
            "--since", callback=_seconds, metavar="DURATION", help="Only what is not older, such as 30s, 15m, 1h, 7d."
        ),
        *(click.option(f"--{name}", help=text) for name, text in _TEXTS.items()),
        click.option("--error", is_flag=True, help="Only what failed."),
        click.option(
            "--where",
            callback=_pairs,
            metavar="KEY=VALUE",
            multiple=True,
            help="An attribute and its value; may be repeated.",
        ),
        click.option("--limit", type=click.IntRange(min=1, max=1_000_000), default=limit, show_default=True),
        json_option,
    ]
