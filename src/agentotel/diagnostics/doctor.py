"""The diagnosis behind ``agentotel doctor``: settings, launcher, what is patched, other instrumentors, destinations."""

from __future__ import annotations

import platform
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Final

from agentotel import __version__
from agentotel.adapters.registry import ADAPTERS
from agentotel.config.load import DEFAULT, load
from agentotel.diagnostics import destinations, patches
from agentotel.diagnostics.findings import Finding
from agentotel.distro.instrumentors import replaced_by
from agentotel.patching import targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.config.load import Loaded

_PACKAGES: Final = ("opentelemetry-api", "opentelemetry-sdk", "opentelemetry-instrumentation", "wrapt", "genai-prices")


def diagnose() -> Iterator[Finding]:
    """Yield the findings, section by section, as they are made: some of them take a second."""
    loaded = load()
    yield from _versions()
    yield from _settings(loaded)
    yield from _launcher(loaded)
    yield from patches.findings(loaded.settings.disabled_instrumentations)
    yield from _instrumentors(loaded)
    yield from destinations.findings(loaded)


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "agentotel", "info", __version__)
    yield Finding("versions", "python", "info", platform.python_version())
    for package in _PACKAGES:
        yield Finding("versions", package, "info", version(package))


def _settings(loaded: Loaded) -> Iterator[Finding]:
    for problem in loaded.problems:
        yield Finding("settings", problem.setting, "error", str(problem))
    _, wrong = targets.parse(loaded.settings.targets)
    for error in wrong:
        yield Finding("settings", "AGENTOTEL_TARGETS", "error", str(error))
    wrong_names = {problem.key for problem in loaded.problems}
    for name, source in loaded.sources.items():
        if source != DEFAULT and name not in wrong_names:
            yield Finding("settings", name, "ok", f"{loaded.shown.get(name, '')} ({source})")
    if loaded.settings.sdk_disabled:
        yield Finding("settings", "OTEL_SDK_DISABLED", "warning", "is set: nothing at all is recorded")


def _launcher(loaded: Loaded) -> Iterator[Finding]:
    for variable in ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR"):
        chosen = loaded.shown.get(variable, "agentotel")
        if chosen != "agentotel":
            detail = f"{variable}={chosen}: the launcher uses that one, and agentotel records nothing; unset it"
            yield Finding("launcher", "opentelemetry-instrument", "warning", detail)
            return
    for group in ("opentelemetry_distro", "opentelemetry_configurator", "opentelemetry_environment_variables"):
        found = {entry.name for entry in entry_points(group=group)}
        if "agentotel" not in found:
            detail = f"no entry point of {group}: agentotel is not installed properly; install it again"
            yield Finding("launcher", group, "error", detail)
            return
    others = {entry.name for entry in entry_points(group="opentelemetry_distro")} - {"agentotel"}
    beside = f"; also installed and not used: {', '.join(sorted(others))}" if others else ""
    yield Finding("launcher", "opentelemetry-instrument", "ok", f"uses agentotel{beside}")


def _instrumentors(loaded: Loaded) -> Iterator[Finding]:
    for entry in sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda entry: entry.name):
        adapter = replaced_by(entry, ADAPTERS)
        if loaded.settings.is_disabled(entry.name):
            detail = "left out: OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
        elif adapter is not None:
            detail = f"left out: the adapter {adapter.name} records the same calls"
        else:
            detail = "loaded as usual"
        yield Finding("other instrumentors", entry.name, "info", detail)
