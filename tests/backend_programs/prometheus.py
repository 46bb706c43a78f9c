"""Prometheus 3 with the OTLP receiver, or Debian's older one that only scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.waiting import answers, free_port, get_json

if TYPE_CHECKING:
    from pathlib import Path


class Prometheus(Program):
    """Prometheus with a configuration file.

    Args:
        folder: Its data and its log.
        configuration: The file; what it refers to (rules) stands relative to it.
        program: ``prometheus`` (3, with OTLP receiver and exemplars) or ``prometheus2`` (Debian's 2.42).
    """

    def __init__(self, folder: Path, configuration: Path, program: str = "prometheus", port: int | None = None) -> None:
        super().__init__(folder)
        self.name = program
        self.configuration = configuration
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def otlp(self) -> str:
        """Address for the Collector's ``otlp_http`` exporter."""
        return f"{self.url}/api/v1/otlp"

    def command(self) -> list[str]:
        receiver = [] if self.name == "prometheus2" else ["--web.enable-otlp-receiver"]
        return [
            str(binary(self.name)),
            f"--config.file={self.configuration}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.user-assets={self.configuration.parent / 'assets'}",
            "--enable-feature=exemplar-storage",
            *receiver,
        ]

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready")

    def query(self, expression: str) -> list[dict]:
        """Return the samples of an instant query: ``[{"metric": {...}, "value": [time, "text"]}]``."""
        result = get_json(f"{self.url}/api/v1/query", query=expression)["data"]
        if result["resultType"] in {"scalar", "string"}:
            return [{"metric": {}, "value": result["result"]}]
        return result["result"]

    def value(self, expression: str) -> float | None:
        """Return the value of a query that has one sample; None where it has none."""
        samples = self.query(expression)
        assert len(samples) <= 1, f"{expression} has {len(samples)} samples"
        return float(samples[0]["value"][1]) if samples else None

    def values(self, expression: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the values of a query by some of their labels."""
        return {
            tuple(it["metric"].get(label, "") for label in labels): float(it["value"][1])
            for it in self.query(expression)
        }

    def series_names(self) -> set[str]:
        """Return the names of all series."""
        return set(get_json(f"{self.url}/api/v1/label/__name__/values")["data"])

    def exemplars(self, expression: str, start: float, end: float) -> list[dict]:
        """Return the exemplars of the series in an expression, between two times in seconds since 1970."""
        found = get_json(f"{self.url}/api/v1/query_exemplars", query=expression, start=start, end=end)["data"]
        return [exemplar for series in found for exemplar in series["exemplars"]]

    def rules(self) -> list[dict]:
        """Return all rules with their health and state."""
        groups = get_json(f"{self.url}/api/v1/rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def alerts(self) -> list[dict]:
        """Return the alerts that are pending or firing."""
        return get_json(f"{self.url}/api/v1/alerts")["data"]["alerts"]
