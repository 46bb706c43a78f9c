"""The shipped files, with nothing but their addresses changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

OPERATIONS = CHECKOUT / "collector"
"""The folder of the operations pack in the checkout."""


def rewired(source: Path, target: Path, replacements: dict[str, str]) -> Path:
    """Copy a file with some texts replaced, and return the copy.

    Args:
        source: The shipped file.
        target: Where the copy goes.
        replacements: Old text to new text, such as ``{"jaeger:4317": "127.0.0.1:53211"}``.

    Raises:
        AssertionError: The file does not hold one of the old texts: it has changed, and the test would lie.
    """
    text = source.read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert old in text, f"{source} does not hold {old!r}"
        text = text.replace(old, new)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
