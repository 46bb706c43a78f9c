"""Alertmanager without its cluster."""

from __future__ import annotations

import os
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
        starter: The shipped ``start.sh``, which starts it as compose does: receivers without a secret are off.
    """

    name = "alertmanager"

    def __init__(self, folder: Path, configuration: Path, starter: Path | None = None) -> None:
        super().__init__(folder)
        self.configuration = configuration
        self.starter = starter
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
        by_itself = [str(binary("alertmanager")), f"--config.file={self.configuration}"]
        return [
            *(["/bin/sh", str(self.starter)] if self.starter else by_itself),
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",
        ]

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{binary('alertmanager').parent}{os.pathsep}{os.environ['PATH']}"}

    def is_ready(self) -> bool:
        return answers(f"{self.url}/-/ready")

    def alerts(self) -> list[dict]:
        """Return the alerts that it holds."""
        return get_json(f"{self.url}/api/v2/alerts")
