"""Alertmanager without its cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.waiting import answers, free_port, get_json

if TYPE_CHECKING:
    from pathlib import Path


class Alertmanager(Program):
    """Alertmanager with a configuration file.

    Args:
        folder: Its data and its log.
        configuration: The file; templates and secrets stand relative to it.
    """

    name = "alertmanager"

    def __init__(self, folder: Path, configuration: Path) -> None:
        super().__init__(folder)
        self.configuration = configuration
        self.port = free_port()

    @property
    def address(self) -> str:
        """Its ``host:port``, as Prometheus wants it."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{self.address}"

    def command(self) -> list[str]:
        return [
            str(binary("alertmanager")),
            f"--config.file={self.configuration}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready")

    def alerts(self) -> list[dict]:
        """Return the alerts that it holds."""
        return get_json(f"{self.url}/api/v2/alerts")
