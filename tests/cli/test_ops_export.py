"""``agentotel ops export``: the real pack, written, kept up to date and shown."""

from __future__ import annotations

import json

import pytest

from agentotel.config.variables import VARIABLES
from agentotel.ops.manifest import MANIFEST
from agentotel.ops.pack_location import files, pack

RULES = next(name for name in files(pack()) if name.startswith("collector/prometheus/rules/"))


@pytest.fixture
def export(invoke, tmp_path, monkeypatch):
    """Run the command in an empty project, for the folder ``ops`` below it."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)

    def run(*arguments: str, **environ: str):
        return invoke("ops", "export", "ops", *arguments, **environ)

    return run


@pytest.fixture
def folder(tmp_path):
    """The folder that is written to."""
    return tmp_path / "ops"


def variables(path) -> dict[str, str]:
    """Return the variables that a file sets."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_everything_is_written_and_the_next_step_said(export, folder):
    """Files to stdout, advice to stderr."""
    run = export()
    assert run.exit_code == 0, run.stderr
    for name, path in files(pack()).items():
        assert (folder / name).read_bytes() == path.read_bytes()
        assert f"created     {name}\n" in run.stdout
    assert (folder / MANIFEST).is_file()
    assert "agentotel ops check ops" in run.stderr
    assert "docker compose up" in run.stderr


def test_the_settings_of_the_project_are_the_defaults(export, folder, tmp_path):
    """Programs send where the environment says; options go before it."""
    environ = {"OTEL_SERVICE_NAME": "shop", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318"}
    export(**environ)
    found = variables(folder / "agentotel.env")
    assert found == {**environ, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    export("--service-name", "web", "--protocol", "grpc", **environ)
    found = variables(folder / "agentotel.env")
    assert found == {**environ, "OTEL_SERVICE_NAME": "web", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}


def test_options_reach_the_files(export, folder):
    """Of compose, of programs, and the links in alerts."""
    run = export(
        "--bind", "0.0.0.0", "--retention", "30d", "--log-retention", "72h", "--trace-retention", "2d",
        "--grafana-url", "https://grafana.example/", "--endpoint", "http://telemetry.example:4318",
    )  # fmt: skip
    assert run.exit_code == 0
    found = variables(folder / ".env")
    assert found.pop("AGENTOTEL_VERSION")
    assert found == {
        "AGENTOTEL_BIND": "0.0.0.0",
        "AGENTOTEL_RETENTION": "30d",
        "AGENTOTEL_LOG_RETENTION": "72h",
        "AGENTOTEL_TRACE_RETENTION": "48h",
        "GRAFANA_URL": "https://grafana.example",
    }
    rules = "".join(path.read_text() for path in (folder / "collector/prometheus/rules").iterdir())
    assert "https://grafana.example/d/" in rules
    assert "http://127.0.0.1:3000" not in rules
    assert "nothing asks for a password" in run.stderr


def test_what_was_chosen_holds_for_the_next_export(export, folder):
    """An upgrade needs no options; what came from the environment is asked again."""
    export("--retention", "30d", OTEL_SERVICE_NAME="shop")
    run = export()
    assert run.exit_code == 0
    assert variables(folder / ".env")["AGENTOTEL_RETENTION"] == "30d"
    assert "OTEL_SERVICE_NAME" not in variables(folder / "agentotel.env")


@pytest.mark.parametrize(
    ("option", "value"), [("--retention", "soon"), ("--bind", "everywhere"), ("--endpoint", "collector:4318")]
)
def test_wrong_use_is_named_and_nothing_written(export, folder, option, value):
    """With status 2, the option and what is expected."""
    run = export(option, value)
    assert run.exit_code == 2
    assert f"{option}={value}: expected" in run.stderr
    assert not folder.exists()


def test_credentials_of_an_endpoint_are_not_written(export, folder):
    """They stay in the environment that they came from."""
    run = export(OTEL_EXPORTER_OTLP_ENDPOINT="https://user:sesame@collector.example:4318")
    assert run.exit_code == 0
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is not written" in run.stderr
    assert "sesame" not in run.stderr + run.stdout + (folder / "agentotel.env").read_text()
    assert "***" not in (folder / "agentotel.env").read_text()


def test_a_folder_of_somebody_else_is_left_alone(export, folder):
    """Nothing at all is written there, and the user hears what is in the way."""
    folder.mkdir()
    (folder / "docker-compose.yml").write_text("services: {}\n")
    run = export()
    assert run.exit_code == 1
    assert "differs     docker-compose.yml" in run.stdout
    assert "nothing was written" in run.stderr
    assert [path.name for path in folder.iterdir()] == ["docker-compose.yml"]
    assert export("--force").exit_code == 0
    assert (folder / "docker-compose.yml").read_bytes() == (pack() / "docker-compose.yml").read_bytes()


def test_an_edit_survives_and_a_conflict_is_said(export, folder):
    """The user's file stays where the pack has a newer one, too."""
    export()
    (folder / RULES).write_text("# mine\n")
    run = export()
    assert run.exit_code == 0
    assert f"kept        {RULES}" in run.stdout
    noted = json.loads((folder / MANIFEST).read_text())
    noted["files"][RULES] = "sha256:of an older release"
    (folder / MANIFEST).write_text(json.dumps(noted))
    run = export()
    assert run.exit_code == 1
    assert f"differs     {RULES}  (your version stands" in run.stdout
    assert (folder / RULES).read_text() == "# mine\n"


def test_a_difference_is_shown_without_writing(export, folder):
    """With status 1 if there is anything to write; control characters of a file do not reach the terminal."""
    assert export("--diff").exit_code == 1
    assert not folder.exists()
    export()
    assert export("--diff").exit_code == 0
    (folder / RULES).write_text("# mine \x1b[31m\n")
    (folder / "docker-compose.yml").unlink()
    run = export("--diff", "--force")
    assert run.exit_code == 1
    assert f"--- {RULES} (yours)" in run.stdout
    assert "-# mine \\x1b[31m" in run.stdout
    assert "\x1b" not in run.stdout
    assert "nothing was written" in run.stderr
    assert not (folder / "docker-compose.yml").exists()


def test_json_is_a_list_of_files(export):
    """The same, for programs."""
    run = export("--json")
    found = json.loads(run.stdout)
    assert {tuple(item) for item in found} == {("file", "status", "message")}
    assert {item["status"] for item in found} == {"created"}
    assert {item["status"] for item in json.loads(export("--json").stdout)} == {"unchanged"}


def test_a_manifest_that_is_broken_stops_the_export(export, folder):
    """Without it nobody knows what the user has edited."""
    export()
    (folder / MANIFEST).write_text("{")
    run = export()
    assert run.exit_code == 1
    assert "move it away" in run.stderr


def test_settings_that_make_the_pack_useless_are_pointed_out(export):
    """The rules and dashboards are about metrics that the programs would not record."""
    assert "AGENTOTEL_METRICS leaves out" in export(AGENTOTEL_METRICS="gen_ai").stderr
