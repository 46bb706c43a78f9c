"""Looks at where telemetry would go: whether anybody listens there, and whether the local store can be written."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from agentotel.config.load import DEFAULT
from agentotel.diagnostics.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agentotel.config.load import Loaded

_SECTION: Final = "destinations"
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_DEFAULTS: Final = {"grpc": "http://localhost:4317", "http/protobuf": "http://localhost:4318"}
_PORTS: Final = {"http": 80, "https": 443}
_TIMEOUT_S: Final = 2.0


def findings(loaded: Loaded) -> Iterator[Finding]:
    """Yield a finding per signal's endpoint, and one for the local store."""
    settings = loaded.settings
    signals = (
        ("traces", settings.traces_exporters, settings.traces_protocol),
        ("metrics", settings.metrics_exporters, settings.metrics_protocol),
        ("logs", settings.logs_exporters, settings.logs_protocol),
    )
    reached: dict[str, str | None] = {}
    for signal, exporters, protocol in signals:
        if "otlp" not in exporters:
            yield Finding(_SECTION, signal, "info", f"exported by: {', '.join(exporters) or 'nothing'}")
            continue
        endpoint = _endpoint(loaded, signal, protocol)
        if endpoint not in reached:
            reached[endpoint] = _why_unreachable(endpoint)
        reason = reached[endpoint]
        if reason is None:
            yield Finding(_SECTION, signal, "ok", f"{endpoint} ({protocol}) accepts connections")
        else:
            advice = "start a Collector there, run `agentotel local`, or set " + _ENDPOINT
            yield Finding(_SECTION, signal, "warning", f"{endpoint} ({protocol}): {reason}; {advice}")
    yield _store(settings.db)


def _endpoint(loaded: Loaded, signal: str, protocol: str) -> str:
    own = loaded.shown.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    if own:
        return own
    return _DEFAULTS[protocol] if loaded.sources[_ENDPOINT] == DEFAULT else loaded.shown[_ENDPOINT]


def _why_unreachable(endpoint: str) -> str | None:
    try:
        parts = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}")
        port = parts.port or _PORTS.get(parts.scheme, 4317)
        with socket.create_connection((parts.hostname or "localhost", port), timeout=_TIMEOUT_S):
            return None
    except (OSError, ValueError) as error:
        return str(error)


def _store(path: Path) -> Finding:
    reason = _why_unwritable(path)
    if reason is None:
        return Finding(_SECTION, "local store", "ok", f"{path} can be written")
    return Finding(_SECTION, "local store", "error", f"AGENTOTEL_DB={path}: {reason}")


def _why_unwritable(path: Path) -> str | None:
    # os.path and not Path: below a folder that may not be looked into, the latter raises.
    nearest = next((parent for parent in (path, *path.parents) if os.path.exists(parent)), path)  # noqa: PTH110
    if os.path.isdir(path):  # noqa: PTH112
        return "is a folder, expected a file"
    if nearest != path and not os.path.isdir(nearest):  # noqa: PTH112
        return f"{nearest} is a file, expected a folder"
    return None if os.access(nearest, os.W_OK) else f"{nearest} cannot be written"
