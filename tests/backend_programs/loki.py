"""Loki with the shipped configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.rewiring import OPERATIONS
from backend_programs.waiting import answers, free_port, get_json

if TYPE_CHECKING:
    from pathlib import Path


class Loki(Program):
    """Loki, which takes logs by OTLP.

    Args:
        folder: Its data and its log.
    """

    name = "loki"
    ready_s = 90

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self._grpc_port = free_port(), free_port()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def otlp(self) -> str:
        """Address for the Collector's ``otlp_http`` exporter."""
        return f"{self.url}/otlp"

    def command(self) -> list[str]:
        configuration = OPERATIONS / "loki" / "loki.yaml"
        return [str(binary("loki")), f"-config.file={configuration}", "-config.expand-env=true"]

    def environment(self) -> dict[str, str]:
        return {
            "LOKI_HOST": "127.0.0.1",
            "LOKI_HTTP_PORT": str(self.port),
            "LOKI_GRPC_PORT": str(self._grpc_port),
            "LOKI_DIRECTORY": str(self.folder / "data"),
        }

    def is_ready(self) -> bool:
        return answers(f"{self.url}/ready")

    def query(self, expression: str, limit: int = 5000) -> list[dict]:
        """Return the lines of a LogQL query of the last hour, oldest first: ``{"labels", "time_ns", "line"}``.

        The labels hold the structured metadata as well (``trace_id``, ``severity_text``, ...).
        """
        answer = get_json(f"{self.url}/loki/api/v1/query_range", query=expression, limit=limit, since="1h")
        lines = [
            {"labels": stream["stream"], "time_ns": int(time_ns), "line": line}
            for stream in answer["data"]["result"]
            for time_ns, line in stream["values"]
        ]
        return sorted(lines, key=lambda it: it["time_ns"])

    def metric_query(self, expression: str) -> list[dict]:
        """Return the samples of a LogQL query that counts."""
        return get_json(f"{self.url}/loki/api/v1/query", query=expression)["data"]["result"]
