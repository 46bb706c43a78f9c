"""What the tests of the command line share."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agentotel.cli import main

if TYPE_CHECKING:
    from click.testing import Result

# Before 8.2, click mixed stderr into stdout unless it was told not to.
SEPARATED = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


@pytest.fixture
def invoke():
    """Run ``agentotel ARGUMENTS`` with variables besides those of this process; stdout and stderr stay apart."""

    def run(*arguments: str, **environ: str) -> Result:
        return CliRunner(env=environ, **SEPARATED).invoke(main, arguments)

    return run
