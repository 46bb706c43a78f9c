"""Which Collector configurations are validated together, and by which Collector."""

from __future__ import annotations

import pytest

from agentotel.ops import collector_checks
from agentotel.ops.folder import read
from agentotel.ops.programs import Programs
from agentotel.ops.results import perform

BASE = "receivers:\nexporters:\nservice:\n"
OVERLAY = "exporters:\nservice:\n"


@pytest.fixture
def results(tool, alone):
    """Check a folder with the programs that the test has made."""

    def check(folder):
        programs = Programs([tool("unused").parent], timeout_s=30)
        return {result.file: result for result in map(perform, collector_checks.checks(read(folder), programs))}

    return check


def test_each_configuration_and_each_described_combination(results, tool, written):
    """An overlay is never validated alone: it is none by itself."""
    path = tool("otelcol")
    folder = written(**{
        "otelcol/agent.yaml": "# otelcol --config agent.yaml\n" + BASE,
        "otelcol/kafka.yaml": "#   otelcol --config agent.yaml --config kafka.yaml\n#\n" + OVERLAY,
        "otelcol/overlays/tls.yaml": "# otelcol --config=agent.yaml --config=file:overlays/tls.yaml\n" + OVERLAY,
    })  # fmt: skip
    found = results(folder)
    assert {name: result.status for name, result in found.items()} == {
        "otelcol/agent.yaml": "ok",
        "otelcol/agent.yaml + otelcol/kafka.yaml": "ok",
        "otelcol/agent.yaml + otelcol/overlays/tls.yaml": "ok",
    }
    calls = path.with_name("otelcol.calls").read_text()
    assert f"validate --config={folder}/otelcol/agent.yaml --config={folder}/otelcol/kafka.yaml\n" in calls


def test_an_overlay_that_says_nothing_has_to_fit_somewhere(results, tool, written):
    """It is tried on the configurations beside it and above it."""
    tool("otelcol", 'case "$*" in *gateway*more*) exit 0;; *more*|*never*) echo does not fit; exit 1;; esac')
    found = results(written(**{"agent.yaml": BASE, "gateway.yaml": BASE, "more.yaml": OVERLAY, "never.yaml": OVERLAY}))
    assert found["more.yaml"].status == "ok"
    assert (found["never.yaml"].status, found["never.yaml"].message) == ("failed", "does not fit")


def test_an_overlay_on_its_own_is_not_checked(results, tool, written):
    """There is nothing that it could belong to."""
    tool("otelcol")
    assert results(written(**{"more.yaml": OVERLAY}))["more.yaml"].status == "not_checked"


def test_a_component_that_is_not_built_in_says_nothing_about_the_file(results, tool, written):
    """Another Collector is asked; where there is none, the user hears which component it is."""
    missing = 'echo "\'exporters\' unknown type: \\"load_balancing\\" for id: \\"load_balancing\\""; exit 1'
    tool("agentotel-otelcol", missing)
    folder = written(**{"agent.yaml": BASE})
    found = results(folder)["agent.yaml"]
    assert found.status == "not_checked"
    assert "component load_balancing" in found.message
    tool("otelcol-contrib")
    assert results(folder)["agent.yaml"].status == "ok"


def test_a_misspelt_component_is_wrong(results, tool, written):
    """No file of the pack names it, so no Collector has it."""
    tool("otelcol", 'echo "unknown type: \\"load_blancing\\" for id"; exit 1')  # fmt: skip
    found = results(written(**{"agent.yaml": BASE}))["agent.yaml"]
    assert found.status == "failed"
    assert "load_blancing" in found.message


def test_without_a_collector_nothing_is_known(results, written):
    """The user hears where to get one."""
    found = results(written(**{"agent.yaml": BASE}))["agent.yaml"]
    assert found.status == "not_checked"
    assert "otelcol-contrib" in found.message


def test_queues_on_disk_have_a_folder_while_they_are_checked(results, tool, written):
    """The one of the configuration is on the machine where the Collector will run."""
    tool("otelcol", 'test -d "$OTELCOL_STORAGE" || exit 1')
    assert results(written(**{"agent.yaml": BASE}))["agent.yaml"].status == "ok"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("dist:\nreceivers:\n  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v0.155.0\n", "ok"),
        ("dist:\nreceivers:\n  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver\n", "failed"),
        ("dist:\nreceivers:\n  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver latest\n", "failed"),
    ],
)
def test_a_manifest_pins_what_it_builds(results, written, text, status):
    """A build would take minutes: only the versions are looked at."""
    assert results(written(**{"builder.yaml": text}))["builder.yaml"].status == status
