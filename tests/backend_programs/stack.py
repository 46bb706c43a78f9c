"""All backends together, wired as docker-compose.yml does it."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

from backend_programs.alertmanager import Alertmanager
from backend_programs.collector import Collector
from backend_programs.jaeger import Jaeger
from backend_programs.loki import Loki
from backend_programs.prometheus import Prometheus
from backend_programs.rewiring import OPERATIONS
from backend_programs.waiting import free_port

if TYPE_CHECKING:
    from pathlib import Path


class Stack:
    """Collector, Jaeger, Prometheus, Loki and Alertmanager, from the shipped files with other addresses.

    But for Jaeger, which keeps its traces in memory here; tests/collector/compose runs it as it is shipped.

    Intervals of Prometheus are shortened to one second (two for rules), so that rates and rules have data soon.

    Args:
        folder: Where all of them keep their data.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jaeger = Jaeger(folder / "jaeger")
        self.loki = Loki(folder / "loki")
        alertmanager_files = self._alertmanager_files()
        self.alertmanager = Alertmanager(
            folder / "alertmanager", alertmanager_files / "alertmanager.yml", alertmanager_files / "start.sh"
        )
        self._prometheus_port = free_port()
        self.collector = Collector(
            folder / "collector",
            environment={
                "JAEGER_OTLP_ENDPOINT": self.jaeger.otlp,
                "PROMETHEUS_OTLP_ENDPOINT": f"http://127.0.0.1:{self._prometheus_port}/api/v1/otlp",
                "LOKI_OTLP_ENDPOINT": self.loki.otlp,
            },
        )
        self.prometheus = Prometheus(folder / "prometheus", self._prometheus_files(), port=self._prometheus_port)
        self._running = ExitStack()

    def __enter__(self):
        try:
            for program in (self.alertmanager, self.prometheus, self.jaeger, self.loki, self.collector):
                self._running.enter_context(program)
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _alertmanager_files(self) -> Path:
        target = self.folder / "alertmanager-files"
        shutil.copytree(OPERATIONS / "alertmanager", target, dirs_exist_ok=True)
        return target

    def _prometheus_files(self) -> Path:
        target = self.folder / "prometheus-files"
        shutil.copytree(OPERATIONS / "prometheus", target, dirs_exist_ok=True)
        configuration = target / "prometheus.yml"
        text = configuration.read_text(encoding="utf-8")
        for old, new in self._addresses().items():
            text = text.replace(old, new)
        configuration.write_text(_with_short_intervals(text), encoding="utf-8")
        for rules in (target / "rules").glob("*.yml"):
            groups = re.sub(r"^( +interval:) \S+", r"\1 2s", rules.read_text(encoding="utf-8"), flags=re.MULTILINE)
            rules.write_text(groups, encoding="utf-8")
        return configuration

    def _addresses(self) -> dict[str, str]:
        return {
            "collector:8888": f"127.0.0.1:{self.collector.metrics_port}",
            "collector:8889": f"127.0.0.1:{self.collector.scrape_port}",
            "alertmanager:9093": self.alertmanager.address,
            "loki:3100": f"127.0.0.1:{self.loki.port}",
            "prometheus:9090": f"127.0.0.1:{self._prometheus_port}",
            "localhost:9090": f"127.0.0.1:{self._prometheus_port}",
        }


def _with_short_intervals(configuration: str) -> str:
    """Return a configuration whose scrapes and evaluations run every second."""
    return re.sub(r"\b(scrape_interval|scrape_timeout|evaluation_interval): *\S+", r"\1: 1s", configuration)
