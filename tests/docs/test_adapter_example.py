"""The adapter and its test that CONTRIBUTING shows keep the contract, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = Path(__file__).parent / "library"
CONFTEST = """
import agentotel.adapters
agentotel.adapters.__path__.append({adapters!r})
"""


def example(name):
    """Return the block of CONTRIBUTING that is the file `name`."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    found = re.search(rf"^<!-- file: {name} -->\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None, name
    return found[1]


@pytest.fixture
def run(tmp_path):
    """Run the example's test on an adapter, as if both were in the checkout."""

    def start(adapter):
        adapters = tmp_path / "adapters"
        adapters.mkdir()
        (adapters / "acme.py").write_text(adapter, encoding="utf-8")
        (tmp_path / "conftest.py").write_text(CONFTEST.format(adapters=str(adapters)), encoding="utf-8")
        (tmp_path / "test_acme.py").write_text(example("test_acme.py"), encoding="utf-8")
        paths = [str(ROOT / "tests"), str(LIBRARY), os.environ.get("PYTHONPATH", "")]
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_acme.py"]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)

    return start


def test_the_example_keeps_the_contract(run):
    """All inherited tests pass, and there are many."""
    done = run(example("acme.py"))
    passed = re.search(r"(\d+) passed in", done.stdout)
    assert done.returncode == 0, done.stdout
    assert passed is not None, done.stdout
    assert int(passed[1]) > 50


def test_the_contract_finds_what_is_missing_in_it(run):
    """Without the function for pieces of a stream, streams have no tokens."""
    done = run(example("acme.py").replace("request, response, chunk)", "request, response)"))
    assert done.returncode == 1
    assert "test_tokens_are_exact_on_the_spans[stream]" in done.stdout
