"""A Collector with one of the shipped configurations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.rewiring import OPERATIONS
from backend_programs.waiting import answers, free_port, get_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)", re.MULTILINE)


class Collector(Program):
    """The Collector, by default with ``collector/otelcol/local.yaml``.

    Args:
        folder: Its queue on disk and its log.
        configurations: Files, or texts such as ``yaml:service::telemetry::...``, each given by ``--config``, in order.
        environment: The variables of the configuration that are not those of the ports: where the backends are.
    """

    name = "otelcol"

    def __init__(
        self,
        folder: Path,
        configurations: Sequence[Path | str] = (OPERATIONS / "otelcol" / "local.yaml",),
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(folder)
        self.configurations = list(configurations)
        self.grpc_port, self.http_port, self.metrics_port, self.scrape_port, self.health_port = (
            free_port() for _ in range(5)
        )
        self.storage = self.folder / "queue"
        self.storage.mkdir(exist_ok=True)
        self._environment = dict(environment or {})

    @property
    def otlp_grpc(self) -> str:
        """Address for ``OTEL_EXPORTER_OTLP_ENDPOINT`` with the protocol ``grpc``."""
        return f"http://127.0.0.1:{self.grpc_port}"

    @property
    def otlp_http(self) -> str:
        """Address for ``OTEL_EXPORTER_OTLP_ENDPOINT`` with the protocol ``http/protobuf``."""
        return f"http://127.0.0.1:{self.http_port}"

    def endpoint(self, protocol: str) -> str:
        """Return the address for a protocol of OTLP."""
        return self.otlp_grpc if protocol == "grpc" else self.otlp_http

    def command(self) -> list[str]:
        configurations = [f"--config={it}" for it in self.configurations]
        return [str(binary("otelcol")), *configurations]

    def environment(self) -> dict[str, str]:
        return {
            "OTELCOL_HOST": "127.0.0.1",
            "OTELCOL_GRPC_PORT": str(self.grpc_port),
            "OTELCOL_HTTP_PORT": str(self.http_port),
            "OTELCOL_METRICS_PORT": str(self.metrics_port),
            "OTELCOL_SCRAPE_PORT": str(self.scrape_port),
            "OTELCOL_HEALTH_PORT": str(self.health_port),
            "OTELCOL_STORAGE": str(self.storage),
            **self._environment,
        }

    def is_ready(self) -> bool:
        return answers(f"http://127.0.0.1:{self.health_port}")

    def own_metrics(self) -> str:
        """Return the page of its metrics about itself."""
        return get_text(f"http://127.0.0.1:{self.metrics_port}/metrics")

    def own_metric(self, name: str, **labels: str) -> float:
        """Return the sum over the series of one of its own metrics, with or without ``_total``; 0 where there is none.

        Args:
            name: Such as ``otelcol_exporter_queue_size``.
            labels: What the label set of a series must hold, such as ``exporter="otlp_grpc/jaeger"``.
        """
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(match["value"])
            for match in _SAMPLE.finditer(self.own_metrics())
            if match["name"].removesuffix("_total") == name and all(it in (match["labels"] or "") for it in wanted)
        )

    def scraped(self) -> str:
        """Return the page with the agents' metrics, for a Prometheus that scrapes."""
        return get_text(f"http://127.0.0.1:{self.scrape_port}/metrics")
