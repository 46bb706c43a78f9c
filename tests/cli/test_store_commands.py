"""What the commands over the store have in common."""

from __future__ import annotations

import json

import pytest

from agentotel.cli import logs, metrics, trace, traces

LISTS = [traces.command, logs.command, metrics.command]
ALL = [(command, ()) for command in LISTS] + [(trace.command, ("last",))]


@pytest.mark.parametrize(("command", "args"), ALL)
def test_results_are_harmless_to_a_terminal(call, filled_store, command, args):
    """Text from telemetry comes out on one line, without escape sequences, with its brackets as they are."""
    result = call(command, *args, "--db", filled_store)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert result.stderr == ""
    if command is not traces.command:
        assert r"evil\x1b[31m\n[link=x]\u202e" in result.stdout


@pytest.mark.parametrize("command", LISTS)
def test_json_is_a_list_of_objects(call, filled_store, command):
    """With keys in snake case, and nothing else on stdout."""
    (item,) = json.loads(call(command, "--db", filled_store, "--json").stdout)
    assert all(key == key.lower() and "." not in key for key in item)


@pytest.mark.parametrize("command", LISTS)
def test_nothing_found_is_an_empty_list(call, filled_store, command):
    """An empty JSON list; for people a message on stderr; status 0 either way."""
    for extra, stdout in ((["--json"], "[]\n"), ([], "")):
        result = call(command, "--db", filled_store, "--agent", "nobody", *extra)
        assert (result.exit_code, result.stdout) == (0, stdout)
    assert "match" in result.stderr


@pytest.mark.parametrize(("command", "args"), ALL)
def test_a_store_that_does_not_exist_is_status_1(call, tmp_path, command, args):
    """The message names the path and how to get a store."""
    result = call(command, *args, "--db", tmp_path / "none.db")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "none.db" in result.stderr
    assert "agentotel local" in result.stderr


@pytest.mark.parametrize("command", LISTS)
@pytest.mark.parametrize("wrong", [["--since", "soon"], ["--where", "x"], ["--limit", "0"], ["--nonsense"], ["extra"]])
def test_wrong_use_is_status_2(call, filled_store, command, wrong):
    """The message goes to stderr."""
    result = call(command, "--db", filled_store, *wrong)
    assert (result.exit_code, result.stdout) == (2, "")
    assert wrong[0] in result.stderr


@pytest.mark.parametrize("command", [*LISTS, trace.command])
def test_help_has_examples(call, command):
    """Each with the name of the program."""
    assert "Examples:\n    agentotel " in call(command, "--help").stdout


@pytest.mark.parametrize("command", LISTS)
def test_the_store_of_the_settings_is_used(call, filled_store, monkeypatch, command):
    """AGENTOTEL_DB, where --db is not given."""
    monkeypatch.setenv("AGENTOTEL_DB", str(filled_store))
    assert len(json.loads(call(command, "--json").stdout)) == 1
