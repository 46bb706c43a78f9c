"""``agentotel doctor``: what works here, as text and as JSON."""

from __future__ import annotations

import json
import os

import pytest

from agentotel.adapters.registry import ADAPTERS
from agentotel.cli import doctor
from agentotel.diagnostics.findings import Finding


@pytest.fixture
def diagnose(invoke, monkeypatch, tmp_path):
    """Run the command in an empty project, where nothing goes out and no library is imported."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("OTEL_", "AGENTOTEL_")):
            monkeypatch.delenv(name)

    def run(*arguments, **environ):
        quiet = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")} | {
            "AGENTOTEL_DB": str(tmp_path / "telemetry.db"),
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(adapter.name for adapter in ADAPTERS),
        }
        return invoke("doctor", *arguments, **quiet | environ)

    return run


@pytest.fixture
def found(monkeypatch):
    """Replace the diagnosis."""

    def put(*findings):
        monkeypatch.setattr(doctor, "diagnose", lambda: iter(findings))

    return put


def test_a_sound_installation_ends_with_status_0(diagnose):
    """Headings and one line per finding on stdout, nothing on stderr."""
    run = diagnose()
    assert run.exit_code == 0
    assert run.stderr == ""
    lines = run.stdout.splitlines()
    assert {"versions", "settings", "launcher", "adapters", "destinations"} <= set(lines)
    assert "  ok opentelemetry-instrument: uses agentotel" in run.stdout
    assert "  -- openai: left out: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in lines


def test_what_does_not_work_ends_with_status_1(diagnose):
    """The setting, its value and what was expected are on one line."""
    run = diagnose(AGENTOTEL_CARDINALITY_LIMIT="lots")
    assert run.exit_code == 1
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("  XX")]
    assert "AGENTOTEL_CARDINALITY_LIMIT=lots" in line
    assert "expected" in line


def test_a_warning_is_no_failure(diagnose):
    """What was asked for works."""
    run = diagnose(OTEL_SDK_DISABLED="true")
    assert run.exit_code == 0
    assert "  !! OTEL_SDK_DISABLED: is set" in run.stdout


@pytest.mark.parametrize(("limit", "status"), [("5", 0), ("lots", 1)])
def test_json_is_a_list_of_findings(diagnose, limit, status):
    """The same with the same status, for programs."""
    run = diagnose("--json", AGENTOTEL_CARDINALITY_LIMIT=limit)
    assert run.exit_code == status
    findings = json.loads(run.stdout)
    assert all(set(finding) == {"section", "subject", "status", "detail"} for finding in findings)
    assert {finding["status"] for finding in findings} <= {"ok", "info", "warning", "error"}
    assert ("error" in {finding["status"] for finding in findings}) is bool(status)


def test_a_terminal_obeys_nothing_of_it(diagnose, found):
    """Control characters and markup in what a library says stand there as text, long lines stay one line."""
    found(Finding("adapters", "openai", "ok", "\x1b[31mred\nnext [bold]word[/] :smile: " + "x" * 300))
    run = diagnose()
    assert "\x1b" not in run.stdout
    heading, line = run.stdout.splitlines()
    assert heading == "adapters"
    assert "\\x1b[31mred\\nnext [bold]word[/] :smile:" in line
    assert line.endswith("x" * 300)


def test_each_section_has_one_heading(diagnose, found):
    """Its findings stand below it in their order."""
    found(Finding("a", "1", "ok", "x"), Finding("a", "2", "info", "y"), Finding("b", "3", "warning", "z"))
    assert diagnose().stdout.splitlines() == ["a", "  ok 1: x", "  -- 2: y", "b", "  !! 3: z"]
