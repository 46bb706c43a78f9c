"""The command line: one file per command, loaded only when it is called, so that ``agentotel --help`` is fast.

Results go to stdout and messages to stderr. The status is 0, or 1 for not found or failed, or 2 for wrong use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from agentotel import __version__
from agentotel._base.errors import AgentotelError, printable

COMMANDS: Final = {
    "local": "Run the embedded backend.",
    "demo": "Run the demo agent and show its trace.",
    "traces": "List traces.",
    "trace": "Show one trace as a tree.",
    "logs": "List log records.",
    "metrics": "List metrics.",
    "ops": "Write and check the files for real backends.",
    "discover": "Tell what of a program would be observed, and why.",
    "config": "Show all settings and where they come from.",
    "doctor": "Check this installation and say what is wrong.",
}
"""Each command with what the overview says about it: a module of this package that has a `command`."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the names of all commands, in the order of the overview."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"agentotel.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the overview without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that agentotel raises on purpose becomes a message and status 1."""
        try:
            return super().invoke(ctx)
        except AgentotelError as error:
            raise click.ClickException(printable(error, 1000)) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="agentotel")
def main() -> None:
    """See what AI agents do: their traces, metrics and logs.

    Launch your own program with `opentelemetry-instrument python my_agent.py`.

    \b
    Examples:
      agentotel local                  # receive telemetry and keep it in a file
      agentotel trace last             # what did the agent just do?
      agentotel discover my_agent.py   # what would be observed?
    """  # noqa: D301 - click knows a block by its backspace
