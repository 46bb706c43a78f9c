"""The module by which agentotel is chosen under a plain launcher."""

from __future__ import annotations

import runpy
from importlib.metadata import entry_points

import pytest

MODULE = "agentotel.distro.environment_variables"
NAMES = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")


def test_the_launcher_loads_it_before_the_program_starts():
    """It stands in the group that the launcher goes through for names of variables."""
    (entry,) = entry_points(group="opentelemetry_environment_variables", name="agentotel")
    assert entry.value == MODULE


def test_agentotel_is_the_default_choice(environ):
    """Both the distro and the configurator."""
    runpy.run_module(MODULE)
    assert [environ[name] for name in NAMES] == ["agentotel", "agentotel"]


@pytest.mark.parametrize("name", NAMES)
def test_the_users_choice_stands(environ, name):
    """Whoever asks for another distro or configurator gets it."""
    environ[name] = "other"
    runpy.run_module(MODULE)
    assert environ[name] == "other"


def test_it_costs_nothing(run_program):
    """It runs in the launcher, in front of every program: none of our other modules is imported by it."""
    source = """
        import sys
        before = set(sys.modules)
        import agentotel.distro.environment_variables
        found = sorted(set(sys.modules) - before)
        print([name for name in found if name.startswith(("agentotel", "opentelemetry"))])
    """
    expected = ["agentotel", "agentotel.distro", MODULE]
    assert run_program(source).stdout.strip() == str(expected)
