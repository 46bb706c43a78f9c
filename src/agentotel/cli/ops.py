"""``agentotel ops``: the operations pack for real backends, written out and checked."""

from __future__ import annotations

import click

from agentotel.cli import ops_check, ops_export


@click.group("ops")
def command() -> None:
    """Write and check the operations pack: Collector, Jaeger, Prometheus, Alertmanager, Loki, Grafana.

    \b
    Examples:
      agentotel ops export ops    # everything, into the folder ops
      agentotel ops check ops     # after you have edited it
    """  # noqa: D301 - click knows a block by its backspace


command.add_command(ops_export.command)
command.add_command(ops_check.command)
