"""The versions of each library that its adapter is tested with, from the `Adapter` values: data for the CI's matrix.

``python tests/adapters/versions.py`` prints one line per environment: the adapter's name, ``oldest`` or ``newest``,
and what to install. In each of them ``tests/adapters/test_<name>.py`` is run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from agentotel.adapters.registry import ADAPTERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.model.contract import Adapter


class Environment(NamedTuple):
    """One library in one version: the requirement is what an installer understands."""

    adapter: str
    age: str
    requirement: str


def environments(adapter: Adapter) -> Iterator[Environment]:
    """Yield the oldest and the newest supported version of the adapter's library."""
    oldest = re.search(r">=\s*([\w.]+)", adapter.supports)
    assert oldest, f"{adapter.name}: {adapter.supports} has no lower bound"
    yield Environment(adapter.name, "oldest", f"{adapter.distribution}=={oldest[1]}")
    yield Environment(adapter.name, "newest", f"{adapter.distribution}{adapter.supports}")


def matrix() -> list[Environment]:
    """Return the environments of all adapters."""
    return [environment for adapter in ADAPTERS for environment in environments(adapter)]


if __name__ == "__main__":
    for line in matrix():
        print(*line)
