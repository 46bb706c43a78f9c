"""``agentotel ops check``: a table for people, a list for programs, and the status."""

from __future__ import annotations

import json

import pytest

from agentotel.ops import syntax

RULES = "groups:\n"
ROUTES = "route:\nreceivers:\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one file for promtool and one for amtool, and a PATH on which neither is."""
    path = tmp_path / "ops"
    path.mkdir()
    (path / "rules.yml").write_text(RULES)
    (path / "alertmanager.yml").write_text(ROUTES)
    (tmp_path / "tools").mkdir()
    # Whether there is a parser for YAML, which is an extra, must not decide these tests.
    monkeypatch.setattr(syntax, "checks", lambda folder: ())
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    return path


@pytest.fixture
def check(invoke, folder):
    """Run the command for that folder, with programs that do as they are told."""

    def run(*arguments: str, **scripts: str):
        tools = folder.parent / "tools"
        for name, script in scripts.items():
            (tools / name).write_text(f"#!/bin/sh\n{script}\n")
            (tools / name).chmod(0o755)
        return invoke("ops", "check", str(folder), "--tools", str(tools), *arguments)

    return run


def test_what_is_right_ends_with_status_0(check):
    """One line for each check, and nothing below the table."""
    run = check(promtool="exit 0", amtool="exit 0")
    assert run.exit_code == 0, run.stdout
    lines = [line.split() for line in run.stdout.splitlines()]
    assert ["ok", "promtool", "check", "rules", "rules.yml"] in lines
    assert ["ok", "amtool", "check-config", "alertmanager.yml"] in lines
    assert "0 failed, 0 not checked" in run.stderr


def test_what_is_wrong_ends_with_status_1_and_the_reason(check):
    """In the words of the program, without what a terminal would obey."""
    run = check(promtool="printf 'no such \\033]0;x\\007 key\\nin line 3\\n'; exit 1", amtool="exit 0")
    assert run.exit_code == 1
    assert "failed: promtool check rules: rules.yml\n    no such" in run.stdout
    assert "    in line 3" in run.stdout
    assert not {"\x1b", "\x07"} & set(run.stdout)


def test_what_could_not_be_checked_is_named_once(check):
    """Status 0, unless the user wants all of it checked."""
    run = check(amtool="exit 0")
    assert run.exit_code == 0
    assert "not checked: promtool check rules (1)\n    promtool was not found: " in run.stdout
    assert check("--strict", amtool="exit 0").exit_code == 1
    assert check("--strict", amtool="exit 0", promtool="exit 0").exit_code == 0


def test_a_program_that_hangs_is_stopped(check):
    """It is not the file's fault."""
    run = check("--timeout", "0.5", promtool="exec /bin/sleep 600", amtool="exit 0")
    assert run.exit_code == 0
    assert "promtool did not end within 0.5 s" in run.stdout


def test_json_is_a_list_of_checks(check):
    """With file, tool, status and message."""
    run = check("--json", promtool="echo wrong; exit 1")
    assert run.exit_code == 1
    found = {item["tool"]: item for item in json.loads(run.stdout)}
    assert found["promtool check rules"] == {
        "file": "rules.yml",
        "tool": "promtool check rules",
        "status": "failed",
        "message": "wrong",
    }
    assert found["amtool check-config"]["status"] == "not_checked"
    assert {item["status"] for item in found.values()} <= {"ok", "failed", "not_checked"}


def test_an_empty_folder_is_an_error(invoke, tmp_path):
    """It says how the files get there."""
    run = invoke("ops", "check", str(tmp_path))
    assert run.exit_code == 1
    assert "agentotel ops export" in run.stderr


def test_a_folder_that_is_missing_is_wrong_use(invoke, tmp_path):
    """Status 2."""
    assert invoke("ops", "check", str(tmp_path / "missing")).exit_code == 2
