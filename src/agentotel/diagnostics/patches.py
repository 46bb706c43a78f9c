"""Finds out what would be patched: imports each supported library that is installed, in a process of its own.

A process of its own, because importing a library may take seconds, print, or fail in ways of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import printable
from agentotel.adapters.registry import ADAPTERS
from agentotel.diagnostics.findings import Finding
from agentotel.patching import installed_version, patch_adapter, patch_reports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from agentotel.model.contract import Adapter

_DEADLINE_S: Final = 60
_SECTION: Final = "adapters"
_MARK: Final = "\nagentotel-patch-reports:"
"""Stands before the reports in the child's output: the library may print as well."""


def findings(disabled: Collection[str]) -> Iterator[Finding]:
    """Yield a finding per adapter, and one per target that cannot be patched.

    Args:
        disabled: The names in ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
    """
    for adapter in ADAPTERS:
        installed = installed_version(adapter.distribution)
        if adapter.name in disabled or "*" in disabled:
            yield Finding(_SECTION, adapter.name, "info", "left out: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS")
        elif installed is None:
            detail = f"{adapter.distribution} is not installed (supported: {adapter.supports})"
            yield Finding(_SECTION, adapter.name, "info", detail)
        else:
            yield from _tried(adapter, installed)


def _tried(adapter: Adapter, installed: str) -> Iterator[Finding]:
    command = [sys.executable, "-m", "agentotel.diagnostics.patches", adapter.name]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
        if _MARK not in done.stdout:
            last = done.stderr.strip().rpartition("\n")[2] or f"it ended the process with status {done.returncode}"
            detail = f"{adapter.distribution} {installed} cannot be imported: {printable(last)}"
            yield Finding(_SECTION, adapter.name, "error", detail)
            return
        reports, _ = json.JSONDecoder().raw_decode(done.stdout.rpartition(_MARK)[2])
    except (subprocess.TimeoutExpired, ValueError) as error:
        detail = f"{adapter.distribution} {installed} cannot be tried: {printable(error)}"
        yield Finding(_SECTION, adapter.name, "error", detail)
        return
    yield from _judged(adapter, installed, reports)


def _judged(adapter: Adapter, installed: str, reports: list[dict[str, str]]) -> Iterator[Finding]:
    reports = [report for report in reports if report["status"] != "other_version"]
    patched = sum(report["status"] == "patched" for report in reports)
    wrong = [report for report in reports if report["status"] not in {"patched", "pending"} and not report["optional"]]
    detail = f"{adapter.distribution} {installed}: {patched} of {len(reports)} targets are patched"
    yield Finding(_SECTION, adapter.name, "error" if wrong else "ok", detail)
    for report in wrong:
        yield Finding(_SECTION, report["target"], "error", f"{report['status']}: {report['reason']}")


def _try(name: str) -> None:
    """Patch one adapter here, import its library, and print what became of each target: runs in the child."""
    adapter = next(adapter for adapter in ADAPTERS if adapter.name == name)
    patch_adapter(adapter)
    __import__(adapter.trigger)
    for report in patch_reports():
        if report.status == "pending" and not report.optional:
            __import__(report.target.partition(":")[0])
    keys = ("target", "status", "reason", "optional")
    reports = [{key: getattr(report, key) for key in keys} for report in patch_reports()]
    sys.stdout.write(_MARK + json.dumps(reports))


if __name__ == "__main__":
    _try(sys.argv[1])
