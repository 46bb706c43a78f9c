"""The package itself: what it offers, at what price."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

import agentotel
from agentotel import api


def test_what_is_offered_is_sorted_and_complete():
    """Sorted, without doubles, and the same as the interface plus the version."""
    assert agentotel.__all__ == sorted(set(agentotel.__all__))
    assert set(agentotel.__all__) == {"__version__", *api.__all__}


@pytest.mark.parametrize("name", api.__all__)
def test_each_name_is_that_of_the_interface(name):
    """Nothing is made anew."""
    assert getattr(agentotel, name) is getattr(api, name)


def test_an_unknown_name_is_an_error_as_of_any_module():
    """The message is Python's own."""
    with pytest.raises(AttributeError, match=r"^module 'agentotel' has no attribute 'chat'$"):
        agentotel.chat  # noqa: B018 - reading it is the test
    assert not hasattr(agentotel, "TYPE_CHECKING_ONLY")


def test_all_names_can_be_imported_at_once():
    """``from agentotel import *`` gives each of them."""
    namespace = {}
    exec("from agentotel import *", namespace)
    assert set(agentotel.__all__) <= set(namespace)


def test_the_version_is_that_of_the_distribution():
    """One number in two places."""
    assert agentotel.__version__ == version("agentotel")


def test_importing_the_package_imports_nothing_else():
    """The launcher does it in front of every program; the interface comes with its first use."""
    source = """
import sys
import agentotel
print(sorted(name for name in sys.modules if name.startswith(("agentotel", "opentelemetry", "wrapt"))))
agentotel.context
print("agentotel.api" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['agentotel']", "True"]
