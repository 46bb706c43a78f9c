"""Jaeger v2 with its traces in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.waiting import answers, free_port, get_json

if TYPE_CHECKING:
    from pathlib import Path

_CONFIGURATION = """
service:
  extensions: [jaeger_storage, jaeger_query]
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
extensions:
  jaeger_storage: {{backends: {{main: {{memory: {{max_traces: 100000}}}}}}}}
  jaeger_query:
    storage: {{traces: main}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: main}}
"""


class Jaeger(Program):
    """Jaeger, which takes OTLP over gRPC and answers over ``/api/v3``.

    Args:
        folder: Its configuration and its log.
    """

    name = "jaeger"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.otlp_port, self.query_port, self._query_grpc_port = free_port(), free_port(), free_port()

    @property
    def otlp(self) -> str:
        """Address for the Collector: ``host:port`` of OTLP over gRPC."""
        return f"127.0.0.1:{self.otlp_port}"

    @property
    def url(self) -> str:
        """Address of its API."""
        return f"http://127.0.0.1:{self.query_port}"

    def command(self) -> list[str]:
        text = _CONFIGURATION.format(query=self.query_port, query_grpc=self._query_grpc_port, otlp=self.otlp_port)
        path = self.folder / "jaeger.yaml"
        path.write_text(text, encoding="utf-8")
        return [str(binary("jaeger")), "--config", str(path)]

    def is_ready(self) -> bool:
        return answers(f"{self.url}/api/v3/services")

    def services(self) -> list[str]:
        """Return the names of the services that have sent spans."""
        return get_json(f"{self.url}/api/v3/services").get("services", [])

    def trace(self, trace_id: str) -> list[dict]:
        """Return the spans of a trace as OTLP's JSON has them, each with its ``resource`` and ``scope``."""
        return _flat(get_json(f"{self.url}/api/v3/traces/{trace_id}"))

    def traces(self, service: str, start: str = "2020-01-01T00:00:00Z", end: str = "2100-01-01T00:00:00Z") -> dict:
        """Return the spans of all traces of a service by their trace id; empty where it has none.

        Args:
            service: The name of the service.
            start: The earliest start, as RFC 3339.
            end: The latest start.
        """
        if service not in self.services():
            return {}
        answer = get_json(
            f"{self.url}/api/v3/traces",
            **{
                "query.service_name": service,
                "query.start_time_min": start,
                "query.start_time_max": end,
                "query.num_traces": 100_000,
            },
        )
        found: dict[str, list[dict]] = {}
        for span in _flat(answer):
            found.setdefault(span["traceId"], []).append(span)
        return found

    def spans(self, service: str) -> list[dict]:
        """Return all spans of a service's traces."""
        return [span for spans in self.traces(service).values() for span in spans]


def attributes(holder: dict) -> dict[str, object]:
    """Return the attributes of a span, an event or a resource as a plain mapping; whole numbers as int."""
    return {it["key"]: _value(it["value"]) for it in holder.get("attributes", ())}


def _value(wrapped: dict) -> object:
    ((kind, value),) = wrapped.items()
    if kind == "intValue":
        return int(value)
    if kind == "arrayValue":
        return [_value(it) for it in value.get("values", ())]
    return value


def _flat(answer: dict) -> list[dict]:
    return [
        {**span, "resource": resource_spans.get("resource", {}), "scope": scope_spans.get("scope", {})}
        for resource_spans in answer.get("result", {}).get("resourceSpans", ())
        for scope_spans in resource_spans.get("scopeSpans", ())
        for span in scope_spans.get("spans", ())
    ]
