"""Writes the operations pack to a folder, and brings it up to date without touching what the user has edited."""

from __future__ import annotations

import difflib
import os
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import AgentotelError
from agentotel.ops.manifest import MANIFEST, Manifest, checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agentotel.ops.rendering import File

_BINARY: Final = b"\0"


class ExportError(AgentotelError):
    """The folder cannot be written to; the message says why."""


class Status(Enum):
    """What becomes of one file.

    The user's version of a file stands wherever it is neither what was written last nor what would be written now.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"  # no longer part of the pack, and untouched by the user
    KEPT = "kept"  # edited, deleted or retired by one side only: the user's version stands, there is nothing to merge
    DIFFERS = "differs"  # the user and the pack have both changed it
    OVERWRITTEN = "overwritten"  # the same, with force


_WRITTEN: Final = frozenset({Status.CREATED, Status.UPDATED, Status.OVERWRITTEN})
_REASONS: Final[Mapping[Status, str]] = {
    Status.REMOVED: "no longer part of the pack",
    Status.KEPT: "your version; nothing is new in the pack's",
    Status.DIFFERS: "your version stands: merge it, or take the new one with --force",
    Status.OVERWRITTEN: "your version is gone",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one file.

    Attributes:
        file: Its name relative to the folder, with ``/``.
        status: What is done with it.
        old: What stands in the folder; None where there is no such file.
        new: What the pack has; None where it has no such file any more.
    """

    file: str
    status: Status
    old: bytes | None
    new: File | None

    def as_dict(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return {"file": self.file, "status": self.status.value, "message": self.message}

    @property
    def message(self) -> str:
        """Why it is so, where that needs to be said."""
        if self.status is Status.KEPT and self.old is None:
            return "you have deleted it; --force brings it back"
        if self.status is Status.KEPT and self.new is None:
            return "no longer part of the pack, but you have edited it"
        return _REASONS.get(self.status, "")

    def diff(self) -> str:
        """Return the way from the user's file to that of the pack, as a unified diff; empty where there is none."""
        old, new = self.old or b"", self.new.content if self.new else b""
        if old == new:
            return ""
        if _BINARY in old + new:
            return f"{self.file}: binary files differ\n"
        lines = difflib.unified_diff(
            _lines(old), _lines(new), f"{self.file} (yours)", f"{self.file} (agentotel)", lineterm=""
        )
        return "".join(f"{line}\n" for line in lines)


def plan(folder: Path, rendered: Mapping[str, File], manifest: Manifest, *, force: bool = False) -> list[Change]:
    """Return what `write` would do, file by file; nothing is changed.

    Args:
        folder: Where the user has, or wants, the pack.
        rendered: What the pack is now.
        manifest: What was written to the folder the last time.
        force: Whether the pack's version of a file goes before the user's.

    Raises:
        ExportError: Something there cannot be read.
    """
    names = sorted({*rendered, *manifest.checksums})
    changes = [_change(folder, name, rendered.get(name), manifest.checksums.get(name), force=force) for name in names]
    return [change for change in changes if change.old is not None or change.new is not None]


def write(folder: Path, changes: Iterable[Change], manifest: Manifest) -> None:
    """Do what was planned, and note it in the manifest of the folder.

    Each file is replaced as a whole, and the manifest comes last: what is interrupted can simply be repeated.

    Args:
        folder: Where the pack goes; made where it is missing.
        changes: What to do, from `plan`.
        manifest: The version and the choices to note; its checksums are taken from the changes.

    Raises:
        ExportError: Something cannot be written.
    """
    checksums = {}
    try:
        for change in changes:
            if change.status is Status.REMOVED:
                (folder / change.file).unlink()
            elif change.new is not None:
                checksums[change.file] = checksum(change.new.content)
                if change.status in _WRITTEN:
                    _replace(folder / change.file, change.new.content, executable=change.new.executable)
        noted = Manifest(manifest.version, manifest.choices, checksums)
        _replace(folder / MANIFEST, noted.as_text().encode(), executable=False)
    except OSError as error:
        raise ExportError(f"{folder} cannot be written to: {error}") from error


def _change(folder: Path, name: str, new: File | None, base: str | None, *, force: bool) -> Change:
    old = _read(folder / name)
    return Change(name, _status(old, new, base, force=force), old, new)


def _status(old: bytes | None, new: File | None, base: str | None, *, force: bool) -> Status:
    """Compare three versions of a file: the user's, the pack's, and the one that both come from."""
    if new is None:
        return Status.REMOVED if old is not None and checksum(old) == base else Status.KEPT
    if old == new.content:
        return Status.UNCHANGED
    if old is None:
        return Status.KEPT if base is not None and not force else Status.CREATED
    if checksum(old) == base:
        return Status.UPDATED
    if force:
        return Status.OVERWRITTEN
    return Status.KEPT if checksum(new.content) == base else Status.DIFFERS


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error}") from error


def _replace(path: Path, content: bytes, *, executable: bool) -> None:
    """Write a file so that it is there as a whole or not at all, readable by the users that containers run as."""
    target = path.resolve()  # a link of the user's stays one
    for folder in reversed([parent for parent in target.parents if not parent.exists()]):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o755 if executable else 0o644)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="replace").splitlines()
