"""``agentotel config``: values, sources, masked secrets, problems."""

from __future__ import annotations

import json

import pytest

from agentotel.config.variables import VARIABLES


@pytest.fixture
def config(invoke, tmp_path, monkeypatch):
    """Run the command in an empty project, with the variables given and none of agentotel's besides."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)

    def run(*arguments: str, **environ: str):
        return invoke("config", *arguments, **environ)

    return run


def by_name(run) -> dict[str, dict]:
    """Return the objects of ``--json`` by the name of the setting."""
    return {item["setting"]: item for item in json.loads(run.stdout)}


def test_every_setting_is_shown_with_its_source(config) -> None:
    """Without any setting all of them are listed with their defaults, and the status is 0."""
    run = config()
    assert run.exit_code == 0
    assert run.stderr == ""
    for variable in VARIABLES:
        assert f"  {variable.name} " in run.stdout
    assert "AGENTOTEL_RETENTION_AGE   7d  (default)" in run.stdout


def test_sources_are_told_apart(config, tmp_path) -> None:
    """Each value says whether it comes from the environment, from a file or from the table."""
    (tmp_path / "agentotel.toml").write_text("cardinality_limit = 7\n")
    found = by_name(config("--json", AGENTOTEL_CONVENTIONS="guide"))
    assert (found["AGENTOTEL_CONVENTIONS"]["value"], found["AGENTOTEL_CONVENTIONS"]["source"]) == (
        "guide",
        "environment",
    )
    assert found["AGENTOTEL_CARDINALITY_LIMIT"]["value"] == 7
    assert found["AGENTOTEL_CARDINALITY_LIMIT"]["source"] == str(tmp_path / "agentotel.toml")
    assert found["AGENTOTEL_DISCOVER"]["source"] == "default"


def test_json_has_the_types_of_json(config) -> None:
    """Switches are booleans, numbers are numbers, sets are sorted lists, nothing is null."""
    found = by_name(config("--json", AGENTOTEL_EXIT_TIMEOUT="250ms", AGENTOTEL_BAGGAGE="b,a"))
    values = {name: item["value"] for name, item in found.items()}
    assert values["AGENTOTEL_DISCOVER"] is True
    assert values["AGENTOTEL_EXIT_TIMEOUT"] == 0.25
    assert values["AGENTOTEL_BAGGAGE"] == ["a", "b"]
    assert values["AGENTOTEL_METRICS"] == ["agent", "gen_ai"]
    assert values["OTEL_TRACES_EXPORTER"] == ["otlp"]
    assert values["AGENTOTEL_PRICES"] is None
    assert values["AGENTOTEL_DB"].endswith("telemetry.db")
    assert all(item["problems"] == [] for item in found.values())
    assert list(found) == [variable.name for variable in VARIABLES]


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_secrets_are_masked(config, arguments) -> None:
    """Neither headers nor the credentials of an endpoint appear, whether they are well-formed or not."""
    run = config(
        *arguments,
        OTEL_EXPORTER_OTLP_HEADERS="api-key=sesame",
        OTEL_EXPORTER_OTLP_ENDPOINT="https://user:sesame@collector.example:4318/?key=sesame",
        OTEL_EXPORTER_OTLP_LOGS_HEADERS="sesame",
        OTEL_EXPORTER_OTLP_LOGS_ENDPOINT="user:sesame@collector.example",
    )
    shown = run.stdout + run.stderr
    assert "sesame" not in shown
    assert "api-key=***" in shown
    assert "https://***@collector.example:4318" in shown
    assert run.exit_code == 1


def test_a_wrong_setting_is_named_and_the_status_is_1(config) -> None:
    """The table goes to stdout with the default in force, the problem to stderr."""
    run = config(AGENTOTEL_CARDINALITY_LIMIT="many")
    assert run.exit_code == 1
    assert "AGENTOTEL_CARDINALITY_LIMIT  100  (default)" in run.stdout
    assert run.stderr == (
        "error: AGENTOTEL_CARDINALITY_LIMIT=many (environment): expected a whole number from 1 to 100000;"
        " using the default 100\n"
    )


def test_json_has_the_problems_at_their_settings(config) -> None:
    """Each setting carries what is wrong with it; names that are no setting are listed as well."""
    run = config("--json", AGENTOTEL_METRICS="all", AGENTOTEL_TARGTES="x")
    found = by_name(run)
    assert run.exit_code == 1
    assert "expected agent, gen_ai or none" in found["AGENTOTEL_METRICS"]["problems"][0]
    assert "did you mean AGENTOTEL_TARGETS" in found["AGENTOTEL_TARGTES"]["problems"][0]
    assert found["AGENTOTEL_TARGTES"]["value"] is None
    assert set(found["AGENTOTEL_TARGTES"]) == set(found["AGENTOTEL_METRICS"])


def test_targets_that_say_nothing_are_wrong(config) -> None:
    """Targets are parsed here as at the start of a program, and each bad one is named."""
    run = config(AGENTOTEL_TARGETS="agent=shop.bots:Bot.answer; bogus")
    assert run.exit_code == 1
    assert "bogus" in run.stderr
    assert run.stderr.count("error: ") == 1


def test_control_characters_never_reach_the_terminal(config) -> None:
    """A hostile value is shown escaped, in the table and in the message."""
    run = config(OTEL_SERVICE_NAME="a\x1b[2Jb", AGENTOTEL_TARGETS="agent=a\x07:B.c")
    shown = run.stdout + run.stderr
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "a\\x1b[2Jb" in run.stderr
