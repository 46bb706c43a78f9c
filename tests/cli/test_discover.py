"""``agentotel discover``: what would be observed, told without running the program."""

from __future__ import annotations

import json

import pytest

from agentotel.config.variables import VARIABLES

PROGRAM = """
raise SystemExit("this program must not run")

class SupportAgent:
    def chat(self, message): ...

class LookupTool:
    def execute(self, arguments): ...

class EmptyTool:
    def go(self): ...

class Bot:
    def answer(self): ...
"""


@pytest.fixture
def discover(invoke, tmp_path, monkeypatch):
    """Run the command in a project with one program and no settings but those given."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop.py").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)

    def run(*arguments: str, **environ: str):
        return invoke("discover", *arguments, **environ)

    return run


def found(run) -> dict[str, str]:
    """Return the status of everything that ``--json`` lists, by its name."""
    return {f"{item['qualname']}.{item['method']}".strip("."): item["status"] for item in json.loads(run.stdout)}


@pytest.mark.parametrize("arguments", [(), (".",), ("shop.py",)])
def test_classes_are_found_by_name_without_running(discover, arguments) -> None:
    """Agents and tools of a file or folder are listed with the reason, and nothing is imported."""
    run = discover(*arguments, "--json")
    assert run.exit_code == 0
    assert found(run) == {"SupportAgent.chat": "patched", "LookupTool.execute": "patched", "EmptyTool": "skipped"}


def test_the_table_says_what_where_and_why(discover) -> None:
    """A person sees kind, name, place and reason on stdout, and the count on stderr."""
    run = discover()
    (line,) = [line for line in run.stdout.splitlines() if "SupportAgent.chat" in line]
    assert line.split()[:4] == ["patched", "agent", "SupportAgent.chat", "shop.py:5"]
    assert "name ends in Agent" in line
    assert run.stderr == "2 would be observed, 1 skipped\n"


def test_targets_count(discover, tmp_path) -> None:
    """What the settings name is found too, from the environment and from the files."""
    (tmp_path / "agentotel.toml").write_text('targets = ["agent=shop:Bot.answer"]\n')
    assert found(discover("--json"))["Bot.answer"] == "patched"


def test_discovery_by_name_can_be_off(discover) -> None:
    """With AGENTOTEL_DISCOVER=off only the targets count, as in a program."""
    run = discover("--json", AGENTOTEL_DISCOVER="off", AGENTOTEL_TARGETS="agent=shop:Bot.answer")
    assert found(run) == {"Bot.answer": "patched"}


def test_a_target_that_names_nothing_is_status_1(discover) -> None:
    """A target that would do nothing is listed as failed."""
    run = discover(AGENTOTEL_TARGETS="agent=shop:Nobody.answer")
    assert run.exit_code == 1
    assert "failed" in run.stdout
    assert "1 failed" in run.stderr


def test_a_target_that_cannot_be_read_is_told(discover) -> None:
    """A malformed target is named on stderr; the rest is listed as usual."""
    run = discover("--json", AGENTOTEL_TARGETS="bogus")
    assert run.exit_code == 1
    assert "bogus" in run.stderr
    assert found(run)["SupportAgent.chat"] == "patched"


def test_a_file_that_does_not_parse_is_status_1(discover, tmp_path) -> None:
    """A syntax error is listed with its file, and the other files still count."""
    (tmp_path / "broken.py").write_text("def (:\n")
    run = discover()
    assert run.exit_code == 1
    assert "broken.py" in run.stdout
    assert "SupportAgent.chat" in run.stdout


def test_nothing_to_observe_is_said(discover, tmp_path) -> None:
    """A program without agents gives no table but a message."""
    (tmp_path / "plain.py").write_text("x = 1\n")
    run = discover("plain.py")
    assert (run.exit_code, run.stdout, run.stderr) == (0, "", "nothing would be observed\n")


def test_a_path_that_does_not_exist_is_wrong_use(discover) -> None:
    """The path is named in the message."""
    run = discover("nowhere.py")
    assert run.exit_code == 2
    assert "nowhere.py" in run.stderr
