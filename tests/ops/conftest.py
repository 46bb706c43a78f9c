"""What the tests of the operations pack share: a small pack, and programs that stand for the real ones."""

from __future__ import annotations

import pytest

COMPOSE = """\
services:
  collector:
    image: otel/opentelemetry-collector-contrib:0.155.0
    ports: ["${AGENTOTEL_BIND:-127.0.0.1}:4318:4318"]
  prometheus:
    image: prom/prometheus:v3.16.0
    command: ["--storage.tsdb.retention.time=${AGENTOTEL_RETENTION:-15d}"]
"""
RULES = """\
groups:
  - name: requests
    rules:
      - alert: HighErrorRate
        expr: vector(1) > 0
        annotations: {dashboard_url: "http://127.0.0.1:3000/d/agents", other: "http://127.0.0.1:30001/"}
"""
LOCAL = """\
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
exporters:
  nop:
  otlp_http: {endpoint: "${env:PROMETHEUS_OTLP_ENDPOINT:-http://127.0.0.1:9090/api/v1/otlp}"}
service: {pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}
"""


@pytest.fixture
def small_pack(tmp_path):
    """A pack with one file of each kind that is treated in a way of its own."""
    root = tmp_path / "pack"
    for name, text in {
        "docker-compose.yml": COMPOSE,
        "collector/otelcol/local.yaml": LOCAL,
        "collector/prometheus/rules/requests.yml": RULES,
        "collector/start.sh": "#!/bin/sh\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "collector/start.sh").chmod(0o755)
    return root


@pytest.fixture
def tool(tmp_path):
    """Make a program that stands for a real one; its arguments are noted in a file beside it."""

    def make(name: str, script: str = "exit 0"):
        folder = tmp_path / "tools"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "$@" >> "$0.calls"\n{script}\n')
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """Leave only what shell scripts need on the PATH: the machine's own programs must not decide a test."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name, target in {"sh": "/bin/sh", "cat": "/bin/cat", "sleep": "/bin/sleep"}.items():
        (folder / name).symlink_to(target)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def written(tmp_path):
    """Write files into a folder that is to be checked, and return the folder."""

    def write(**files: str):
        folder = tmp_path / "checked"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return folder

    return write
