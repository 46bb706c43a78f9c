"""Patching at import time, and the record of what became of each target."""

from __future__ import annotations

import importlib
import subprocess
import sys
import textwrap

import pytest

from agentotel._base import failopen
from agentotel.model.contract import Adapter, Note
from agentotel.model.operations import AgentRun
from agentotel.patching import hooks, patch_adapter, patch_reports, when_imported

SHOP = """
class Bot:
    def chat(self): return "answer"
def retry(): return "again"
"""


@pytest.fixture
def library(tmp_path, monkeypatch, request):
    """A package on disk that nobody has imported; returns its name, which is different in each test."""
    name = "lib_" + "".join(part if part.isalnum() else "_" for part in request.node.name)
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text(SHOP)
    (package / "late.py").write_text("def work(): return 'done'")
    metadata = tmp_path / f"{name}-2.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture
def adapter(library, call):
    """Make an adapter for the library."""

    def make(*targets, supports=">=2,<3", **changes):
        calls = tuple(call(target=f"{library}{target}") for target in targets)
        return Adapter(library, library, supports, library, "patch: a test", **{"calls": calls, **changes})

    return make


def own_reports():
    """Return what `patch_reports` says about the test's own library: others may be patched in this process too."""
    return [report for report in patch_reports() if report.adapter.startswith("lib_")]


def statuses():
    """Return the statuses of the test's own library, by the name inside of it."""
    return {report.target.partition(":")[2] or report.target: report.status for report in own_reports()}


def test_an_action_waits_for_the_import(library):
    """The action runs once, with the module, when it has been imported; importing it again does nothing."""
    seen = []
    when_imported(library, seen.append)
    assert seen == []
    module = importlib.import_module(library)
    importlib.import_module(library)
    assert seen == [module]
    assert module.retry() == "again"


def test_an_action_for_an_imported_module_runs_at_once(library):
    """There is nothing to wait for."""
    module = importlib.import_module(library)
    seen = []
    when_imported(library, seen.append)
    assert seen == [module]


def test_a_failing_action_does_not_break_the_import(lenient, library):
    """What an action raises is counted; the import goes on, and so do the other actions."""
    seen = []
    when_imported(library, lambda _: 1 / 0)
    when_imported(library, seen.append)
    assert importlib.import_module(library) is seen[0]
    assert failopen.errors() == {f"hooks.{library}": 1}


def test_an_adapter_is_patched_when_its_library_is_imported(observer, adapter, library):
    """Before the import all is pending and nothing is imported; after it, calls are observed."""
    reports = patch_adapter(adapter(":Bot.chat"))
    assert [(report.status, report.reason) for report in reports] == [("pending", f"{library} is not imported")]
    assert library not in sys.modules
    module = importlib.import_module(library)
    assert statuses() == {"Bot.chat": "patched"}
    assert module.Bot().chat() == "answer"
    assert observer.only.ends == ["stop"]


def test_a_submodule_is_patched_when_it_is_imported_itself(observer, adapter, library):
    """A target in a module that the library imports later waits for that one."""
    patch_adapter(adapter(".late:work"))
    importlib.import_module(library)
    assert statuses() == {"work": "pending"}
    assert f"{library}.late" not in sys.modules
    late = importlib.import_module(f"{library}.late")
    assert statuses() == {"work": "patched"}
    late.work()
    assert observer.only.ends == ["stop"]


def test_patching_twice_wraps_once(observer, adapter, library):
    """Registering an adapter again, before and after the import, changes nothing."""
    for _ in range(2):
        patch_adapter(adapter(":Bot.chat"))
    module = importlib.import_module(library)
    patch_adapter(adapter(":Bot.chat"))
    module.Bot().chat()
    assert statuses() == {"Bot.chat": "patched"}
    assert observer.only.ends == ["stop"]


def test_what_is_missing_is_reported_with_the_reason(lenient, adapter, call, library):
    """A missing attribute and a missing module are told apart from one that is not imported yet."""
    optional = call(target=f"{library}:Bot.gone", optional=True)
    patch_adapter(adapter(calls=(call(target=f"{library}:Bot.chatt"), call(target=f"{library}.no:f"), optional)))
    importlib.import_module(library)
    wrong, module, gone = own_reports()
    assert (wrong.status, module.status, gone.status) == ("missing", "missing", "missing")
    assert "did you mean 'chat'?" in wrong.reason
    assert module.reason == f"{library} has no module 'no'"
    assert (wrong.optional, gone.optional) == (False, True)
    assert failopen.errors() == {f"{library}.patch": 1}


def test_an_unsupported_version_is_left_alone(observer, adapter, library):
    """Outside of the supported versions nothing is patched, and the report names both."""
    patch_adapter(adapter(":Bot.chat", supports=">=3", install=lambda *_: 1 / 0))
    module = importlib.import_module(library)
    reason = f"{library} 2.5 is installed, supported is >=3"
    assert [(report.status, report.reason) for report in own_reports()] == [("unsupported", reason)] * 2
    module.Bot().chat()
    assert observer.recordings == []


def test_one_target_may_be_narrower_than_its_adapter(observer, adapter, call, library):
    """A target that exists in some versions only is reported as one of other versions in the others."""
    patch_adapter(adapter(calls=(call(target=f"{library}:Bot.chat", supports="<2.4"), call(target=f"{library}:retry"))))
    importlib.import_module(library)
    assert statuses() == {"Bot.chat": "other_version", "retry": "patched"}


def test_a_library_without_a_distribution_is_patched(observer, adapter):
    """Where no version can be told, the targets themselves decide."""
    unknown = adapter(":Bot.chat")
    patch_adapter(Adapter(unknown.name, "no-such-distribution", "==1", unknown.trigger, "patch", unknown.calls))
    importlib.import_module(unknown.trigger)
    assert statuses() == {"Bot.chat": "patched"}


def test_wrong_statements_of_an_adapter_concern_their_own_target(lenient, adapter, call, library):
    """A malformed target and a malformed version specifier fail alone."""
    calls = (
        call(target="nonsense"),
        call(target=f"{library}:retry", supports="banana"),
        call(target=f"{library}:Bot.chat"),
    )
    patch_adapter(adapter(calls=calls))
    importlib.import_module(library)
    assert [report.status for report in own_reports()] == ["failed", "failed", "patched"]
    assert failopen.errors() == {f"{library}.patch": 2}


def test_notes_are_patched_like_calls(observer, adapter, library):
    """A note of an adapter hears of calls inside an open operation."""
    told = []
    note = Note(f"{library}:retry", lambda operation, _: told.append(operation))
    patch_adapter(adapter(":Bot.chat", notes=(note,)))
    module = importlib.import_module(library)
    module.Bot.answer = lambda _: module.retry()
    assert statuses() == {"Bot.chat": "patched", "retry": "patched"}
    recording = observer.start(AgentRun())
    token = recording.activate()
    assert module.retry() == "again"
    recording.suspend(token)
    assert told == [recording.operation]


def test_install_gets_the_module_and_a_standing_observer(observer, adapter, library):
    """A framework with callbacks is connected once it is imported, to whoever observes then."""
    connected = []
    patch_adapter(adapter(install=lambda *given: connected.append(given), calls=()))
    module = importlib.import_module(library)
    ((given, standing),) = connected
    assert given is module
    operation = AgentRun()
    assert standing.start(operation).operation is operation
    assert statuses() == {library: "patched"}


def test_a_failing_install_is_reported(lenient, adapter, library):
    """An `install` that raises is counted and does not break the import."""
    patch_adapter(adapter(install=lambda *_: 1 / 0, calls=()))
    importlib.import_module(library)
    (report,) = own_reports()
    assert (report.status, report.reason) == ("failed", "ZeroDivisionError: division by zero")
    assert failopen.errors() == {f"{library}.install": 1}


def test_reports_can_be_forgotten(observer, adapter):
    """`reset_reports` leaves no report."""
    patch_adapter(adapter(":Bot.chat"))
    hooks.reset_reports()
    assert patch_reports() == ()


def test_no_framework_is_imported():
    """Registering the openai adapter imports neither openai nor OpenTelemetry."""
    program = textwrap.dedent("""
        import sys
        from agentotel.adapters.openai import ADAPTER
        from agentotel.patching import patch_adapter
        patch_adapter(ADAPTER)
        print([name for name in ("openai", "httpx2", "pydantic", "opentelemetry") if name in sys.modules])
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
