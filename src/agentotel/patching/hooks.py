"""Patches libraries at the moment the user imports them, and keeps the record of what was patched.

This module owns state: one report per target of each adapter, for ``agentotel doctor``. It never imports a framework.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from wrapt import register_post_import_hook

from agentotel._base.errors import TargetError
from agentotel._base.failopen import attempt, report
from agentotel.model.contract import Call
from agentotel.patching.observation import CurrentObserver
from agentotel.patching.resolve import apply, split
from agentotel.patching.wrap import wrap, wrap_note

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from agentotel.model.contract import Adapter, Note

Status = Literal["pending", "patched", "missing", "unsupported", "other_version", "failed"]


@dataclass(frozen=True, slots=True)
class PatchReport:
    """What has become of one target.

    Attributes:
        adapter: Name of the adapter.
        target: The target as the adapter states it; the trigger module for an adapter's ``install``.
        status: ``pending`` (its module is not imported), ``patched``, ``missing`` (there is no such thing),
            ``unsupported`` (the library's version is outside of what the adapter supports), ``other_version`` (this
            one target belongs to other versions of it) or ``failed``.
        reason: Why, as a phrase; empty when it is patched.
        optional: Whether the adapter expects it to be missing in some versions.
    """

    adapter: str
    target: str
    status: Status
    reason: str = ""
    optional: bool = False


_lock = threading.Lock()
_reports: dict[tuple[str, str], PatchReport] = {}


def patch_reports() -> tuple[PatchReport, ...]:
    """Return the present state of every target, in the order in which they were registered."""
    with _lock:
        return tuple(_reports.values())


def reset_reports() -> None:
    """Forget all reports, for tests; what is patched stays patched."""
    with _lock:
        _reports.clear()


def when_imported(module: str, action: Callable[[ModuleType], None]) -> None:
    """Call ``action(module)`` once, after the user's program has imported `module`; at once if it has already.

    Args:
        module: Full name, such as ``openai.resources.chat.completions``. It is never imported by us.
        action: Runs inside the fail-open guard and outside of all locks: what it raises does not break the import.
    """
    register_post_import_hook(functools.partial(attempt, f"hooks.{module}", action), module)


def patch_adapter(adapter: Adapter) -> tuple[PatchReport, ...]:
    """Arrange for everything that `adapter` names to be patched as soon as its library is imported.

    Args:
        adapter: What to patch. Doing it again does no harm: nothing is wrapped twice.

    Returns:
        The reports of this adapter, as they are now; `patch_reports` tells later what became of them.
    """
    for part in _parts(adapter):
        _record(adapter, part.target, "pending", f"{adapter.trigger} is not imported", optional=part.optional)
    if adapter.install is not None:
        _record(adapter, adapter.trigger, "pending", f"{adapter.trigger} is not imported")
    when_imported(adapter.trigger, functools.partial(_patch_now, adapter))
    return tuple(found for found in patch_reports() if found.adapter == adapter.name)


def _patch_now(adapter: Adapter, module: ModuleType) -> None:
    """Patch what can be patched: called when the trigger has been imported."""
    version = installed_version(adapter.distribution)
    refusal = attempt(f"{adapter.name}.patch", _refusal, adapter.distribution, version, adapter.supports)
    for part in _parts(adapter):
        if refusal:
            _record(adapter, part.target, "unsupported", refusal, optional=part.optional)
        else:
            _schedule(adapter, part, version)
    if adapter.install is not None:
        _install(adapter, module, refusal)


def _parts(adapter: Adapter) -> tuple[Call | Note, ...]:
    return (*adapter.calls, *adapter.notes)


def _schedule(adapter: Adapter, part: Call | Note, version: str | None) -> None:
    """Patch one target now, or when its own module is imported."""
    record = functools.partial(_record, adapter, part.target, optional=part.optional)
    try:
        module_name, _ = split(part.target)
        belongs_to = getattr(part, "supports", None)
        refusal = _refusal(adapter.distribution, version, belongs_to)
    except Exception as error:  # noqa: BLE001 - a wrong statement of the adapter concerns this one target only
        report(f"{adapter.name}.patch", error)
        record("failed", str(error))
        return
    if refusal:
        record("other_version", f"{adapter.distribution} {version} is installed, this is for {belongs_to}")
        return
    if module_name not in sys.modules:
        record(*_not_imported(module_name))
    when_imported(module_name, functools.partial(_patch_target, adapter, part))


def _patch_target(adapter: Adapter, part: Call | Note, _: ModuleType) -> None:
    record = functools.partial(_record, adapter, part.target, optional=part.optional)
    try:
        apply(part.target, functools.partial(_wrapped, adapter, part))
    except TargetError as error:
        if not part.optional:
            report(f"{adapter.name}.patch", error)
        record("missing", str(error))
    except Exception as error:  # noqa: BLE001 - the other targets, and the user's import, go on
        report(f"{adapter.name}.patch", error)
        record("failed", f"{type(error).__name__}: {error}")
    else:
        record("patched")


def _wrapped(adapter: Adapter, part: Call | Note, original: Any) -> Any:
    return wrap(original, part, adapter.name) if isinstance(part, Call) else wrap_note(original, part, adapter.name)


def _install(adapter: Adapter, module: ModuleType, refusal: str | None) -> None:
    assert adapter.install is not None
    if refusal:
        _record(adapter, adapter.trigger, "unsupported", refusal)
        return
    try:
        adapter.install(module, CurrentObserver())
    except Exception as error:  # noqa: BLE001 - as above
        report(f"{adapter.name}.install", error)
        _record(adapter, adapter.trigger, "failed", f"{type(error).__name__}: {error}")
    else:
        _record(adapter, adapter.trigger, "patched")


def _not_imported(module_name: str) -> tuple[Status, str]:
    """Tell a module that may still be imported from one that this version of the library does not have."""
    package = module_name.rpartition(".")[0]
    # Looking for a module imports the packages around it: only done where that has already happened.
    if package in sys.modules and importlib.util.find_spec(module_name) is None:
        return "missing", f"{package} has no module {module_name.rpartition('.')[2]!r}"
    return "pending", f"{module_name} is not imported"


def installed_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, None if it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _refusal(distribution: str, version: str | None, supports: str | None) -> str | None:
    """Return why this version is not supported, or None. A library that has no version is given the chance."""
    if version is None or not supports:
        return None
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415 - only needed once a library is imported

    if SpecifierSet(supports).contains(version, prereleases=True):
        return None
    return f"{distribution} {version} is installed, supported is {supports}"


def _record(adapter: Adapter, target: str, status: Status, reason: str = "", *, optional: bool = False) -> None:
    with _lock:
        _reports[adapter.name, target] = PatchReport(adapter.name, target, status, reason, optional)
