"""Imports of modules that match are seen after their code has run, and imports stay what they were."""

import importlib
import inspect
import sys

import pytest

from agentotel.patching.module_globs import MatchingImports


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """The modules that were reported, with a folder of modules on the path."""
    (tmp_path / "glob_one.py").write_text("value = 1\n")
    (tmp_path / "glob_two.py").write_text("import glob_one\nvalue = glob_one.value + 1\n")
    (tmp_path / "glob_bad.py").write_text("1 / 0\n")
    (tmp_path / "other_one.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen = []
    watch = MatchingImports(
        lambda name: name.startswith("glob_"), lambda module: seen.append((module.__name__, module.value))
    )
    watch.install()
    yield seen
    watch.uninstall()
    assert watch not in sys.meta_path
    for name in ("glob_one", "glob_two", "glob_bad", "other_one"):
        sys.modules.pop(name, None)


def test_matching_modules_are_reported_after_they_have_run(imported):
    """Nested imports are reported inner first; others are not."""
    importlib.import_module("glob_two")
    importlib.import_module("other_one")
    assert imported == [("glob_one", 1), ("glob_two", 2)]


def test_a_module_that_fails_raises_its_own_error(imported):
    """A module whose code raises is not reported, and the error is the user's."""
    with pytest.raises(ZeroDivisionError):
        importlib.import_module("glob_bad")
    assert imported == []


def test_a_missing_module_is_missing(imported):
    """What nobody finds is not found, with Python's own error."""
    with pytest.raises(ModuleNotFoundError, match="No module named 'glob_missing'"):
        importlib.import_module("glob_missing")


def test_loader_sources_and_reload_stay(imported):
    """The module keeps its loader, so that tracebacks, inspection and reload work."""
    module = importlib.import_module("glob_one")
    assert inspect.getsource(module) == "value = 1\n"
    assert "exec_module" not in vars(module.__loader__)
    importlib.reload(module)
    assert imported == [("glob_one", 1)] * 2
