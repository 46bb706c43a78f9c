"""agentotel as `opentelemetry-instrument` sets it up, in the process that is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation import auto_instrumentation

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> Callable[[], None]:
    """Run the launcher's own set-up, before the program is imported; return what flushes the providers.

    Raises:
        RuntimeError: Nothing would be recorded; the figures would be those of the bare program.
    """
    auto_instrumentation.initialize(swallow_exceptions=False)
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider())
    flushes: list[Callable[[], object]] = []
    for provider in providers:
        force_flush = getattr(provider, "force_flush", None)
        if force_flush is None:
            raise RuntimeError(f"agentotel has set up no provider: found {type(provider).__name__}")
        flushes.append(force_flush)

    def flush() -> None:
        for force_flush in flushes:
            force_flush()

    return flush
