"""Where the programs stand that `scripts/backends` has built."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def binary(name: str) -> Path:
    """Return the path of a program; without it the test is skipped, which is an error in CI.

    Args:
        name: otelcol, jaeger, prometheus, promtool, loki, alertmanager, amtool, kafka, or prometheus2 and promtool2 of
            Debian.
    """
    path = _folder() / name
    if not path.exists():
        pytest.skip(f"{name} is not built: scripts/test --backends builds it (needs Go)")
    return path


@functools.cache
def _folder() -> Path:
    command = [sys.executable, str(CHECKOUT / "scripts" / "backends"), "--where"]
    return Path(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
