"""``agentotel ops export``: write the operations pack, and bring it up to date."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click

from agentotel import __version__
from agentotel._base.errors import SettingError
from agentotel.cli.output import console, escaped, message, print_list, told_plainly
from agentotel.config.load import DEFAULT, load
from agentotel.ops import choices, export, manifest
from agentotel.ops.export import Status
from agentotel.ops.host_commands import HOST_COMMANDS
from agentotel.ops.pack_location import pack
from agentotel.ops.rendering import PROGRAM_VARIABLES, render, without_effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentotel.config.load import Loaded
    from agentotel.ops.choices import Choices
    from agentotel.ops.export import Change

_SIGNS: Final = {
    Status.CREATED: "green", Status.UPDATED: "green", Status.OVERWRITTEN: "yellow", Status.REMOVED: "green",
    Status.KEPT: "yellow", Status.DIFFERS: "red", Status.UNCHANGED: "dim",
}  # fmt: skip


@click.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--layout", metavar="LAYOUT", help="compose (the default), or host: all programs without Docker.")
@click.option("--service-name", metavar="NAME", help="What the programs are called in all telemetry.")
@click.option("--endpoint", metavar="URL", help="Where programs reach the Collector.")
@click.option("--protocol", metavar="PROTOCOL", help="How they speak to it: http/protobuf or grpc.")
@click.option("--bind", metavar="ADDRESS", help="The address of this host on which compose publishes its ports.")
@click.option("--retention", metavar="DURATION", help="How long Prometheus keeps metrics, such as 15d.")
@click.option("--log-retention", metavar="DURATION", help="How long Loki keeps logs, such as 168h.")
@click.option("--trace-retention", metavar="DURATION", help="How long Jaeger keeps traces, such as 7d.")
@click.option("--grafana-url", metavar="URL", help="Where people reach Grafana: links in alerts lead there.")
@click.option("--jaeger-url", metavar="URL", help="The same for Jaeger.")
@click.option("--prometheus-url", metavar="URL", help="The same for Prometheus.")
@click.option("--alertmanager-url", metavar="URL", help="The same for Alertmanager.")
@click.option("--diff", "only_diff", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--force", is_flag=True, help="Overwrite what you have edited, too.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects, one per file.")
@click.pass_context
def command(
    ctx: click.Context, /, folder: Path, *, only_diff: bool, force: bool, as_json: bool, **options: str | None
) -> None:
    """Write everything that real backends need into FOLDER, or bring it up to date.

    What an earlier export was told holds until an option says otherwise; then come OTEL_SERVICE_NAME,
    OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_PROTOCOL. Files that you have edited are never overwritten
    without --force. The status is 1 if a file of yours differs from what would be written.

    \b
    Examples:
      agentotel ops export ops
      agentotel ops export ops --service-name shop --retention 30d
      agentotel ops export ops --bind 0.0.0.0 --endpoint http://telemetry.example:4318
      agentotel ops export ops --diff     # after an upgrade of agentotel
    """  # noqa: D301 - click knows a block by its backspace
    loaded = load()
    with told_plainly():
        root, before = pack(), manifest.read(folder)
        chosen = _asked(options).or_else(before.choices).or_else(_from_settings(loaded))
        changes = export.plan(folder, render(root, chosen, __version__), before, force=force)
        blocked = _blocked(changes, before)
        if not only_diff and not blocked:
            export.write(folder, changes, manifest.Manifest(__version__, _asked(options).or_else(before.choices)))
    _show(changes, only_diff=only_diff, as_json=as_json)
    for warning in (*_warnings(chosen, loaded), *_without_effect(root, chosen)):
        message(f"agentotel: {warning}")
    if not as_json:
        message(_summary(folder, changes, only_diff=only_diff, blocked=blocked))
        if not only_diff and not blocked:
            message(_what_next(folder, chosen))
    ctx.exit(1 if _differing(changes, only_diff=only_diff) else 0)


def _asked(options: dict[str, str | None]) -> Choices:
    try:
        return choices.validated(options)
    except SettingError as error:
        raise click.UsageError(escaped(str(error))) from error


def _from_settings(loaded: Loaded) -> Choices:
    """Return what the settings say; what cannot stand in the files is left to the environment of each program."""
    names = {"service_name": "OTEL_SERVICE_NAME", "endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT"}
    found: dict[str, Any] = {}
    for choice, name in names.items():
        if loaded.sources[name] != DEFAULT:
            found |= _usable(choice, name, loaded.shown[name])
    if loaded.sources["otlp_protocol"] != DEFAULT:
        found["protocol"] = loaded.settings.otlp_protocol
    return choices.Choices(**found)


def _usable(choice: str, name: str, text: str) -> dict[str, str]:
    try:
        return {choice: choices.checked(choice, text)}
    except SettingError as error:
        message(f"agentotel: {name} is not written to {PROGRAM_VARIABLES}: expected {error.expected}")
        return {}


def _blocked(changes: Sequence[Change], before: manifest.Manifest) -> bool:
    """Whether nothing may be written: the folder has files of these names that did not come from here."""
    return before.version is None and any(change.status is Status.DIFFERS for change in changes)


def _differing(changes: Sequence[Change], *, only_diff: bool) -> bool:
    if only_diff:
        return any(change.status not in {Status.UNCHANGED, Status.KEPT} for change in changes)
    return any(change.status is Status.DIFFERS for change in changes)


def _show(changes: Sequence[Change], *, only_diff: bool, as_json: bool) -> None:
    if as_json:
        print_list(changes)
    elif only_diff:
        for line in "".join(change.diff() for change in changes).splitlines():
            click.echo(escaped(line.replace("\t", "    ")))
    else:
        output = console()
        for change in changes:
            if change.status is not Status.UNCHANGED:
                why = f"  ({change.message})" if change.message else ""
                output.print(f"{change.status.value:<11} {escaped(change.file)}{why}", style=_SIGNS[change.status])


def _warnings(chosen: Choices, loaded: Loaded) -> Iterator[str]:
    if "agent" not in loaded.settings.metric_families:
        yield "AGENTOTEL_METRICS leaves out `agent`: most rules and dashboards need these metrics"
    published = chosen.bind is not None and not choices.is_loopback(chosen.bind)
    if published:
        yield f"nothing asks for a password: whoever reaches {chosen.bind} can read, and write, all telemetry"
    if published and chosen.grafana_url is None:
        yield "links in alerts lead to 127.0.0.1; give --grafana-url, --jaeger-url and --prometheus-url"
    host = urlsplit(chosen.endpoint or "").hostname
    if host and not choices.is_loopback(host) and not published:
        yield f"if the Collector at {host} is the one of this compose file: it listens on 127.0.0.1 only, see --bind"


def _without_effect(root: Path, chosen: Choices) -> Iterator[str]:
    for name in without_effect(root, chosen):
        yield f"--{name.replace('_', '-')} changes nothing in this pack"


def _summary(folder: Path, changes: Sequence[Change], *, only_diff: bool, blocked: bool) -> str:
    shown = shlex.quote(str(folder))
    counts = Counter(change.status for change in changes)
    summary = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
    if only_diff:
        return f"{summary}; nothing was written"
    if blocked:
        return (
            f"{summary}; nothing was written: {shown} has files of these names that agentotel did not write.\n"
            f"See them with --diff, take another folder, or overwrite them with --force."
        )
    return summary


def _what_next(folder: Path, chosen: Choices) -> str:
    shown = shlex.quote(str(folder))
    compose = f"(cd {shown} && docker compose up --detach)", "start it: Grafana is at http://127.0.0.1:3000"
    by_hand = f"cat {shown}/{HOST_COMMANDS}", "how each program is started: not by compose, whose names are not used"
    start, why_start = by_hand if chosen.layout == "host" else compose
    steps = {
        f"agentotel ops check {shown}": "check it with the programs that are found",
        start: why_start,
        f"set -a; . {shown}/{PROGRAM_VARIABLES}; set +a": "tell your programs where to send",
        "opentelemetry-instrument python my_agent.py": "run them",
    }
    width = max(map(len, steps))
    return "\n".join(["", "What next:", *(f"  {step:{width}}  {why}" for step, why in steps.items())])
