"""Reads the files that hold settings: ``agentotel.toml``, and ``[tool.agentotel]`` of ``pyproject.toml``."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

OWN_FILE: Final = "agentotel.toml"
PROJECT_FILE: Final = "pyproject.toml"

_MAX_BYTES: Final = 4 * 1024 * 1024
_MENTIONS_TABLE: Final = rb"(?m)tool\W{1,20}agentotel|^\s*\[\s*tool\s*\]|^\s*tool\s*="


class SettingsFile(NamedTuple):
    """One file in which settings were looked for.

    Attributes:
        path: Where it lies.
        values: What stands in it for agentotel, by the keys of the file.
        error: Why it could not be read, as a phrase with the line; None when all is well.
    """

    path: Path
    values: Mapping[str, Any]
    error: str | None = None


def settings_files(directory: Path) -> tuple[SettingsFile, ...]:
    """Read the files that apply to a program started in `directory`, those with precedence first.

    Both are looked for there and in its parents, up to the first directory that is the root of a project:
    it has a ``.git`` or a ``pyproject.toml``.
    """
    own: Path | None = None
    for folder in (directory, *directory.parents):
        own = own or _existing(folder / OWN_FILE)
        project = _existing(folder / PROJECT_FILE)
        if project or (folder / ".git").exists():
            break
    return tuple(_read(own, project))


def _existing(path: Path) -> Path | None:
    try:
        return path if path.is_file() else None
    except OSError:  # Python < 3.14 raises for a folder that may not be entered
        return None


def _read(own: Path | None, project: Path | None) -> Iterator[SettingsFile]:
    if own:
        yield _parsed(own, ())
    if project:
        yield _parsed(project, ("tool", "agentotel"))


def _parsed(path: Path, table: tuple[str, ...]) -> SettingsFile:
    try:
        content = path.read_bytes()
        if table and not re.search(_MENTIONS_TABLE, content):
            return SettingsFile(path, {})  # parsing is slow, and most projects say nothing about agentotel
        if len(content) > _MAX_BYTES:
            return SettingsFile(path, {}, f"at most {_MAX_BYTES} bytes, not {len(content)}")
        return SettingsFile(path, _table(_toml(content), table))
    except RecursionError:
        return SettingsFile(path, {}, "TOML that is not nested as deeply")
    except (OSError, ValueError) as error:
        return SettingsFile(path, {}, f"readable TOML ({error})")


def _toml(content: bytes) -> dict[str, Any]:
    # Only programs that have such a file pay for the parser.
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:
        import tomli as tomllib  # noqa: PLC0415
    parsed: dict[str, Any] = tomllib.loads(content.decode())
    return parsed


def _table(document: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any]:
    values: Any = document
    for key in keys:
        values = values.get(key, {})
        if not isinstance(values, dict):
            raise ValueError(f"{'.'.join(keys)} is not a table")  # noqa: TRY004 - it is the user's file that is wrong
    return values  # type: ignore[no-any-return]
