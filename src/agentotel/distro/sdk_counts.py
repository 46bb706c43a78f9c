"""The SDK's metrics about its batch processors (``otel.sdk.processor.*``), counted for ours, where the SDK has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal

    from opentelemetry.metrics import MeterProvider

    Signal = Literal["traces", "logs"]


class ProcessorCounts(Protocol):
    """What is counted of one processor."""

    def finish_items(self, count: int) -> None:
        """Count items that were handed to the exporter."""

    def drop_items(self, count: int) -> None:
        """Count items for which there was no room."""


class _Nothing:
    def finish_items(self, count: int) -> None:
        """Count nothing."""

    def drop_items(self, count: int) -> None:
        """Count nothing."""


def processor_counts(
    signal: Signal, capacity: int, waiting: Callable[[], int], meters: MeterProvider | None
) -> ProcessorCounts:
    """Return what counts for the processor of a signal; nothing is counted before SDK 1.42.

    Args:
        signal: ``traces`` or ``logs``.
        capacity: How many items may wait.
        waiting: Tells how many do.
        meters: Makes the instruments. The capacity is recorded here and now, so one that only stands for a provider
            that is yet to come would lose it.
    """
    if meters is None:
        return _Nothing()
    try:
        return _of_sdk(signal, capacity, waiting, meters)
    except (ImportError, TypeError, AttributeError):  # other versions have it elsewhere, or nowhere
        return _Nothing()


def _of_sdk(signal: Signal, capacity: int, waiting: Callable[[], int], meters: MeterProvider) -> ProcessorCounts:
    # Here and not at the top: these are private to the SDK, and missing in the oldest one.
    from opentelemetry.sdk._shared_internal._processor_metrics import create_processor_metrics  # noqa: PLC0415
    from opentelemetry.sdk.environment_variables import OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED  # noqa: PLC0415
    from opentelemetry.sdk.environment_variables._internal import parse_boolean_environment_variable  # noqa: PLC0415
    from opentelemetry.semconv._incubating.attributes.otel_attributes import OtelComponentTypeValues  # noqa: PLC0415

    kind = "BATCHING_SPAN_PROCESSOR" if signal == "traces" else "BATCHING_LOG_PROCESSOR"
    counts: Any = create_processor_metrics(
        signal,
        OtelComponentTypeValues[kind],
        meters,
        capacity=capacity,
        enabled=parse_boolean_environment_variable(OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED),
    )
    counts.register_queue_size(waiting)
    return counts  # type: ignore[no-any-return]
