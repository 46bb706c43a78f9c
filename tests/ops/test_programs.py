"""Finding programs and running them: what is missing, too old, hangs, crashes or says too much."""

from __future__ import annotations

import os
import time
from contextlib import suppress

import pytest

from agentotel.ops.programs import Ended, Program, Programs
from agentotel.ops.results import Outcome

CHECKER = Program("checker", ("better-checker", "checker"), "it is on the shelf", oldest=3)


@pytest.fixture
def programs(tmp_path):
    """The programs of a folder."""
    return Programs([tmp_path / "tools"], timeout_s=30)


def test_a_program_that_is_missing_is_named_with_how_to_get_it(programs, alone):
    """Nothing is known about the file then."""
    assert programs.usable(CHECKER) == Outcome("not_checked", "checker was not found: it is on the shelf")


def test_a_given_folder_goes_before_the_path(programs, tool, alone):
    """The user has said which one to take."""
    (alone / "checker").symlink_to(tool("other"))
    assert programs.find(CHECKER) == [str(alone / "checker")]
    mine = tool("checker")
    assert programs.find(CHECKER) == [str(mine), str(alone / "checker")]


def test_the_better_executable_goes_first(programs, tool, alone):
    """Both are found, in the order in which they are wanted."""
    paths = [tool(name) for name in ("checker", "better-checker")]
    assert programs.find(CHECKER) == [str(path) for path in reversed(paths)]


@pytest.mark.parametrize(
    "said",
    ["checker, version 3.16.0", "Checker version v5.6.1", "checker, version  (branch: , revision: unknown)", "?"],
)
def test_a_program_that_is_new_enough_is_used(programs, tool, alone, said):
    """One that does not tell its version gets the benefit of the doubt."""
    path = tool("checker", f"echo '{said}'")
    assert programs.usable(CHECKER) == str(path)


def test_a_program_that_is_too_old_is_not_asked(programs, tool, alone):
    """It would refuse files that are right; its version is asked once."""
    path = tool("checker", "echo 'checker, version 2.42.0+ds (branch: x)'")
    for _ in range(2):
        outcome = programs.usable(CHECKER)
        assert outcome.status == "not_checked"
        assert outcome.message == f"{path} is version 2.42, which is too old: it is on the shelf"
    assert path.with_name("checker.calls").read_text() == "--version\n"


def test_an_old_program_does_not_hide_a_newer_one(programs, tool, alone):
    """All executables are tried."""
    newer = tool("checker", "echo version 3.1")
    tool("better-checker", "echo version 1.0")
    assert programs.usable(CHECKER) == str(newer)


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("echo fine", Outcome("ok")),
        ("echo wrong line; echo more >&2; exit 3", Outcome("failed", "wrong line\nmore")),
        ("exit 3", Outcome("failed", "ended with status 3")),
    ],
)
def test_the_status_decides(programs, tool, tmp_path, script, outcome):
    """What the program says is the message where the status is not 0."""
    assert programs.run([str(tool("checker", script))], tmp_path).outcome == outcome


def test_a_crash_says_nothing_about_the_file(programs, tool, tmp_path):
    """The signal is named."""
    outcome = programs.run([str(tool("checker", "kill -SEGV $$"))], tmp_path).outcome
    assert outcome == Outcome("not_checked", "checker crashed: it was ended by SIGSEGV")


def test_what_cannot_be_run_says_nothing_about_the_file(programs, tool, tmp_path):
    """A file that is no program, or of another machine."""
    path = tool("checker")
    path.write_bytes(b"\x7fELF nonsense")
    outcome = programs.run([str(path)], tmp_path).outcome
    assert outcome.status == "not_checked"
    assert "cannot be run" in outcome.message


def test_what_hangs_is_stopped_with_what_it_has_started(tool, tmp_path):
    """The message names the limit and how to move it."""
    path = tool("checker", f"sleep 600 & echo $! > {tmp_path}/child; wait")
    ended = Programs(timeout_s=1.0).run([str(path)], tmp_path)
    assert ended == Ended(None, "checker did not end within 1 s and was stopped; --timeout gives it longer")
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 30
    while is_running(child):
        assert time.monotonic() < deadline
        os.sched_yield()


def is_running(process: int) -> bool:
    """Whether a process is there and no zombie that nobody has buried yet."""
    with suppress(ProcessLookupError, FileNotFoundError):
        os.kill(process, 0)
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_process_that_is_left_behind_holds_nothing_up(tool, tmp_path):
    """The program has ended: its output is read, though a child of it has it open."""
    path = tool("checker", f"sleep 600 & echo $! > {tmp_path}/child; echo done")
    ended = Programs(timeout_s=60).run([str(path)], tmp_path)
    os.kill(int((tmp_path / "child").read_text()), 9)
    assert ended == Ended(0, "done")


def test_of_much_output_the_end_is_kept(programs, tool, tmp_path):
    """Bounded in lines and bytes, without colours and empty lines."""
    script = (
        "i=0; while [ $i -lt 5000 ]; do echo line $i; i=$((i+1)); done; echo; printf '\\033[31mlast\\033[0m\\n'; exit 1"
    )
    message = programs.run([str(tool("checker", script))], tmp_path).outcome.message
    assert message.endswith("line 4999\nlast")
    assert len(message.splitlines()) == 30


def test_variables_are_added_to_those_of_this_process(programs, tool, tmp_path, monkeypatch):
    """The program finds its own settings as it would in the user's shell."""
    monkeypatch.setenv("FROM_THE_SHELL", "1")
    ended = programs.run([str(tool("checker", "echo $FROM_THE_SHELL $ADDED"))], tmp_path, {"ADDED": "2"})
    assert ended.output == "1 2"
