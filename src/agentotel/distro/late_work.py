"""What can be done later is done before metrics are read: so every collection sees all that has ended before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.metrics import MeterProvider

from agentotel.model import names
from agentotel.telemetry.late import Later

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.metrics import MeterProvider as ApiMeterProvider

_HOOK: Final = "agentotel.self.settled"
"""Name of an instrument that never has a value, and so is never exported: the SDK calls its callback before it
collects."""


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
