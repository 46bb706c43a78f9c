"""A recipe run as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapter_contract.playing import WAYS
from adapter_contract.recipe import BROKEN, answer_about
from adapter_contract.weather import WeatherModel

TESTS = Path(__file__).parent.parent
FILE = Path(__file__).with_name("test_contract.py")


def run_program(url, way, *options):
    """Run the toy's recipe in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "adapter_contract.program", str(FILE), "TestToy", way, url, *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("way", WAYS)
def test_a_program_prints_what_its_user_gets(way):
    """The answer of a run is a line; the pieces of a stream are a line each."""
    with WeatherModel() as model:
        done = run_program(model.url, way)
    printed = done.stdout if way in {"run", "arun"} else done.stdout.replace(" \n", " ")
    assert (printed, done.returncode, done.stderr) == (f"{answer_about('Bern')}\n", 0, "")


def test_a_program_that_fails_does_so_as_any_other():
    """What the library raises ends the program, with a traceback and status 1."""
    with WeatherModel() as model:
        done = run_program(model.url, "run", "--city", BROKEN)
    assert done.returncode == 1
    assert "BadRequestError" in done.stderr
    assert done.stdout == ""


def test_a_program_needs_neither_pytest_nor_the_sdk():
    """Programs are as light as those of users: what only tests need is not imported."""
    code = (
        "import sys; from adapter_contract.program import recipe_of; "
        f"recipe_of({str(FILE)!r}, 'TestToy'); "
        "print([name for name in ('pytest', 'openai', 'opentelemetry.sdk') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
