"""The shipped files, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "collector" / "prometheus"


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where Prometheus' files stand."""
    return FOLDER


def _rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((FOLDER / "rules").glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


@pytest.fixture(scope="session")
def rules() -> list[dict[str, Any]]:
    """All rules that are shipped."""
    return _rules()


@pytest.fixture(scope="session")
def alerts(rules) -> list[dict[str, Any]]:
    """The rules that alert."""
    return [rule for rule in rules if "alert" in rule]
