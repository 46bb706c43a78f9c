"""The diagnosis behind ``agentotel doctor``."""

from __future__ import annotations

import os
import platform
from importlib.metadata import entry_points, version

import pytest

import agentotel
from agentotel.adapters.registry import ADAPTERS
from agentotel.diagnostics import doctor
from agentotel.diagnostics.doctor import diagnose


@pytest.fixture
def diagnosis(monkeypatch, tmp_path):
    """Return the findings for an environment; nothing goes out and no library is imported unless it says so."""

    def look(**environment):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "AGENTOTEL_"))}
        defaults = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")} | {
            "AGENTOTEL_DB": str(tmp_path / "telemetry.db"),
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(adapter.name for adapter in ADAPTERS),
        }
        monkeypatch.setattr(os, "environ", clean | defaults | environment)
        monkeypatch.chdir(tmp_path)
        return list(diagnose())

    return look


def of(findings, section):
    """Return the findings of a section by their subject."""
    return {finding.subject: finding for finding in findings if finding.section == section}


def test_a_sound_installation_has_nothing_to_complain_about(diagnosis):
    """Section by section, without an error or a warning."""
    findings = diagnosis()
    sections = list(dict.fromkeys(finding.section for finding in findings))
    assert [s for s in sections if s != "other instrumentors"] == [
        "versions",
        "settings",
        "launcher",
        "adapters",
        "destinations",
    ]
    assert [finding for finding in findings if finding.status in {"error", "warning"}] == []


def test_versions_are_those_that_are_installed(diagnosis):
    """Ours, Python's and those of what we stand on."""
    found = of(diagnosis(), "versions")
    assert found["agentotel"].detail == agentotel.__version__
    assert found["python"].detail == platform.python_version()
    assert found["opentelemetry-sdk"].detail == version("opentelemetry-sdk")


def test_settings_are_shown_with_their_source_and_problems_as_errors(diagnosis):
    """What the user has set and works is ok; what cannot be used is an error and is not ok as well."""
    findings = diagnosis(AGENTOTEL_CONVENTIONS="guide", AGENTOTEL_CARDINALITY_LIMIT="lots", AGENTOTEL_DISCOVR="off")
    settings = [finding for finding in findings if finding.section == "settings"]
    by_subject = {finding.subject: finding for finding in settings}
    assert (by_subject["conventions"].status, by_subject["conventions"].detail) == ("ok", "guide (environment)")
    assert by_subject["AGENTOTEL_CARDINALITY_LIMIT"].status == "error"
    assert "lots" in by_subject["AGENTOTEL_CARDINALITY_LIMIT"].detail
    assert "cardinality_limit" not in by_subject
    assert "AGENTOTEL_DISCOVER" in by_subject["AGENTOTEL_DISCOVR"].detail


def test_targets_of_the_wrong_form_are_errors(diagnosis):
    """Each with its reason."""
    wrong = [f for f in diagnosis(AGENTOTEL_TARGETS="agent=; tool=shop.tools:search_*") if f.status == "error"]
    assert wrong
    assert {finding.section for finding in wrong} == {"settings"}
    assert "AGENTOTEL_TARGETS" in str(wrong)


def test_secrets_are_not_shown(diagnosis):
    """A diagnosis is pasted into issues."""
    findings = diagnosis(OTEL_EXPORTER_OTLP_HEADERS="api-key=canary-1,x=canary-2")
    assert "canary" not in str(findings)
    assert of(findings, "settings")["OTEL_EXPORTER_OTLP_HEADERS"].status == "ok"


def test_that_everything_is_off_is_a_warning(diagnosis):
    """Whoever wonders why nothing arrives reads it here."""
    settings = [finding for finding in diagnosis(OTEL_SDK_DISABLED="true") if finding.section == "settings"]
    assert ("warning", "is set: nothing at all is recorded") in [(f.status, f.detail) for f in settings]


def test_another_distro_that_was_chosen_is_named(diagnosis, monkeypatch, tmp_path):
    """A launcher that was told to use another distro records nothing with this one, and that is said."""
    other = tmp_path / "site" / "other_distro-1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other-distro\nVersion: 1\n")
    (other / "entry_points.txt").write_text("[opentelemetry_distro]\nother = other_distro:Distro\n")
    monkeypatch.syspath_prepend(other.parent)
    found = of(diagnosis(OTEL_PYTHON_DISTRO="other"), "launcher")["opentelemetry-instrument"]
    assert found.status == "warning"
    assert "OTEL_PYTHON_DISTRO=other" in found.detail


def test_the_launcher_uses_agentotel(diagnosis):
    """The installed package is what the launcher finds."""
    assert of(diagnosis(), "launcher")["opentelemetry-instrument"].status == "ok"


@pytest.mark.newest
def test_a_distro_beside_ours_is_named(diagnosis):
    """So that nobody wonders whether it is used."""
    detail = of(diagnosis(), "launcher")["opentelemetry-instrument"].detail
    assert detail == "uses agentotel; also installed and not used: distro"


@pytest.mark.parametrize(
    "group", ["opentelemetry_distro", "opentelemetry_configurator", "opentelemetry_environment_variables"]
)
def test_an_installation_without_our_entry_points_is_an_error(diagnosis, monkeypatch, group):
    """Such as a checkout on the path that was never installed."""
    monkeypatch.setattr(
        doctor, "entry_points", lambda **query: () if query["group"] == group else entry_points(**query)
    )
    (finding,) = of(diagnosis(), "launcher").values()
    assert (finding.subject, finding.status) == (group, "error")
    assert "install it again" in finding.detail


def test_other_instrumentors_are_told_apart(diagnosis):
    """Loaded as usual, or switched off."""
    subject = next(iter(entry_points(group="opentelemetry_instrumentor"))).name
    found = of(diagnosis(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=f"openai,{subject}"), "other instrumentors")
    assert found[subject].detail == "left out: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    assert {finding.status for finding in found.values()} == {"info"}
    names = {entry.name for entry in entry_points(group="opentelemetry_instrumentor")}
    assert set(found) == names


@pytest.mark.newest
def test_an_instrumentor_for_the_same_library_gives_way(diagnosis):
    """The official one for openai is installed here; our adapter stands for it."""
    details = [
        finding.detail
        for finding in diagnosis(OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="")
        if finding.section == "other instrumentors"
    ]
    assert "left out: the adapter openai records the same calls" in details


def test_findings_come_as_they_are_made(monkeypatch):
    """The first ones are there before a library is imported or a Collector asked."""

    def must_not_run(*_):
        raise AssertionError("too early")

    monkeypatch.setattr(doctor.patches, "findings", must_not_run)
    assert next(diagnose()).subject == "agentotel"
