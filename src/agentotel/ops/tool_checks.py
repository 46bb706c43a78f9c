"""Lets Prometheus, Alertmanager, Jaeger and Loki read their files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from agentotel.ops.kinds import Kind
from agentotel.ops.programs import Program
from agentotel.ops.results import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.ops.folder import Folder
    from agentotel.ops.programs import Programs

_PROMTOOL: Final = Program("promtool", ("promtool",), "the releases of Prometheus 3 have it", oldest=3)
_AMTOOL: Final = Program("amtool", ("amtool",), "the releases of Alertmanager have it")
_JAEGER: Final = Program("jaeger", ("jaeger",), "the releases of Jaeger 2 have it")
_LOKI: Final = Program("loki", ("loki",), "the releases of Loki have it")


class _Reading(NamedTuple):
    """How a program reads files of one kind: the file follows the arguments, without a space if they end in ``=``."""

    kind: Kind
    program: Program
    arguments: tuple[str, ...]


_READINGS: Final = (
    _Reading(Kind.PROMETHEUS, _PROMTOOL, ("check", "config")),
    _Reading(Kind.RULES, _PROMTOOL, ("check", "rules")),
    _Reading(Kind.RULE_TESTS, _PROMTOOL, ("test", "rules")),
    _Reading(Kind.ALERTMANAGER, _AMTOOL, ("check-config",)),
    _Reading(Kind.JAEGER, _JAEGER, ("validate", "--config=")),
    _Reading(Kind.LOKI, _LOKI, ("-verify-config", "-config.expand-env=true", "-config.file=")),
)


def checks(folder: Folder, programs: Programs) -> Iterator[Check]:
    """Yield a check for each file that a program reads."""
    for reading in _READINGS:
        tool = " ".join([reading.program.name, *(word for word in reading.arguments if not word.startswith("-"))])
        for name in folder.of(reading.kind):
            yield Check(name, tool, partial(_read, folder, programs, reading, name))


def _read(folder: Folder, programs: Programs, reading: _Reading, name: str) -> Outcome:
    path = programs.usable(reading.program)
    if isinstance(path, Outcome):
        return path
    file, arguments = str(folder.path / name), list(reading.arguments)
    command = [*arguments[:-1], arguments[-1] + file] if arguments[-1].endswith("=") else [*arguments, file]
    # A test of rules names its rules relative to itself, and templates are meant likewise.
    return programs.run([path, *command], (folder.path / name).parent).outcome
