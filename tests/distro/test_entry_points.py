"""The distro that the launcher loads first."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points

import pytest

from agentotel.config.load import load_settings
from agentotel.distro import instrumentors, process, quiet
from agentotel.distro.configurator import AgentotelConfigurator
from agentotel.distro.entry_points import AgentotelDistro
from agentotel.distro.process import Process


@pytest.fixture
def distro(monkeypatch):
    """The distro in a process of which nothing is known yet."""
    before = {name: list(logging.getLogger(name).filters) for name in (*quiet._REPEATING, quiet._LOADER)}
    monkeypatch.setattr(process, "_current", Process(load_settings({}), None))
    yield AgentotelDistro()
    for name, filters in before.items():
        logging.getLogger(name).filters = filters


@pytest.fixture
def loaded(monkeypatch):
    """Remember which instrumentors are loaded."""
    calls = []
    monkeypatch.setattr(instrumentors, "load", lambda *arguments: calls.append(arguments))
    return calls


@pytest.mark.parametrize(
    ("group", "found"),
    [("opentelemetry_distro", AgentotelDistro), ("opentelemetry_configurator", AgentotelConfigurator)],
)
def test_the_launcher_finds_it(group, found):
    """The installed package names it in the launcher's groups."""
    (entry,) = entry_points(group=group, name="agentotel")
    assert entry.load() is found


def test_configuring_reads_the_settings_and_quiets_the_exporters(distro, monkeypatch):
    """The settings are read, and the repeated messages of exporters held back, before anything else is loaded."""
    monkeypatch.setattr(process, "_current", None)
    monkeypatch.setattr(process, "_read", lambda: Process(load_settings({}), None))
    distro.configure()
    assert process._current is not None
    assert quiet.exporter_messages in logging.getLogger("opentelemetry.exporter.http.transport").filters


def test_instrumentors_are_loaded_with_what_the_launcher_says(distro, loaded):
    """Each one as the launcher wants it."""
    distro.load_instrumentor("entry point", skip_dep_check=True)
    assert loaded == [("entry point", {"skip_dep_check": True})]


def test_a_process_that_is_left_out_loads_no_instrumentor(distro, loaded, monkeypatch):
    """Other instrumentations are left out as well."""
    monkeypatch.setattr(process, "_current", Process(load_settings({}), "a reason"))
    distro.load_instrumentor("entry point")
    assert loaded == []


OTHER = """
from opentelemetry.instrumentation.distro import BaseDistro
class OtherDistro(BaseDistro):
    def _configure(self, **kwargs):
        pass
"""


@pytest.mark.parametrize(
    ("choice", "expected"), [({}, "AgentotelDistro"), ({"OTEL_PYTHON_DISTRO": "other"}, "OtherDistro")]
)
def test_with_two_distros_ours_is_the_default_and_the_users_choice_stands(run_program, tmp_path, choice, expected):
    """Another distro that the interpreter finds first does not win by that, but it can be asked for."""
    (tmp_path / "other_distro.py").write_text(OTHER)
    metadata = tmp_path / "aaa_other-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-other\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[opentelemetry_distro]\nother = other_distro:OtherDistro\n")
    source = f"""
        import sys
        from importlib.metadata import entry_points
        sys.path.insert(0, {str(tmp_path)!r})
        (chosen,) = entry_points(group="opentelemetry_environment_variables", name="agentotel")
        chosen.load()
        from opentelemetry.instrumentation.auto_instrumentation import _load
        print(type(_load._load_distro()).__name__)
    """
    assert run_program(source, **choice).stdout.split() == [expected]
