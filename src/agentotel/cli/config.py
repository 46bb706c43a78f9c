"""``agentotel config``: every setting, its value, and where it comes from."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agentotel.cli.output import escaped, message, print_json
from agentotel.config.load import DEFAULT, Loaded, load
from agentotel.config.variables import VARIABLES
from agentotel.patching import targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentotel.config.variable import Variable


class _Wrong(NamedTuple):
    """What is wrong with one setting; `key` is None where the setting is none of ours."""

    key: str | None
    setting: str
    source: str
    text: str


@click.command("config")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects instead of the table.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show every setting, its value and where it comes from.

    Looks at the environment, at agentotel.toml and at pyproject.toml, as a program would that is started here. Secrets
    are masked. The status is 1 if a setting cannot be used.

    \b
    Examples:
      agentotel config
      AGENTOTEL_RETENTION_AGE=30d agentotel config
      agentotel config --json
    """  # noqa: D301 - click knows a block by its backspace
    loaded = load()
    wrong = [*_wrong_settings(loaded), *_wrong_targets(loaded)]
    if as_json:
        print_json([*_settings_as_json(loaded, wrong), *_unknown_as_json(wrong)])
    else:
        _print_table(loaded)
        for one in wrong:
            message(f"{click.style('error:', fg='red')} {escaped(one.text)}")
    ctx.exit(1 if wrong else 0)


def _wrong_settings(loaded: Loaded) -> list[_Wrong]:
    return [_Wrong(problem.key, problem.setting, problem.source, str(problem)) for problem in loaded.problems]


def _wrong_targets(loaded: Loaded) -> list[_Wrong]:
    """Parse the targets as a start of the program would: the loader leaves them as they were written."""
    _, errors = targets.parse(list(loaded.settings.targets))
    return [_Wrong("targets", "AGENTOTEL_TARGETS", loaded.sources["targets"], str(error)) for error in errors]


def _print_table(loaded: Loaded) -> None:
    for section, group in groupby(VARIABLES, lambda variable: variable.section):
        variables = list(group)
        width = max(len(variable.name) for variable in variables)
        click.secho(section, bold=True)
        for variable in variables:
            source = loaded.sources[variable.key]
            line = f"  {variable.name:{width}}  {loaded.shown[variable.key] or '-'}  ({escaped(source)})"
            click.secho(line, dim=source == DEFAULT)
        click.echo()


def _settings_as_json(loaded: Loaded, wrong: Sequence[_Wrong]) -> list[dict[str, Any]]:
    return [
        {
            "setting": variable.name,
            "value": _value(loaded, variable),
            "source": loaded.sources[variable.key],
            "default": variable.default or None,
            "section": variable.section,
            "description": variable.description,
            "problems": [one.text for one in wrong if one.key == variable.key],
        }
        for variable in VARIABLES
    ]


def _unknown_as_json(wrong: Sequence[_Wrong]) -> list[dict[str, Any]]:
    return [
        {
            "setting": one.setting,
            "value": None,
            "source": one.source,
            "default": None,
            "section": None,
            "description": None,
            "problems": [one.text],
        }
        for one in wrong
        if one.key is None
    ]


def _value(loaded: Loaded, variable: Variable) -> object:
    """Return the value as JSON has it; what the SDK reads by itself as the (masked) text that it reads."""
    if variable.field is None:
        return loaded.shown[variable.key] or None
    value = getattr(loaded.settings, variable.field)
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value) if isinstance(value, Path) else value
