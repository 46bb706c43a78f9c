"""``agentotel ops``: the group of both commands, and the wheel that has what they need."""

from __future__ import annotations


def test_both_commands_are_shown(invoke):
    """With what they are for."""
    run = invoke("ops", "--help")
    assert run.exit_code == 0
    assert "export" in run.stdout
    assert "check" in run.stdout


def test_the_overview_names_the_group(invoke):
    """Next to the other commands."""
    assert "Write and check the files for real backends." in invoke("--help").stdout
