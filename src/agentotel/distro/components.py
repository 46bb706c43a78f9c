"""Exporters and other parts that settings name, found by entry point; one that fails is named and left out."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk import _configuration as sdk_configuration

from agentotel._base.errors import printable
from agentotel.distro import defaults
from agentotel.distro.otlp.exporters import ours_instead_of
from agentotel.distro.otlp.grpc_encoding import encode_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Sampler

    from agentotel.distro.prometheus_reader import PrometheusReader

    OnDropped = Callable[[str, int], None]

_logger = logging.getLogger("agentotel")

_OURS: Final = {"http/protobuf": ours_instead_of, "grpc": encode_for}
_BY_PROTOCOL: Final = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def exporters(
    signal: str, exporter_names: Iterable[str], protocol: str, on_dropped: OnDropped | None = None
) -> Iterator[Any]:
    """Yield an instance of each exporter (or metric reader) of a signal that can be had.

    Args:
        signal: ``traces``, ``metrics`` or ``logs``.
        exporter_names: As in ``OTEL_TRACES_EXPORTER``.
        protocol: As in ``OTEL_EXPORTER_OTLP_PROTOCOL``.
        on_dropped: Called by our exporters of OTLP with the signal and the number of items lost. Without it, and for
            ``otlp_proto_http`` and ``otlp_proto_grpc``, OpenTelemetry's own ones are used as they are.
    """
    group = f"opentelemetry_{signal}_exporter"
    for name in exporter_names:
        if name == "none":
            continue
        entry_name = _BY_PROTOCOL[protocol] if name == "otlp" else name
        setting = f"OTEL_{signal.upper()}_EXPORTER={printable(name)}"
        found = next(iter(entry_points(group=group, name=entry_name)), None)
        if found is None:
            known = sorted({entry.name for entry in entry_points(group=group)})
            _logger.error("agentotel: %s: no such exporter is installed; expected one of %s", setting, ", ".join(known))
            continue
        try:
            exporter = found.load()()
            yield _OURS[protocol](exporter, signal, on_dropped) if name == "otlp" and on_dropped else exporter
        except Exception as error:  # noqa: BLE001 - a port in use or a bad endpoint must not stop anything else
            _say_left_out(logging.ERROR, setting, error)


def prometheus(host: str, port: int, *, is_alone: bool) -> PrometheusReader | None:
    """Return a reader that serves ``/metrics``, or None where nothing can listen there.

    A process that another one has started has its environment and cannot have its port: that is no mistake.

    Args:
        host: Where to listen.
        port: The same.
        is_alone: Nobody else exports the metrics.
    """
    try:
        # Here and not at the top: a program that is not scraped does not pay for a client and a server of HTTP.
        from agentotel.distro.prometheus_reader import PrometheusReader  # noqa: PLC0415

        return PrometheusReader(host, port, is_alone=is_alone)
    except Exception as error:  # noqa: BLE001 - the same
        level = logging.INFO if defaults.is_child_process() else logging.ERROR
        _say_left_out(level, "OTEL_METRICS_EXPORTER=prometheus", error)
        return None


def _say_left_out(level: int, setting: str, error: Exception) -> None:
    _logger.log(level, "agentotel: %s: could not be started and is left out: %s", setting, error)


def sampler() -> Sampler | None:
    """Return the sampler of ``OTEL_TRACES_SAMPLER``, None for the SDK's default."""
    return sdk_configuration._import_sampler(sdk_configuration._get_sampler())  # noqa: SLF001 - what distros are given


def id_generator() -> IdGenerator:
    """Return the id generator of ``OTEL_PYTHON_ID_GENERATOR``."""
    return sdk_configuration._import_id_generator(sdk_configuration._get_id_generator())  # noqa: SLF001 - the same
