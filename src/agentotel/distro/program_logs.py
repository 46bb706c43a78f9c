"""Exports every record that the program logs, without becoming one of its handlers.

A handler on the root logger, which is how OpenTelemetry's logging instrumentation does it, switches off `logging`'s
last resort and its implicit ``basicConfig``: a program that never configured logging loses its warnings on stderr.
Here the one method through which `logging` hands a record to its handlers is wrapped instead, so that what the program
prints stays the same to the byte, and loggers that do not propagate are heard as well. The translation of a record is
left to OpenTelemetry's own handler.

This module owns state: the wrapped method of `logging.Logger`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import report

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN: Final = ("opentelemetry.", "agentotel.")
"""Loggers whose records are not exported: a failing export would log, and be exported, and fail."""

_original: Callable[[logging.Logger, logging.LogRecord], None] | None = None


def install(handle: Callable[[logging.LogRecord], None]) -> None:
    """Pass every record of the program to `handle`, before its own handlers see it.

    Args:
        handle: Called in the thread that logs. What it raises is reported, never raised.
    """
    global _original  # noqa: PLW0603 - the module owns this state, as its docstring says
    if _original is not None:
        return
    original = logging.Logger.callHandlers
    _original = original

    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        if not f"{record.name}.".startswith(_OWN):
            try:
                handle(record)
            except Exception as error:  # noqa: BLE001 - the fail-open guard, inlined on the logging path
                report("logs.handle", error)
        original(self, record)

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]


def uninstall() -> None:
    """Put `logging` back as it was, for tests."""
    global _original  # noqa: PLW0603
    if _original is not None:
        logging.Logger.callHandlers = _original  # type: ignore[method-assign, assignment]
        _original = None
