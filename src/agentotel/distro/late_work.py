"""What can be done later is done before metrics are read and before log records are flushed.

So every collection sees all that has ended before it, and what is worked out late is still logged at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider

from agentotel.distro.batching import BatchingLogRecordProcessor
from agentotel.model import names
from agentotel.telemetry.late import Later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry._logs import LoggerProvider as ApiLoggerProvider
    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.metrics import MeterProvider as ApiMeterProvider
    from opentelemetry.sdk._logs import ReadWriteLogRecord

_HOOK: Final = "agentotel.self.settled"
"""Name of an instrument that never has a value, and so is never exported: the SDK calls its callback before it
collects."""


class _Settling(LogRecordProcessor):
    """Has what was left for later done, which may emit log records, before the processors after it are flushed."""

    def __init__(self, later: Later) -> None:
        self._later = later

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Do nothing with it."""

    def shutdown(self) -> None:
        """Have it done."""
        self._later.settle()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Have it done."""
        del timeout_millis
        self._later.settle()
        return True


def settle_before_export(loggers: ApiLoggerProvider, later: Later | None) -> None:
    """Have what was left for later done before log records are exported or flushed, and before the end.

    Args:
        loggers: Whose processors are meant.
        later: What is to be done; None where nothing is left for later.
    """
    if later is not None and isinstance(loggers, LoggerProvider):
        group = loggers._multi_log_record_processor  # noqa: SLF001 - the SDK only offers to add one at the end
        for processor in group._log_record_processors:  # noqa: SLF001
            if isinstance(processor, BatchingLogRecordProcessor):
                later.expect = processor.expect_from(later.settle)
        group._log_record_processors = (_Settling(later), *group._log_record_processors)  # noqa: SLF001


def late_work(meters: ApiMeterProvider) -> Later | None:
    """Return what takes work that can be done later, None where nobody would ask for it to be done.

    Args:
        meters: Whose readers have to see everything.
    """
    if not isinstance(meters, MeterProvider):
        return None
    later = Later()

    def settle(options: CallbackOptions) -> Iterable[Observation]:
        del options
        later.settle()
        return ()

    meters.get_meter(names.SCOPE).create_observable_gauge(_HOOK, [settle])
    return later
