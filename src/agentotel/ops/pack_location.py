"""Where the operations pack lies: inside the installed package, or at the root of a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import AgentotelError

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPOSE_FILE: Final = "docker-compose.yml"
CONFIGURATIONS: Final = "collector"
"""The folder of everything that is no compose file."""

_INSTALLED: Final = Path(__file__).parent / "pack"
_CHECKOUT: Final = Path(__file__).parents[3]
_FOR_DEVELOPERS: Final = ("collector/versions.toml", "collector/prometheus/tests/guide")
"""How the names of files begin that only the tests of agentotel read."""
_SECRETS: Final = "secrets"
"""Folders for what the user puts there; the pack only explains them."""
_LEFT_BEHIND: Final = ("~", ".pyc", ".swp")
"""What editors and interpreters leave behind in a checkout."""


class PackError(AgentotelError):
    """The operations pack is not where it should be; the message says where that is."""


def pack() -> Path:
    """Return the folder with ``docker-compose.yml`` and ``collector/``.

    Raises:
        PackError: They are neither in the installed package nor in a checkout around it.
    """
    for root in (_INSTALLED, _CHECKOUT):
        if (root / COMPOSE_FILE).is_file() and (root / CONFIGURATIONS).is_dir():
            return root
    raise PackError(
        f"the operations pack is missing: there is no {COMPOSE_FILE} with {CONFIGURATIONS}/ in {_INSTALLED},"
        f" nor in {_CHECKOUT}; install agentotel once more"
    )


def files(root: Path) -> dict[str, Path]:
    """Return the files of the pack in `root` by their names relative to it, with ``/`` and in order."""
    found = {path.relative_to(root).as_posix(): path for path in _walk(root)}
    return {name: found[name] for name in sorted(found) if not name.startswith(_FOR_DEVELOPERS)}


def _walk(root: Path) -> Iterator[Path]:
    yield root / COMPOSE_FILE
    for path in (root / CONFIGURATIONS).rglob("*"):
        if path.is_file() and not _is_private(path.relative_to(root)):
            yield path


def _is_private(path: Path) -> bool:
    """Whether a file of a checkout is none of the pack's: left behind by a program, or a secret of its developer."""
    if any(part.startswith((".", "__pycache__")) for part in path.parts) or path.name.endswith(_LEFT_BEHIND):
        return True
    return path.parent.name == _SECRETS and path.name != "README.md"
