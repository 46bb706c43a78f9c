"""Loki with the shipped configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.waiting import answers, free_port, get_json

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION = """
auth_enabled: false
analytics: {{reporting_enabled: false}}
server:
  log_level: warn
  http_listen_address: 127.0.0.1
  http_listen_port: {http}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: {grpc}
common:
  path_prefix: {data}
  instance_addr: 127.0.0.1
  replication_factor: 1
  storage: {{filesystem: {{chunks_directory: {data}/chunks, rules_directory: {data}/rules}}}}
  ring: {{instance_addr: 127.0.0.1, kvstore: {{store: inmemory}}}}
schema_config:
  configs:
    - {{from: "2024-01-01", store: tsdb, object_store: filesystem, schema: v13, index: {{prefix: index_, period: 24h}}}}
limits_config: {{allow_structured_metadata: true}}
ingester: {{lifecycler: {{min_ready_duration: 0s, final_sleep: 0s}}}}
"""


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
        path = self.folder / "loki.yaml"
        text = _CONFIGURATION.format(http=self.port, grpc=self._grpc_port, data=self.folder / "data")
        path.write_text(text, encoding="utf-8")
        return [str(binary("loki")), f"-config.file={path}"]

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
