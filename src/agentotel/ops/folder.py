"""The files of a folder that is to be checked: read once, and told apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import AgentotelError
from agentotel.ops.kinds import Kind, kind_of
from agentotel.ops.pack_location import COMPOSE_FILE, PackError, files, pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

YAML_ENDINGS: Final = (".yaml", ".yml")
JSON_ENDING: Final = ".json"
_MOST_FILES: Final = 2000
_MOST_BYTES: Final = 16 * 1024 * 1024
_SKIPPED_FOLDERS: Final = frozenset({"node_modules", "__pycache__", "secrets"})


class FolderError(AgentotelError):
    """The folder cannot be checked; the message says why."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that is to be checked.

    Attributes:
        path: The folder, absolute.
        texts: What stands in its YAML and JSON files, by their names relative to it, in order.
        unreadable: Why other files of that kind could not be read.
        originals: What the files of the pack are for, by their names.
    """

    path: Path
    texts: Mapping[str, str]
    unreadable: Mapping[str, str]
    originals: Mapping[str, Kind] = field(default_factory=dict)

    def of(self, kind: Kind) -> list[str]:
        """Return the names of the files of one kind."""
        return [name for name, text in self.texts.items() if is_yaml(name) and self._kind(name, text) is kind]

    def dashboards(self) -> list[str]:
        """Return the names of the JSON files that are meant for Grafana."""
        return [name for name in self.texts if name.endswith(JSON_ENDING) and "dashboards" in PurePosixPath(name).parts]

    def _kind(self, name: str, text: str) -> Kind:
        """Return what a file is for: one of the pack stays what it was there, though a key of it is misspelt."""
        return self.originals.get(name) or kind_of(PurePosixPath(name).name, text)


def read(path: Path) -> Folder:
    """Read a folder.

    Raises:
        FolderError: There is nothing in it to check, or far too much.
    """
    texts: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for name in _names(path):
        _read_into(texts, unreadable, name, path / name)
    if not texts and not unreadable:
        raise FolderError(f"{path} has no YAML or JSON files; `agentotel ops export {path}` writes them")
    return Folder(path.absolute(), texts, unreadable, _originals())


def is_yaml(name: str) -> bool:
    """Whether a file is YAML, by its name."""
    return name.endswith(YAML_ENDINGS)


def _originals() -> dict[str, Kind]:
    try:
        named = files(pack())
    except PackError:
        return {}
    return {name: kind_of(path.name, path.read_text(encoding="utf-8")) for name, path in named.items() if is_yaml(name)}


def _names(path: Path) -> list[str]:
    """Return the names of the files of the pack in `path`, which may also be a project of the user's around it."""
    roots = [path / "collector"] if (path / COMPOSE_FILE).is_file() and (path / "collector").is_dir() else [path]
    beside = [] if roots == [path] else sorted(path.glob("*compose*.y*ml"))
    found = [one.relative_to(path).as_posix() for one in (*beside, *(file for root in roots for file in _walk(root)))]
    if len(found) > _MOST_FILES:
        raise FolderError(f"{path} has {len(found)} files to check: that is no operations pack")
    return found


def _walk(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        skipped = any(part.startswith(".") or part in _SKIPPED_FOLDERS for part in parts)
        if not skipped and path.name.endswith((*YAML_ENDINGS, JSON_ENDING)) and path.is_file():
            yield path


def _read_into(texts: dict[str, str], unreadable: dict[str, str], name: str, path: Path) -> None:
    try:
        texts[name] = _text(path)
    except (OSError, ValueError) as error:
        unreadable[name] = str(error)


def _text(path: Path) -> str:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"more than {_MOST_BYTES} bytes")
    return path.read_text(encoding="utf-8")
