"""Intercepts the calls of the user's program: import hooks, wrapping, streams. Knows nothing of OpenTelemetry."""

from __future__ import annotations

from agentotel.patching.collected import settle as settle_collected
from agentotel.patching.hooks import PatchReport, installed_version, patch_adapter, patch_reports, when_imported
from agentotel.patching.observation import observe, observer, stop_observing
from agentotel.patching.open_call import settle_streams
from agentotel.patching.resolve import apply, resolve
from agentotel.patching.wrap import wrap, wrap_note

__all__ = [
    "PatchReport",
    "apply",
    "installed_version",
    "observe",
    "observer",
    "patch_adapter",
    "patch_reports",
    "resolve",
    "settle_collected",
    "settle_streams",
    "stop_observing",
    "when_imported",
    "wrap",
    "wrap_note",
]
