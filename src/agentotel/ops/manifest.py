"""What was written to a folder the last time: the base on which an upgrade tells the user's edits from its own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.errors import AgentotelError
from agentotel.ops.choices import Choices, from_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MANIFEST: Final = ".agentotel-ops.json"


class ManifestError(AgentotelError):
    """The manifest of a folder cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written to a folder.

    Attributes:
        version: The version of agentotel that wrote it; None where nothing was written yet.
        choices: What the user had chosen.
        checksums: The checksum of each file as it was written, by its name.
    """

    version: str | None = None
    choices: Choices = field(default_factory=Choices)
    checksums: Mapping[str, str] = field(default_factory=dict)

    def as_text(self) -> str:
        """Return it as it is stored."""
        document = {
            "version": self.version,
            "choices": self.choices.made(),
            "files": {name: self.checksums[name] for name in sorted(self.checksums)},
        }
        return json.dumps(document, indent=2) + "\n"


def checksum(content: bytes) -> str:
    """Return what a file is recognised by."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def read(folder: Path) -> Manifest:
    """Return the manifest of `folder`; an empty one where there is none.

    Raises:
        ManifestError: There is one that cannot be read.
    """
    try:
        document = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{folder / MANIFEST} cannot be read ({error}); move it away to begin anew") from error
    if not isinstance(document, dict) or not isinstance(document.get("files"), dict):
        raise ManifestError(f"{folder / MANIFEST} is no manifest of `agentotel ops export`; move it away")
    return Manifest(str(document.get("version")), from_document(document.get("choices")), _sums(document["files"]))


def _sums(written: Mapping[str, Any]) -> dict[str, str]:
    """Return the checksums of files inside the folder: a manifest must never lead out of it."""
    return {name: sum_ for name, sum_ in written.items() if isinstance(sum_, str) and _is_inside(name)}


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name
