"""The command lines for one host without Docker start the real programs, with what was chosen."""

from __future__ import annotations

import os

import pytest

from agentotel.ops.choices import Choices
from agentotel.ops.host_commands import host_commands
from agentotel.ops.pack_location import pack
from agentotel.ops.rendering import render
from backend_programs import Program, binary, free_port
from backend_programs.waiting import answers, get_json, get_text

CHOSEN = Choices(layout="host", retention="40d", log_retention="72h", trace_retention="9h")


def lines(text):
    """Return the command lines of a text, each in one line."""
    return [line for line in text.replace("\\\n", "").splitlines() if line and not line.startswith("#")]


def test_a_command_line_has_what_was_chosen():
    """The retention of each store, and the addresses under which people see the pages."""
    url = "https://seen.example"
    text = host_commands(Choices(retention="40d", log_retention="72h", trace_retention="9h", prometheus_url=url))
    for part in ("retention.time=40d", "AGENTOTEL_LOG_RETENTION=72h", "JAEGER_RETENTION=9h", f"external-url={url}\n"):
        assert part in text


class Started(Program):
    """A program started by its line of ``start.txt``, with other folders and ports, in the folder of an export.

    Args:
        folder: What was exported.
        name: The name of the program in its line.
        ready: The path that answers when it is ready.
        ports: What stands in the line for a port, or a variable that has one, and the port that is used here.
    """

    ready_s = 90

    def __init__(self, folder, name, ready, ports):
        super().__init__(folder)
        (self.line,) = [line for line in lines((folder / "start.txt").read_text()) if f"{name} -" in line]
        self.port = next(iter(ports.values()))
        self.ready = ready
        for text, port in ports.items():
            self.line = self.line.replace(text, f"127.0.0.1:{port}")
        self.variables = {name: str(port) for name, port in ports.items() if name.isupper() or "_" in name}
        self.line = self.line.replace("/var/lib/", f"{folder}/data/")

    def command(self):
        return ["/bin/sh", "-c", f"exec env {self.line}"]

    def environment(self):
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "otelcol-contrib").unlink(missing_ok=True)
        (tools / "otelcol-contrib").symlink_to(binary("otelcol"))
        return {**self.variables, "PATH": f"{tools}:{binary('loki').parent}:{os.environ['PATH']}"}

    def is_ready(self):
        return answers(f"http://127.0.0.1:{self.port}{self.ready}")


@pytest.fixture
def exported(tmp_path):
    """An export for one host."""
    for name, file in render(pack(), CHOSEN, "1.2.3").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(0o755 if file.executable else 0o644)
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.mark.backends
def test_prometheus_keeps_metrics_as_long_as_chosen(exported):
    """Its line starts it, with the receiver and the rules."""
    with Started(exported, "prometheus", "/-/ready", {"127.0.0.1:9090": free_port()}) as prometheus:
        url = f"http://127.0.0.1:{prometheus.port}/api/v1"
        flags = get_json(f"{url}/status/flags")["data"]
        assert flags["storage.tsdb.retention.time"] == "40d"
        assert flags["web.enable-otlp-receiver"] == "true"
        assert get_json(f"{url}/rules")["data"]["groups"]
        assert answers(f"http://127.0.0.1:{prometheus.port}/user/runbooks/Watchdog.html")


@pytest.mark.backends
def test_loki_keeps_logs_as_long_as_chosen(exported):
    """Its line starts it."""
    with Started(exported, "loki", "/ready", {"LOKI_HTTP_PORT": free_port(), "LOKI_GRPC_PORT": free_port()}) as loki:
        assert "retention_period: 3d" in get_text(f"http://127.0.0.1:{loki.port}/config")


@pytest.mark.backends
def test_the_others_start(exported):
    """Jaeger, Alertmanager and the Collector are ready, each with its data in the folder that it is given."""
    jaeger = ("JAEGER_HEALTH_PORT", "JAEGER_QUERY_PORT", "JAEGER_QUERY_GRPC_PORT", "JAEGER_OTLP_PORT")
    collector = tuple(f"OTELCOL_{name}_PORT" for name in ("HEALTH", "GRPC", "HTTP", "METRICS", "SCRAPE"))
    for name, ready, ports in (
        ("jaeger", "/status", jaeger),
        ("start.sh", "/-/ready", ("127.0.0.1:9093",)),
        ("otelcol-contrib", "/", collector),
    ):
        with Started(exported, name, ready, {port: free_port() for port in ports}):
            pass
    assert {"jaeger", "otelcol"} <= {path.name for path in (exported / "data").iterdir()}
