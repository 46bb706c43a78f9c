"""The demo, run once for each protocol against all real backends, and small chains that a test may break."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from agentotel.demo.model_server import ModelServer
from agentotel.demo.run import PROGRAM
from agentotel.demo.script import respond
from backend_programs import get_json
from e2e.backends.evidence import Sample, of_everywhere
from e2e.backends.launching import environment

PROTOCOLS = ("http/protobuf", "grpc")


@dataclass
class DemoRun:
    """A run of the demo, known to the backends by its service name."""

    protocol: str
    service: str
    stack: object
    folder: object
    looks: list = field(default_factory=list)

    def samples(self, prometheus=None) -> list[Sample]:
        """Return all series of its metrics, in the stack's Prometheus or in another one."""
        found = (prometheus or self.stack.prometheus).query(f'{{job="{self.service}"}}')
        return [Sample(it["metric"], float(it["value"][1])) for it in found if "value" in it]

    def histograms(self, prometheus=None) -> dict[str, dict]:
        """Return its native histograms by name."""
        found = (prometheus or self.stack.prometheus).query(f'{{job="{self.service}"}}')
        return {it["metric"]["__name__"]: it["histogram"][1] for it in found if "histogram" in it}

    def lines(self) -> list[dict]:
        """Return its log lines."""
        return self.stack.loki.query(f'{{service_name="{self.service}"}}')

    def evidence(self, samples=None):
        """Return what has arrived by now in Jaeger, Prometheus and Loki."""
        self.looks.append(len(self.looks))
        folder = self.folder / str(len(self.looks))
        folder.mkdir()
        jaeger = self.stack.jaeger
        ids = jaeger.traces(self.service)
        answers = [get_json(f"{jaeger.url}/api/v3/traces/{trace_id}")["result"] for trace_id in ids]
        return of_everywhere(answers, self.samples() if samples is None else samples, self.lines(), folder)


@pytest.fixture(scope="session", params=PROTOCOLS)
def demo(request, stack, tmp_path_factory):
    """Run the demo program, unchanged, against the shared backends."""
    protocol = request.param
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(PROGRAM, folder / "program", ignore=shutil.ignore_patterns("__pycache__"))
    service = f"demo-{protocol.partition('/')[0]}"
    with ModelServer(respond) as model:
        model_is = {"OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "none", "DEMO_MODEL": "gpt-4o-mini"}
        done = subprocess.run(
            ["opentelemetry-instrument", sys.executable, "shop_agent.py"],
            cwd=folder / "program", env=environment(stack.collector, protocol, service, **model_is),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "looks").mkdir()
    return DemoRun(protocol, service, stack, folder / "looks")
