"""The files that are written for a user: those of the pack with the user's choices in them, and how to start it all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from agentotel.ops.host_commands import HOST_COMMANDS, host_commands
from agentotel.ops.pack_location import COMPOSE_FILE, files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentotel.ops.choices import Choices

COMPOSE_VARIABLES: Final = ".env"
"""Docker Compose reads it by itself."""
PROGRAM_VARIABLES: Final = "agentotel.env"

_SHOWN_TO_PEOPLE: Final = (
    "collector/alertmanager/", "collector/grafana/", "collector/prometheus/rules/", "collector/prometheus/tests/",
)  # fmt: skip
"""Where addresses are links for people. Elsewhere the same addresses are those at which programs reach one another."""
_LINKS: Final = {
    "http://127.0.0.1:3000": "grafana_url",
    "http://127.0.0.1:9090": "prometheus_url",
    "http://127.0.0.1:9093": "alertmanager_url",
    "http://127.0.0.1:16686": "jaeger_url",
}
_ASKING_BY_NAME: Final = re.compile(r"collector/(?:prometheus/[^/]+\.yml|grafana/provisioning/.+)")
"""Files without variables, in which programs are named as compose names them."""
_NAMED_PROGRAM: Final = re.compile(rb"\b(?:collector|jaeger|prometheus|alertmanager|loki|grafana)(:[0-9]{4,5})\b")
_VARIABLES: Final = {
    "AGENTOTEL_BIND": "bind",
    "AGENTOTEL_RETENTION": "retention",
    "AGENTOTEL_LOG_RETENTION": "log_retention",
    "AGENTOTEL_TRACE_RETENTION": "trace_retention",
    "GRAFANA_URL": "grafana_url",
    "JAEGER_URL": "jaeger_url",
    "PROMETHEUS_URL": "prometheus_url",
    "ALERTMANAGER_URL": "alertmanager_url",
}
"""The variables of the compose file that a choice sets. It may have others: those keep their defaults."""
_VERSION: Final = "AGENTOTEL_VERSION"
"""Containers of ours are built from a checkout, unless this names a version: an export has no checkout around it."""
_VARIABLE: Final = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*):?-([^${}]*)\}")
_ENDPOINTS: Final = {"http/protobuf": "http://127.0.0.1:4318", "grpc": "http://127.0.0.1:4317"}

_COMPOSE_HEADING: Final = """\
# Variables of docker-compose.yml, written by `agentotel ops export`. Those that stand behind a # have the value that
# is shown there.
"""
_PROGRAM_HEADING: Final = """\
# The environment of the programs that are to be observed, written by `agentotel ops export`:
#   set -a; . ./agentotel.env; set +a; opentelemetry-instrument python my_agent.py
# or `docker run --env-file agentotel.env`, or systemd's EnvironmentFile=.
"""


class File(NamedTuple):
    """One file as it is written.

    Attributes:
        content: Its bytes.
        executable: Whether it is a program.
    """

    content: bytes
    executable: bool = False


def render(root: Path, choices: Choices, version: str) -> dict[str, File]:
    """Return all files that are written, by their names relative to the folder that they are written to.

    Args:
        root: The folder of the pack.
        choices: What the user has chosen.
        version: The version of agentotel that is installed: containers get the same one.
    """
    rendered = {
        name: File(_adapted(name, path.read_bytes(), choices), bool(path.stat().st_mode & 0o100))
        for name, path in files(root).items()
    }
    compose = rendered[COMPOSE_FILE].content.decode()
    rendered[COMPOSE_VARIABLES] = File(compose_variables(compose, choices, version).encode())
    rendered[PROGRAM_VARIABLES] = File(program_variables(choices).encode())
    if choices.layout == "host":
        rendered[HOST_COMMANDS] = File(host_commands(choices).encode())
    return {name: rendered[name] for name in sorted(rendered)}


def compose_variables(compose: str, choices: Choices, version: str) -> str:
    """Return the file of variables for a compose file: what was chosen, and what else it offers as comments."""
    made = choices.made()
    values = {name: made[choice] for name, choice in _VARIABLES.items() if choice in made} | {_VERSION: version}
    defaults = dict(_VARIABLE.findall(compose))
    lines = [
        f"{name}={values[name]}" if name in values else f"# {name}={default}"
        for name, default in sorted(defaults.items())
    ]
    return _COMPOSE_HEADING + "".join(f"{line}\n" for line in lines)


def program_variables(choices: Choices) -> str:
    """Return the environment of programs that send to this Collector."""
    protocol = choices.protocol or "http/protobuf"
    lines = [
        f"OTEL_EXPORTER_OTLP_ENDPOINT={choices.endpoint or _ENDPOINTS[protocol]}",
        f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol}",
        f"OTEL_SERVICE_NAME={choices.service_name}" if choices.service_name else
        "# The name of the program, unless it is given here:\n# OTEL_SERVICE_NAME=my-service",
    ]  # fmt: skip
    return _PROGRAM_HEADING + "".join(f"{line}\n" for line in lines)


def without_effect(root: Path, choices: Choices) -> Iterator[str]:
    """Yield the names of choices that nothing in this pack depends on."""
    texts = {name: path.read_bytes() for name, path in files(root).items()}
    offered = {_VARIABLES.get(name) for name, _ in _VARIABLE.findall(texts[COMPOSE_FILE].decode())}
    linked = {
        choice
        for link, choice in _LINKS.items()
        if any(name.startswith(_SHOWN_TO_PEOPLE) and link.encode() in text for name, text in texts.items())
    }
    always = {"layout", "service_name", "endpoint", "protocol"}
    yield from (name for name in choices.made() if name not in offered | linked | always)


def _adapted(name: str, content: bytes, choices: Choices) -> bytes:
    if choices.layout == "host" and _ASKING_BY_NAME.fullmatch(name):
        content = _NAMED_PROGRAM.sub(rb"127.0.0.1\1", content)
    made = choices.made() if name.startswith(_SHOWN_TO_PEOPLE) else {}
    for link, choice in _LINKS.items():
        if choice in made:
            # Not before another digit: :3000 is no part of :30001.
            content = re.sub(re.escape(link).encode() + rb"(?![0-9])", made[choice].encode(), content)
    return content
