"""The demo program is a user's program: it stands alone and knows nothing of agentotel."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agentotel.config import load
from agentotel.demo.model_server import ModelServer
from agentotel.demo.run import PROGRAM, environment
from agentotel.demo.script import TURNS, respond
from agentotel.patching.targets import parse

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = sorted(PROGRAM.rglob("*.py"))


def imported_modules(source: Path) -> set[str]:
    """Return the top-level names of all modules that a file imports, however deep inside it."""
    nodes = list(ast.walk(ast.parse(source.read_text(encoding="utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    relative = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in plain | relative}


@pytest.fixture
def program(tmp_path):
    """Return a copy of the program, as the demo makes it."""
    shutil.copytree(PROGRAM, tmp_path, dirs_exist_ok=True)
    return tmp_path


def run(program: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run the program without any launcher."""
    environ = environment("http://127.0.0.1:1", "none", {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"})
    command = [sys.executable, "shop_agent.py"]
    return subprocess.run(command, cwd=program, env=environ, capture_output=True, text=True, timeout=60)


def test_the_program_is_there():
    """The checks below look at all of its files, and there are some."""
    assert {"shop_agent.py", "support.py", "tools.py", "pool.py"} <= {source.name for source in SOURCES}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_imports_nothing_of_ours(source):
    """No file of it imports agentotel or OpenTelemetry: discovery has to find it."""
    assert not imported_modules(source) & {"agentotel", "opentelemetry"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_compiles(source):
    """Every file of it is valid for the interpreter that runs the tests."""
    compile(source.read_text(encoding="utf-8"), source.name, "exec", dont_inherit=True)


def test_its_settings_are_valid():
    """Its agentotel.toml is understood without a complaint, and each of its targets names something that exists."""
    loaded = load({}, PROGRAM)
    assert not loaded.problems
    targets, problems = parse(loaded.settings.targets)
    assert not problems
    source = (PROGRAM / "shop" / "middleware.py").read_text(encoding="utf-8")
    assert len(targets) == 5
    assert all(f"def {target.last_pattern}(" in source for target in targets)


def test_it_runs_without_agentotel(program):
    """Started with plain Python, it holds its conversations with the scripted model, every turn of them once."""
    with ModelServer(respond) as server:
        ended = run(program, server.url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    answers = [turn.text for turn in TURNS if turn.text]
    assert [line.removeprefix("agent: ") for line in ended.stdout.splitlines() if line.startswith("agent: ")] == answers
    refused = sum(turn.rate_limited for turn in TURNS)
    assert len(server.requests) == len(TURNS) + refused


def test_its_tools_do_their_work(program):
    """What the model gets to know comes from the database and from the files, not from the script."""
    with ModelServer(respond) as server:
        run(program, server.url)
    told = {
        message["content"]
        for request in server.requests
        for message in request.body["messages"]
        if message["role"] == "tool"
    }
    assert '{"success": true, "refunded_cents": 1250}' in told
    assert '{"success": false, "error": "it was delivered more than 30 days ago"}' in told
    assert any('"status": "shipped"' in content for content in told)
    assert any("FileNotFoundError" in content for content in told)
    assert any("Broken items are refunded in full" in content for content in told)
