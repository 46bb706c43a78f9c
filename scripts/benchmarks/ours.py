"""agentotel as `opentelemetry-instrument` sets it up, in the process that is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation import auto_instrumentation

from benchmarks.flushing import flush_all

if TYPE_CHECKING:
    from collections.abc import Callable


def install() -> Callable[[], None]:
    """Run the launcher's own set-up, before the program is imported; return what flushes the providers.

    Raises:
        RuntimeError: Nothing would be recorded; the figures would be those of the bare program.
    """
    auto_instrumentation.initialize(swallow_exceptions=False)
    return flush_all((trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()))
