"""Services of docker-compose.yml as processes: its command lines and variables, with other paths and addresses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from backend_programs import OPERATIONS, Collector, Jaeger, Loki, Program, binary, free_port
from backend_programs.waiting import answers

BIN = Path(sys.executable).parent
FILE = OPERATIONS.parent / "docker-compose.yml"


class Service:
    """What docker-compose.yml says about one service, with the defaults of its variables."""

    def __init__(self, name):
        self.name = name
        self._definition = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"][name]

    @property
    def command(self):
        """Its command line, as written."""
        return [_with_default(argument) for argument in self._definition["command"]]

    @property
    def environment(self):
        """Its variables."""
        return {name: _with_default(value) for name, value in self._definition.get("environment", {}).items()}

    @property
    def health_check(self):
        """The command line of its health check."""
        return self._definition["healthcheck"]["test"][1:]


def _with_default(text):
    """Return a text with ``${NAME:-default}`` replaced by its default."""
    head, found, rest = text.partition("${")
    if not found:
        return text
    variable, _, tail = rest.partition("}")
    return head + variable.partition(":-")[2] + tail


def replaced(texts, replacements):
    """Return texts with each old text replaced; one that occurs nowhere has vanished from the file: an error."""
    for old, new in replacements.items():
        assert any(old in text for text in texts), old
        texts = [text.replace(old, new) for text in texts]
    return texts


class ShippedJaeger(Jaeger):
    """Jaeger with the configuration and the variables of Compose, at other addresses."""

    def __init__(self, folder, prometheus="http://127.0.0.1:9"):
        super().__init__(folder)
        self.health_port = free_port()
        self.prometheus = prometheus
        self.service = Service("jaeger")

    def command(self):
        return [str(binary("jaeger")), *replaced(self.service.command, {"/etc/jaeger": str(OPERATIONS / "jaeger")})]

    def environment(self):
        changed = {
            "JAEGER_HOST": "127.0.0.1",
            "JAEGER_OTLP_PORT": str(self.otlp_port),
            "JAEGER_HEALTH_PORT": str(self.health_port),
            "JAEGER_DIRECTORY": str(self.folder / "badger"),
            "JAEGER_UI_CONFIG": str(OPERATIONS / "jaeger" / "ui.json"),
            "PROMETHEUS_ENDPOINT": self.prometheus,
        }
        assert set(changed) <= set(self.service.environment)
        of_the_test = {"JAEGER_QUERY_PORT": str(self.query_port), "JAEGER_QUERY_GRPC_PORT": str(self._query_grpc_port)}
        return {**self.service.environment, **changed, **of_the_test}

    def is_ready(self):
        return answers(f"http://127.0.0.1:{self.health_port}/status") and super().is_ready()


class ShippedLoki(Loki):
    """Loki with the configuration and the variables of Compose, at other addresses."""

    def __init__(self, folder):
        super().__init__(folder)
        self.service = Service("loki")

    def command(self):
        return [str(binary("loki")), *replaced(self.service.command, {"/etc/loki": str(OPERATIONS / "loki")})]

    def environment(self):
        changed = {"LOKI_HOST": "127.0.0.1", "LOKI_DIRECTORY": str(self.folder / "data")}
        assert set(changed) <= set(self.service.environment)
        of_the_test = {"LOKI_HTTP_PORT": str(self.port), "LOKI_GRPC_PORT": str(self._grpc_port)}
        return {**self.service.environment, **changed, **of_the_test}


class ShippedPrometheus(Program):
    """Prometheus with the command line of Compose; its configuration is given."""

    name = "prometheus"

    def __init__(self, folder, configuration):
        super().__init__(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.configuration = configuration
        self.service = Service("prometheus")

    def command(self):
        replacements = {
            "/etc/prometheus/prometheus.yml": str(self.configuration),
            "/etc/prometheus/assets": str(OPERATIONS / "prometheus" / "assets"),
            "path=/prometheus": f"path={self.folder / 'data'}",
        }
        arguments = replaced(self.service.command, replacements)
        return [str(binary("prometheus")), *arguments, f"--web.listen-address=127.0.0.1:{self.port}"]

    def is_ready(self):
        return answers(f"{self.url}/-/ready")


class ShippedAlertmanager(Program):
    """Alertmanager with the start script and the command line of Compose."""

    name = "alertmanager"

    def __init__(self, folder):
        super().__init__(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.service = Service("alertmanager")
        self.files = Path(shutil.copytree(OPERATIONS / "alertmanager", self.folder / "files"))

    def command(self):
        arguments = replaced(self.service.command, {"path=/alertmanager": f"path={self.folder / 'data'}"})
        return ["/bin/sh", str(self.files / "start.sh"), *arguments, f"--web.listen-address=127.0.0.1:{self.port}"]

    def environment(self):
        return {"PATH": f"{binary('alertmanager').parent}:/usr/bin:/bin"}

    def is_ready(self):
        return answers(f"{self.url}/-/ready")


def start_load(chain, service, *arguments):
    """Start to put load on a chain under a service name."""
    program = OPERATIONS / "load" / "load.py"
    return subprocess.Popen(
        ["opentelemetry-instrument", sys.executable, str(program), "--latency=0.1", *arguments],
        env={
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
            "OTEL_SERVICE_NAME": service,
            "OTEL_EXPORTER_OTLP_ENDPOINT": chain.collector.otlp_http,
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="session")
def load():
    """Put load on a chain under a service name, and return what the agents have counted."""

    def put(*arguments):
        with start_load(*arguments) as program:
            output, complaints = program.communicate(timeout=90)
        assert program.returncode == 0, complaints
        return json.loads(output)

    return put


@pytest.fixture
def lasting_load():
    """Put load on a chain until the test is over."""
    started = []
    yield lambda *arguments: started.append(start_load(*arguments))
    for program in started:
        program.terminate()
        program.communicate(timeout=30)


@pytest.fixture(scope="module")
def jaeger(tmp_path_factory):
    """Jaeger as Compose starts it, with nothing to read metrics from."""
    with ShippedJaeger(tmp_path_factory.mktemp("jaeger")) as running:
        yield running


@pytest.fixture(scope="module")
def loki(tmp_path_factory):
    """Loki as Compose starts it."""
    with ShippedLoki(tmp_path_factory.mktemp("loki")) as running:
        yield running


@pytest.fixture
def shipped_prometheus(tmp_path):
    """Prometheus as Compose starts it, with the shipped configuration."""
    with ShippedPrometheus(tmp_path, OPERATIONS / "prometheus" / "prometheus.yml") as running:
        yield running


@pytest.fixture
def shipped_alertmanager(tmp_path):
    """Alertmanager as Compose starts it where nobody has set up a receiver."""
    with ShippedAlertmanager(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def chain(tmp_path_factory, loki):
    """Collector, Jaeger, Prometheus and Loki, each as Compose starts it, wired to one another."""
    folder = tmp_path_factory.mktemp("chain")
    configuration = folder / "prometheus.yml"
    configuration.write_text(_OTLP_ALONE, encoding="utf-8")
    with ShippedPrometheus(folder / "prometheus", configuration) as prometheus:
        with ShippedJaeger(folder / "jaeger", prometheus=prometheus.url) as jaeger:
            addresses = {
                "JAEGER_OTLP_ENDPOINT": jaeger.otlp,
                "PROMETHEUS_OTLP_ENDPOINT": f"{prometheus.url}/api/v1/otlp",
                "LOKI_OTLP_ENDPOINT": loki.otlp,
                "OTELCOL_SPAN_METRICS_INTERVAL": "1s",
            }
            with Collector(folder / "collector", environment=addresses) as collector:
                yield Chain(collector, jaeger, prometheus, loki)


_OTLP_ALONE = """
storage: {tsdb: {out_of_order_time_window: 30m}}
otlp: {keep_identifying_resource_attributes: true}
"""


class Chain:
    """The programs of the fixture `chain`."""

    def __init__(self, collector, jaeger, prometheus, loki):
        self.collector, self.jaeger, self.prometheus, self.loki = collector, jaeger, prometheus, loki
