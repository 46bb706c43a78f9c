"""Keeps OpenTelemetry's own messages from flooding the program's stderr, without hiding what happened.

A Collector that is away makes the exporters log several lines for every batch, into a program whose author may never
have configured logging. Those lines are held back here, and `agentotel.distro.losses` says the same once, in words of
its own. Everything else that OpenTelemetry's exporters and processors log is let through once per kind.

This module owns state: the first reason that an exporter gave, and which messages have been seen, bounded.
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
_MAX_KINDS: Final = 100
_LOADER: Final = "opentelemetry.instrumentation.auto_instrumentation._load"
_FAILED_EXPORTS: Final = (
    "Transient error",
    "Failed to export",
    "Exception while exporting",
    "Exporter already shutdown",
    "Shutdown in progress",
)
_OWN: Final = logging.getLogger("agentotel")


class ExporterMessages(logging.Filter):
    """Holds back what `losses` says better, and lets any other message through the first time.

    With ``AGENTOTEL_LOG_LEVEL=debug`` everything is let through.

    Attributes:
        reason: What the exporters said first about a failed export, None if nothing has failed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None
        self._seen: set[tuple[str, str]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record is to be shown."""
        if str(record.msg).startswith(_FAILED_EXPORTS):
            self.failed(record.getMessage())
            return _OWN.isEnabledFor(logging.DEBUG)
        kind = (record.name, str(record.msg)[:200])
        is_new = kind not in self._seen
        # Messages with a number in their own text would be new for ever: those beyond the bound are not shown.
        if len(self._seen) >= _MAX_KINDS:
            return False
        self._seen.add(kind)
        return is_new

    def failed(self, reason: str) -> None:
        """Remember why something could not be exported, unless a reason is known."""
        self.reason = self.reason or reason


class _NoOtherDistro(logging.Filter):
    """Drops the warning that another distro was found and not used: that is what was meant."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Configuration of %s not loaded")


exporter_messages: Final = ExporterMessages()


def install() -> None:
    """Put the filters on OpenTelemetry's loggers."""
    logging.getLogger(_LOADER).addFilter(_NoOtherDistro())
    for name in _REPEATING:
        logging.getLogger(name).addFilter(exporter_messages)
