"""The command line as a whole: overview, lazy loading, statuses, messages."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import agentotel
from agentotel._base.errors import AgentotelError
from agentotel.cli import COMMANDS


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that has imported nothing yet."""
    source = str(Path(agentotel.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {source!r}); {code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_overview_exists(invoke, name) -> None:
    """Each name in the overview is a module with a `command`, whose help has examples."""
    command = import_module(f"agentotel.cli.{name}").command
    assert isinstance(command, click.Command)
    run = invoke(name, "--help")
    assert run.exit_code == 0
    assert "Examples:" in run.output


def test_every_command_module_is_in_the_overview() -> None:
    """A command that somebody adds as a file is not forgotten in the overview."""
    folder = Path(agentotel.__file__).parent / "cli"
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    groups = {name for name, text in texts.items() if '@click.group("' in text}
    modules = {name for name, text in texts.items() if "@click.command(" in text}
    assert groups | {name for name in modules if name.partition("_")[0] not in groups} == set(COMMANDS)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_all_commands(invoke, option) -> None:
    """The overview names every command with what it is for."""
    run = invoke(option)
    assert run.exit_code == 0
    for name, purpose in COMMANDS.items():
        assert name in run.output
        assert purpose in run.output


def test_help_loads_no_command() -> None:
    """The overview and the version cost click and nothing else: no command, no rich, no OpenTelemetry."""
    run = python(
        "from agentotel.cli import main; main(['--help'], standalone_mode=False);"
        "heavy = {'rich', 'opentelemetry', 'sqlite3', 'starlette', 'wrapt', 'asyncio'};"
        "print('LOADED', [name for name in sys.modules if name in heavy or name.startswith('agentotel.cli.')])"
    )
    assert run.stdout.endswith("LOADED []\n"), run.stderr


def test_version(invoke) -> None:
    """The version is that of the package."""
    run = invoke("--version")
    assert (run.exit_code, run.output) == (0, f"agentotel, version {agentotel.__version__}\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["config", "--nonsense"], ["--nonsense"], ["config", "extra"]])
def test_wrong_use_is_status_2(invoke, arguments) -> None:
    """A command, option or argument that does not exist is wrong use, told on stderr."""
    run = invoke(*arguments)
    assert run.exit_code == 2
    assert "Error: " in run.stderr
    assert run.stdout == ""


def test_our_own_errors_are_messages_and_status_1(invoke, monkeypatch) -> None:
    """What agentotel raises on purpose is told in one line, without a traceback."""

    @click.command("config")
    def failing() -> None:
        raise AgentotelError("no such\ntrace")

    monkeypatch.setattr("agentotel.cli.config.command", failing)
    run = invoke("config")
    assert (run.exit_code, run.stdout, run.stderr) == (1, "", "Error: no such\\ntrace\n")
