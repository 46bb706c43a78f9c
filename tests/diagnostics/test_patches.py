"""What would be patched, found out in a process of its own."""

from __future__ import annotations

import sys

import pytest

from agentotel.adapters import openai
from agentotel.adapters.registry import ADAPTERS
from agentotel.diagnostics import patches
from agentotel.model.contract import Adapter


@pytest.fixture(autouse=True)
def one_adapter(monkeypatch):
    """Look at one adapter: trying another means importing another library."""
    monkeypatch.setattr(patches, "ADAPTERS", (openai.ADAPTER,))


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_every_installed_library_can_be_patched(monkeypatch, adapter):
    """Whatever its version: nothing that it must have is missing."""
    monkeypatch.setattr(patches, "ADAPTERS", (adapter,))
    (summary,) = patches.findings(())
    assert summary.status in {"ok", "info"}
    assert ("is not installed" in summary.detail) == (summary.status == "info")


def test_the_installed_library_is_tried_for_real():
    """Every target of the adapter that its version must have is patched, and this process does not import it."""
    before = set(sys.modules)
    summary, *wrong = patches.findings(())
    assert (summary.subject, summary.status) == ("openai", "ok")
    assert "targets are patched" in summary.detail
    assert wrong == []
    assert not {name for name in set(sys.modules) - before if name.partition(".")[0] == "openai"}


@pytest.mark.parametrize("disabled", ["openai", "*"])
def test_an_adapter_that_is_switched_off_is_not_tried(disabled):
    """It is told why."""
    (finding,) = patches.findings({disabled})
    assert (finding.subject, finding.status) == ("openai", "info")
    assert finding.detail == "left out: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def test_a_library_that_is_not_installed_is_told_with_what_is_supported(monkeypatch):
    """Nothing is wrong with that."""
    absent = Adapter("absent", "no-such-distribution", ">=1,<2", "absent", "patch: there is no other way")
    monkeypatch.setattr(patches, "ADAPTERS", (absent,))
    (finding,) = patches.findings(())
    assert finding.status == "info"
    assert finding.detail == "no-such-distribution is not installed (supported: >=1,<2)"


@pytest.fixture
def shadow(tmp_path, monkeypatch):
    """Put a module of the library's name before the library."""

    def put(source):
        (tmp_path / "openai.py").write_text(source)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return list(patches.findings(()))

    return put


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ImportError('no tls here')", "no tls here"),
        ("print('3')\nraise ValueError('broken \\x1b[31m config')", "broken \\x1b[31m config"),
        ("import sys\nsys.exit(7)", "it ended the process with status 7"),
        ("import os\nprint('[]', flush=True)\nos._exit(0)", "it ended the process with status 0"),
    ],
    ids=["import error", "prints and fails", "exits", "ends at once"],
)
def test_a_library_that_cannot_be_imported_is_an_error_with_its_reason(shadow, source, reason):
    """In one line that a terminal does not obey, whatever the library prints or does."""
    (finding,) = shadow(source)
    assert (finding.subject, finding.status) == ("openai", "error")
    assert "cannot be imported: " in finding.detail
    assert reason in finding.detail
    assert finding.detail.isprintable()


def test_targets_that_are_gone_are_named_one_by_one(shadow):
    """A library of the right version without what the adapter patches: each target with the reason."""
    summary, *wrong = shadow("import atexit\natexit.register(print, 'bye')\n__path__ = []\n")
    assert summary.status == "error"
    assert wrong or "cannot be imported" in summary.detail
    assert all(finding.status == "error" for finding in wrong)


def test_a_library_that_hangs_is_an_error(shadow, monkeypatch):
    """The diagnosis goes on after the deadline."""
    monkeypatch.setattr(patches, "_DEADLINE_S", 0.5)
    (finding,) = shadow("import threading\nthreading.Event().wait()")
    assert finding.status == "error"
    assert "cannot be tried" in finding.detail


def report(target, status, *, optional=False, reason="why"):
    """Return what became of one target, as the child prints it."""
    return {"target": target, "status": status, "reason": reason, "optional": optional}


def test_only_what_must_be_there_and_is_not_is_an_error():
    """Optional targets may be missing, pending ones may still be imported; the rest is named with its reason."""
    reports = [
        report("a", "patched"),
        report("b", "pending"),
        report("c", "missing", optional=True),
        report("d", "missing", reason="there is no D"),
        report("e", "failed", reason="ValueError: broken"),
        report("f", "unsupported", reason="3.0 is installed"),
        report("g", "other_version", reason="this is for <2"),
    ]
    summary, *wrong = patches._judged(openai.ADAPTER, "2.0", reports)
    assert (summary.status, summary.detail) == ("error", "openai 2.0: 1 of 6 targets are patched")
    assert [(finding.subject, finding.detail) for finding in wrong] == [
        ("d", "missing: there is no D"),
        ("e", "failed: ValueError: broken"),
        ("f", "unsupported: 3.0 is installed"),
    ]
    (summary,) = patches._judged(openai.ADAPTER, "2.0", reports[:3])
    assert summary.status == "ok"
