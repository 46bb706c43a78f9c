"""Hands libraries that make spans and metrics of their own a tracer and a meter of ours, for the scopes that we map."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from opentelemetry.metrics import NoOpMeter

from agentotel.telemetry.native import NativeTracer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Tracer, TracerProvider

    from agentotel.model.contract import Native
    from agentotel.telemetry.recorder import Recorder


def adopt(tracers: TracerProvider, meters: MeterProvider, natives: Iterable[Native], recorder: Recorder) -> None:
    """Let `tracers` give a tracer of ours, and `meters` one that records nothing, for the scopes of `natives`.

    The method of the one object is replaced, not the provider: it may be the user's own, which he goes on to use.

    Args:
        tracers: What libraries get their tracers from.
        meters: What they get their meters from.
        natives: What the adapters say about their spans.
        recorder: Records the operations.
    """
    by_scope = {native.scope: native for native in natives}
    silent = {meter for native in by_scope.values() for meter in native.meters}
    if by_scope:
        tracers.get_tracer = _adopting(tracers.get_tracer, by_scope, recorder)  # type: ignore[method-assign]
    if silent:
        meters.get_meter = _silencing(meters.get_meter, silent)  # type: ignore[method-assign]


def _adopting(original: Any, by_scope: dict[str, Native], recorder: Recorder) -> Any:
    @functools.wraps(original)
    def get_tracer(instrumenting_module_name: str, *args: Any, **kwargs: Any) -> Tracer:
        tracer: Tracer = original(instrumenting_module_name, *args, **kwargs)
        native = by_scope.get(instrumenting_module_name)
        return tracer if native is None else NativeTracer(tracer, native, recorder)

    return get_tracer


def _silencing(original: Any, silent: set[str]) -> Any:
    @functools.wraps(original)
    def get_meter(name: str, *args: Any, **kwargs: Any) -> Any:
        return NoOpMeter(name) if name in silent else original(name, *args, **kwargs)

    return get_meter
