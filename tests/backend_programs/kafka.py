"""A Kafka broker for the overlays: the one with which the Collector's own tests are run, in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_programs.binaries import binary
from backend_programs.processes import Program
from backend_programs.waiting import free_port

if TYPE_CHECKING:
    from pathlib import Path


class Kafka(Program):
    """A broker with Kafka's limits (messages of 1 MB), four partitions a topic, and topics made when they are used.

    Args:
        folder: Its topics and its log.
    """

    name = "kafka"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()

    @property
    def address(self) -> str:
        """Its ``host:port``."""
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [str(binary("kafka")), "-port", str(self.port), "-folder", str(self.folder / "data")]

    def is_ready(self) -> bool:
        return self.log().rstrip().endswith("ready")
