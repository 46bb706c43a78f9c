"""Who may touch the environment: the loader, and the few places that run before there are settings."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import agentotel

SOURCE = Path(agentotel.__file__).parent
MAY = {
    "config/load.py",
    "distro/environment_variables.py",
    "distro/defaults.py",
    "distro/child_processes.py",  # TRACEPARENT and BAGGAGE, between a parent and its child: no settings
    "ops/programs.py",  # what the tools that it starts inherit: no settings
}
NAMES = {"environ", "getenv", "putenv", "unsetenv", "environb", "getenvb"}


def touches_environment(path: Path) -> bool:
    """Return whether a module gets at the environment by one of the names of `os`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in NAMES and getattr(node.value, "id", "") == "os":
            return True
        if isinstance(node, ast.ImportFrom) and node.module == "os" and NAMES & {name.name for name in node.names}:
            return True
    return False


def test_only_the_loader_reads_the_environment() -> None:
    """Everybody else takes settings as arguments; the demo is a user's program and may do as it likes."""
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if "demo" not in path.relative_to(SOURCE).parts and touches_environment(path)
    }
    assert found - MAY == set()
    assert "config/load.py" in found


def test_the_guard_sees_what_it_looks_for(tmp_path) -> None:
    """Both ways of getting at the environment are recognised."""
    program = tmp_path / "program.py"
    for text in ("import os\nos.environ['A']\n", "from os import getenv\n", "import os\nos.putenv('A', 'b')\n"):
        program.write_text(text)
        assert touches_environment(program), text
    program.write_text(f"environ = {sys.version_info[0]}\n")
    assert not touches_environment(program)
