"""Our encoder for OpenTelemetry's own exporters over gRPC: these go on to send, retry and configure themselves."""
# ruff: noqa: SLF001 - the method that is replaced is what the exporters differ in, in all versions

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from agentotel._base.failopen import attempt
from agentotel.distro.otlp import logs, metrics, spans
from agentotel.distro.otlp.exporters import encoded
from agentotel.distro.otlp.requests import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agentotel.distro.otlp.requests import Encoded

    OnDropped = Callable[[str, int], None]

_ENCODERS: dict[str, Callable[[Any], Encoded]] = {
    "traces": spans.encode,
    "logs": logs.encode,
    "metrics": metrics.encode,
}


def encode_for(exporter: Any, signal: str, on_dropped: OnDropped) -> Any:
    """Return `exporter`, which from now on encodes by our encoder, or as it was where it is of an unknown version.

    Args:
        exporter: Of ``opentelemetry.exporter.otlp.proto.grpc``.
        signal: ``traces``, ``metrics`` or ``logs``.
        on_dropped: Called with the signal and the number of items that cannot be encoded.
    """
    if hasattr(exporter, "_translate_data"):
        attempt("otlp.grpc", _replace, exporter, signal, on_dropped)
    return exporter


def _replace(exporter: Any, signal: str, on_dropped: OnDropped) -> None:
    exporter._translate_data = _Translator(signal, partial(on_dropped, signal))


class _Translator:
    """Makes the request of a batch; once, though the exporter asks for it again with each attempt.

    State: the last batch and its request.

    Args:
        signal: Of the batches.
        on_dropped: Called with the number of items that cannot be encoded.
    """

    def __init__(self, signal: str, on_dropped: Callable[[int], None]) -> None:
        self._signal = signal
        self._kind = _request_of(signal)
        self._on_dropped = on_dropped
        self._last: tuple[Any, Any] = (None, None)

    def __call__(self, data: Any) -> Any:
        batch, message = self._last
        if batch is not data:
            message = self._translated(metrics.each(data) if self._signal == "metrics" else data)
            self._last = (data, message)
        return message

    def _translated(self, items: Iterable[Any]) -> Any:
        usable = encoded(items, _ENCODERS[self._signal], f"otlp.{self._signal}", self._on_dropped)
        request = next(requests(usable, inf), None)
        return self._kind.FromString(b"" if request is None else request.body)


def _request_of(signal: str) -> Any:
    # Here and not at the top: only processes that use gRPC need them.
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # noqa: PLC0415
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2  # noqa: PLC0415
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # noqa: PLC0415

    return {
        "traces": trace_service_pb2.ExportTraceServiceRequest,
        "logs": logs_service_pb2.ExportLogsServiceRequest,
        "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
    }[signal]
