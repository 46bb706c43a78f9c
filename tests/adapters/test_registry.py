from __future__ import annotations

import importlib.metadata
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from agentotel.adapters.registry import ADAPTERS

HERE = Path(__file__).parent


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_every_adapter_has_tests(adapter):
    """An adapter without a test file of its name cannot be added."""
    assert (HERE / f"test_{adapter.name.replace('-', '_')}.py").is_file()


def test_names_are_unique():
    """Two adapters cannot share the name that switches them off."""
    names = [adapter.name for adapter in ADAPTERS]
    assert len(set(names)) == len(names)


def test_the_matrix_names_the_oldest_and_the_newest_version_of_each_library():
    """The versions to test are derived from what the adapter says that it supports."""
    matrix = runpy.run_path(str(HERE / "versions.py"))["matrix"]()
    assert [tuple(line) for line in matrix if line.adapter == "openai"] == [
        ("openai", "oldest", "openai==2"),
        ("openai", "newest", "openai>=2,<4"),
    ]


def test_importing_the_registry_imports_no_library():
    """Adapters are known without any of the libraries that they map being loaded."""
    libraries = {adapter.trigger for adapter in ADAPTERS}
    program = "import agentotel.adapters.registry, sys; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert libraries.isdisjoint(shown.stdout.split())


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_replaced_instrumentations_are_named_with_their_distribution(adapter):
    """What is not loaded beside an adapter is named so that it cannot be mistaken for another distribution's."""
    for entry in adapter.replaces:
        distribution, _, name = entry.partition(":")
        assert distribution
        assert name


def test_the_official_instrumentation_of_openai_is_replaced_under_its_real_name():
    """The entry point that the installed official package registers is the one that the adapter replaces."""
    distribution = "opentelemetry-instrumentation-genai-openai"
    try:
        points = importlib.metadata.distribution(distribution).entry_points
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the official instrumentation is not installed here")
    registered = {f"{distribution}:{p.name}" for p in points if p.group == "opentelemetry_instrumentor"}
    replaced = {entry for adapter in ADAPTERS for entry in adapter.replaces}
    assert registered
    assert registered <= replaced
