"""Fixtures that start backends once for all tests of a run."""

from __future__ import annotations

import pytest

from backend_programs.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    """All backends, running; tests share them, so each uses a service name of its own."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
