"""Puts what was measured into the documentation, so that no figure there is typed by hand."""

from __future__ import annotations

import platform
import re
import sys
from datetime import datetime, timezone
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PACKAGES: Final = ("agentotel", "opentelemetry-sdk", "openai", "wrapt")


def versions() -> dict[str, str]:
    """Return the versions of what the figures depend on."""
    installed = {distribution.name: distribution.version for distribution in distributions()}
    return {"python": platform.python_version()} | {name: installed.get(name, "not installed") for name in _PACKAGES}


def circumstances() -> str:
    """Return when, with which versions and on what the figures were measured, as a sentence."""
    listed = ", ".join(f"{name} {number}" for name, number in versions().items())
    today = datetime.now(timezone.utc).date()
    return f"Measured on {today} with {listed}, on {sys.platform} {platform.machine()}."


def insert(page: Path, block: str, lines: Iterable[str]) -> None:
    """Replace what stands between ``<!-- bench: BLOCK -->`` and ``<!-- /bench -->`` in `page`.

    Raises:
        ValueError: The page has no such place.
    """
    pattern = re.compile(rf"(<!-- bench: {re.escape(block)} -->\n).*?(<!-- /bench -->)", re.DOTALL)
    text = page.read_text(encoding="utf-8")
    content = "\n".join([circumstances(), "", *lines, ""])
    new, places = pattern.subn(lambda found: f"{found[1]}{content}{found[2]}", text)
    if places != 1:
        raise ValueError(f"{page} has {places} places for {block!r}; expected one <!-- bench: {block} -->")
    page.write_text(new, encoding="utf-8")
