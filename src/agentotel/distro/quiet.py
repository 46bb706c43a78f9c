"""Keeps OpenTelemetry's own messages from flooding the program's stderr, without hiding any kind of them.

A Collector that is away makes the exporters log an error for every batch, into a program whose author may never have
configured logging. Each kind of message is let through once; what is lost is counted in ``agentotel.self.dropped``.
"""

from __future__ import annotations

import logging
from typing import Final

_REPEATING: Final = (
    "opentelemetry.exporter.otlp.proto.http._log_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http",
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.http.transport",
    "opentelemetry.sdk._shared_internal",
    "opentelemetry.sdk.metrics._internal.export",
    "opentelemetry.sdk.trace",
    "opentelemetry.sdk._logs._internal.export",
)
_LOADER: Final = "opentelemetry.instrumentation.auto_instrumentation._load"


class OncePerKind(logging.Filter):
    """Lets a message through the first time that its template is seen on a logger."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[tuple[str, str]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this is the first record of its kind."""
        kind = (record.name, str(record.msg)[:200])
        if kind in self._seen:
            return False
        self._seen.add(kind)
        return True


class _NoOtherDistro(logging.Filter):
    """Drops the warning that another distro was found and not used: that is what was meant."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Configuration of %s not loaded")


def install() -> None:
    """Put the filters on OpenTelemetry's loggers."""
    logging.getLogger(_LOADER).addFilter(_NoOtherDistro())
    for name in _REPEATING:
        logging.getLogger(name).addFilter(OncePerKind())
