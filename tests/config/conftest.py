"""What the tests of the settings share: an environment and a project folder that hold nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the root of an empty project: no settings file above it counts."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    return root
