"""The demo's run: its environment, and what it finds in a store."""

from __future__ import annotations

import pytest

from agentotel.demo import run


@pytest.fixture
def environ(monkeypatch):
    """Set variables of a user who has telemetry settings and a proxy of their own."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("AGENTOTEL_DISCOVER", "off")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.setenv("UNRELATED", "kept")


@pytest.mark.usefixtures("environ")
def test_the_users_own_telemetry_settings_do_not_reach_the_program():
    """Settings that could switch the demo off stay outside, and everything else is inherited."""
    made = run.environment("http://127.0.0.1:4318", "run-1", {})
    assert "OTEL_SDK_DISABLED" not in made
    assert "AGENTOTEL_DISCOVER" not in made
    assert made["UNRELATED"] == "kept"
    assert made["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"


@pytest.mark.usefixtures("environ")
def test_loopback_does_not_go_through_a_proxy():
    """The program reaches backend and model directly, and the user's own exceptions stay."""
    assert run.environment("http://127.0.0.1:4318", "run-1", {})["NO_PROXY"] == "intranet.example,127.0.0.1"


def test_the_model_of_the_run_goes_before_the_users():
    """Where the scripted model answers, its address replaces what the user has set."""
    made = run.environment("http://127.0.0.1:4318", "run-1", {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"})
    assert made["OPENAI_BASE_URL"] == "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(("key", "expected"), [(None, False), ("", False), ("secret", True)])
def test_a_key_means_the_real_model(key, expected):
    """Only a key that is not empty counts."""
    assert run.has_real_model({} if key is None else {"OPENAI_API_KEY": key}) is expected


def test_a_store_that_is_not_there_yet_holds_nothing(tmp_path):
    """Looking into a store before it exists finds nothing and raises nothing."""
    evidence = run.gather(tmp_path / "none.db", "run-1")
    assert not evidence.traces
    assert not evidence.logs
    assert not evidence.metrics


def test_a_launcher_that_is_missing_is_named(monkeypatch, tmp_path):
    """Without the launcher the demo says what is missing instead of failing somewhere else."""
    monkeypatch.setattr(run, "COMMAND", ("no-such-launcher", "python", "shop_agent.py"))
    with pytest.raises(run.DemoError, match="no-such-launcher is not installed"):
        run.run_program("http://127.0.0.1:1", tmp_path / "none.db", offline=True)


def test_a_program_that_fails_is_shown(monkeypatch, tmp_path):
    """When the program itself ends with an error, the demo shows its status and what it said."""
    broken = tmp_path / "program"
    broken.mkdir()
    (broken / "shop_agent.py").write_text("raise SystemExit('no shop today')", encoding="utf-8")
    monkeypatch.setattr(run, "PROGRAM", broken)
    with pytest.raises(run.DemoError, match=r"status 1:\n(?s:.*)no shop today"):
        run.run_program("http://127.0.0.1:1", tmp_path / "none.db", offline=True)
