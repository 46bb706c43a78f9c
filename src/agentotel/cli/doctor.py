"""``agentotel doctor``: what works here, what does not, and why."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.text import Text

from agentotel.cli.output import escaped
from agentotel.diagnostics.doctor import diagnose

if TYPE_CHECKING:
    from agentotel.diagnostics.findings import Finding

_SIGNS: Final = {"ok": ("ok", "green"), "info": ("--", "dim"), "warning": ("!!", "yellow"), "error": ("XX", "red")}


@click.command(
    epilog="""\b
Examples:
  agentotel doctor
  agentotel doctor --json | jq '.[] | select(.status == "error")'"""
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of findings.")
def command(*, as_json: bool) -> None:
    """Check settings, launcher, adapters, other instrumentors and destinations.

    Ends with status 1 if something that was asked for does not work.
    """
    if as_json:
        findings = list(diagnose())
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        findings = _printed(Console(highlight=False, soft_wrap=True))
    if any(finding.status == "error" for finding in findings):
        sys.exit(1)


def _printed(console: Console) -> list[Finding]:
    findings: list[Finding] = []
    section = None
    for finding in diagnose():
        if finding.section != section:
            section = finding.section
            console.print(Text(section, style="bold"))
        sign, style = _SIGNS[finding.status]
        console.print(Text.assemble("  ", (sign, style), escaped(f" {finding.subject}: {finding.detail}")))
        findings.append(finding)
    return findings
