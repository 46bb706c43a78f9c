"""Which checks there are for a folder: the shape of its files, and the programs that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel.ops import collector_checks, compose_checks, dashboards, kustomize_checks, syntax, tool_checks
from agentotel.ops.folder import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentotel.ops.programs import Programs
    from agentotel.ops.results import Check


def checks(path: Path, programs: Programs) -> Iterator[Check]:
    """Yield everything that can be tried on a user's copy of the pack; nothing is tried yet.

    Args:
        path: The folder that the pack was written to, or a part of it.
        programs: Where the programs are found, and how long they may take.

    Raises:
        FolderError: There is nothing to check.
    """
    folder = read(path)
    yield from syntax.checks(folder)
    yield from compose_checks.checks(folder, programs)
    yield from collector_checks.checks(folder, programs)
    yield from tool_checks.checks(folder, programs)
    yield from kustomize_checks.checks(folder, programs)
    yield from dashboards.checks(folder)
