"""``agentotel demo``: the real launcher, backend and model SDK, end to end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner

from agentotel.cli import demo
from agentotel.demo.expectations import Evidence, Expectation
from agentotel.demo.model_server import ModelServer
from agentotel.demo.run import DemoError, Finished, environment
from agentotel.demo.script import respond

AGENTOTEL = str(Path(sysconfig.get_path("scripts"), "agentotel"))


@pytest.fixture
def environ(tmp_path):
    """Return an environment in which nothing of the user's is touched."""
    made = environment("http://127.0.0.1:1", "none", {})
    kept = {name: value for name, value in made.items() if not name.startswith(("OTEL_", "OPENAI_"))}
    return kept | {"AGENTOTEL_DB": str(tmp_path / "state" / "telemetry.db"), "NO_COLOR": "1"}


@pytest.fixture
def nothing_arrives(monkeypatch):
    """Let the run of the program end well, with telemetry that was lost."""
    expectations = [Expectation("a span", 1, 0), Expectation("a price", 0, 0)]
    finished = Finished("hello", "exporter gave up", Evidence((), (), ()), expectations)
    monkeypatch.setattr(demo, "run_program", lambda *_, **__: finished)


def run(*arguments, cwd, env):
    """Run a command of ours."""
    return subprocess.run([AGENTOTEL, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=110)


@pytest.mark.e2e
def test_once_everything_expected_arrives(tmp_path, environ):
    """One run ends with status 0, shows the conversation, the trees, the log lines, and leaves nothing behind."""
    ended = run("demo", "--once", "--offline", cwd=tmp_path, env=environ)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "alice: Where is my order 1001?" in ended.stdout
    assert ended.stdout.count("invoke_agent shop-support") >= 4
    for shown in ("execute_tool refund", "FileNotFoundError", "chat gpt-4o-mini", "auth_check", "question answered"):
        assert shown in ended.stdout
    assert "expectations of this telemetry are met" in ended.stdout
    assert "not met" not in ended.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_a_store_of_its_own_can_be_looked_at_afterwards(tmp_path, environ):
    """With ``--db`` the run stays in the store, and the other commands find it there."""
    store = str(tmp_path / "demo.db")
    assert run("demo", "--once", "--offline", "--db", store, cwd=tmp_path, env=environ).returncode == 0
    listed = run("traces", "--db", store, "--json", cwd=tmp_path, env=environ)
    assert len(json.loads(listed.stdout)) == 4
    of_bob = run("traces", "--db", store, "--user", "bob", "--tenant", "globex", "--json", cwd=tmp_path, env=environ)
    assert len(json.loads(of_bob.stdout)) == 2


@pytest.mark.e2e
def test_a_second_run_in_the_same_store_is_judged_by_itself(tmp_path, environ):
    """What an earlier run has left in the store changes no number of the next one."""
    arguments = ("demo", "--once", "--offline", "--db", str(tmp_path / "demo.db"))
    assert run(*arguments, cwd=tmp_path, env=environ).returncode == 0
    again = run(*arguments, cwd=tmp_path, env=environ)
    assert again.returncode == 0, again.stdout


@pytest.mark.e2e
def test_with_a_key_the_users_own_model_answers(tmp_path, environ):
    """Where OPENAI_API_KEY is set, the program talks to the user's model, and what must hold in any case holds."""
    with ModelServer(respond) as theirs:
        own = environ | {"OPENAI_API_KEY": "their-key", "OPENAI_BASE_URL": theirs.url}
        ended = run("demo", "--once", cwd=tmp_path, env=own)
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    assert "model: the real one" in ended.stderr
    assert {request.headers["authorization"] for request in theirs.requests} == {"Bearer their-key"}


@pytest.mark.usefixtures("nothing_arrives")
def test_telemetry_that_does_not_arrive_is_status_1(environ):
    """Each expectation that is not met is named with what was expected and found, and the status is 1."""
    ended = CliRunner().invoke(demo.command, ["--once", "--offline"], env=environ)
    assert ended.exit_code == 1
    assert "not met: a span\n  expected 1\n  found    0" in ended.stdout
    assert "1 of 2 expectations of this telemetry are met" in ended.stdout
    assert "exporter gave up" in ended.stderr


def test_a_program_that_cannot_run_is_status_1(environ, monkeypatch):
    """When the launcher or the program fails, the message says so and nothing is a traceback."""

    def fail(*_, **__):
        raise DemoError("the demo program ended with status 3")

    monkeypatch.setattr(demo, "run_program", fail)
    ended = CliRunner().invoke(demo.command, ["--once", "--offline"], env=environ)
    assert ended.exit_code == 1
    assert "Error: the demo program ended with status 3" in ended.stderr


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform == "win32", reason="a console event would end the tests as well")
def test_without_once_the_backend_stays_until_it_is_told_to_end(tmp_path, environ):
    """After the run the addresses are printed, the other commands need no option, and SIGINT ends it with status 0."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([AGENTOTEL, "demo", "--offline"], cwd=tmp_path, env=environ, **pipes) as staying:
        said = []
        for line in staying.stderr:
            said.append(line)
            if line.startswith("Listening until Ctrl-C"):
                break
        listed = run("traces", "--json", cwd=tmp_path, env=environ)
        staying.send_signal(signal.SIGINT)
        assert staying.wait(timeout=30) == 0, "".join(said)
    assert len(json.loads(listed.stdout)) == 4
    assert any("python my_agent.py" in line for line in said)
