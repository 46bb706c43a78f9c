"""``scripts/backends``: what it builds and keeps, and what it says where it cannot build. Go is played by a script."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "backends"

VERSIONS = """
[programs.tool]
package = "example.invalid/tool/cmd/tool"
version = "v1.2.3"
tags = "slim"
minutes = 1

[programs.tool.replace]
"example.invalid/old" = "example.invalid/new@v2.0.0"
"""

# Writes down how it was called; `go build` leaves a program.
GO = """#!/bin/sh
echo "$@" >>"$GO_CALLS"
case "$1 $FAIL" in
"build yes") echo "cannot find module"; exit 1 ;;
esac
previous=
for argument in "$@"; do
    if [ "$previous" = -o ]; then mkdir -p "$(dirname "$argument")"; printf built >"$argument"; fi
    previous=$argument
done
"""


class Checkout:
    """A checkout with the script and one program, a cache, and a Go that only writes down its calls."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "scripts").mkdir()
        (folder / "collector").mkdir()
        (folder / "bin").mkdir()
        shutil.copy(SCRIPT, folder / "scripts" / "backends")
        self.versions = folder / "collector" / "versions.toml"
        self.versions.write_text(VERSIONS)
        self.calls = folder / "calls"
        go = folder / "bin" / "go"
        go.write_text(GO)
        go.chmod(0o755)

    def run(self, *arguments, path=None, **environment):
        """Run the script."""
        settings = {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin" if path is None else path,
            "AGENTOTEL_CACHE": str(self.folder / "cache"),
            "GO_CALLS": str(self.calls),
            "HOME": os.environ.get("HOME", ""),
            **environment,
        }
        script = self.folder / "scripts" / "backends"
        return subprocess.run([sys.executable, script, *arguments], env=settings, capture_output=True, text=True)


@pytest.fixture
def checkout(tmp_path):
    """A small checkout."""
    return Checkout(tmp_path)


def test_it_builds_with_tags_and_replacements_and_prints_the_folder(checkout):
    """What the recipe says is what Go is asked for."""
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "tool").read_text() == "built"
    calls = checkout.calls.read_text()
    assert "get -tags slim -tool example.invalid/tool/cmd/tool@v1.2.3" in calls
    assert "mod edit -replace=example.invalid/old=example.invalid/new@v2.0.0" in calls
    assert "build -mod=mod -trimpath -tags slim" in calls


def test_a_source_of_ours_is_built_with_the_package_that_it_imports(checkout):
    """It is no tool but a program of its own, and another source is another program."""
    (checkout.folder / "own.go").write_text("package main // one")
    checkout.versions.write_text(VERSIONS.replace("minutes = 1", 'minutes = 1\nsource = "own.go"'))
    first = checkout.run()
    assert first.returncode == 0, first.stderr
    calls = checkout.calls.read_text()
    assert "get -tags slim example.invalid/tool/cmd/tool@v1.2.3" in calls
    assert calls.splitlines()[-1].endswith(" .")
    (checkout.folder / "own.go").write_text("package main // two")
    assert checkout.run().stdout != first.stdout


def test_a_second_run_builds_nothing(checkout):
    """What is there is used."""
    first = checkout.run()
    calls = checkout.calls.read_text()
    second = checkout.run()
    assert second.stdout == first.stdout
    assert checkout.calls.read_text() == calls


def test_another_version_stands_in_another_folder(checkout):
    """Two checkouts with different versions share one cache without harm."""
    first = checkout.run().stdout
    checkout.versions.write_text(VERSIONS.replace("v1.2.3", "v1.2.4"))
    second = checkout.run().stdout
    assert first != second
    assert (Path(first.strip()) / "tool").exists()
    assert (Path(second.strip()) / "tool").exists()


def test_where_builds_nothing(checkout):
    """The folder can be asked for without Go."""
    done = checkout.run("--where", path="/nowhere")
    assert done.returncode == 0, done.stderr
    assert not checkout.calls.exists()
    assert done.stdout == checkout.run().stdout


def test_without_go_it_says_so_with_a_status_of_its_own(checkout):
    """The caller can tell "no Go" from "broken"."""
    done = checkout.run(path="/nowhere")
    assert done.returncode == 3
    assert "Go is not installed" in done.stderr


def test_a_failed_build_shows_what_go_said_and_leaves_nothing(checkout):
    """A half-built program is never used later."""
    done = checkout.run(FAIL="yes")
    assert done.returncode == 1
    assert "cannot find module" in done.stderr
    assert not list((checkout.folder / "cache").rglob("tool"))
    assert checkout.run().returncode == 0


def test_an_unknown_program_is_named(checkout):
    """A misspelt name is wrong use."""
    done = checkout.run("jagger")
    assert done.returncode == 2
    assert "'jagger'" in done.stderr
    assert "tool" in done.stderr


def test_help_has_the_usage(checkout):
    """--help explains."""
    assert "scripts/backends --where" in checkout.run("--help").stdout
