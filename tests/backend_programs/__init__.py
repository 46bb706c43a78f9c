"""The real backends, started without Docker on free loopback ports, for tests that carry the marker ``backends``.

`scripts/backends` builds the programs; each class here runs one of them, ready when its ``with`` block is entered:

    with Jaeger(tmp_path / "jaeger") as jaeger, Collector(tmp_path / "collector", environment={...}) as collector:
        ...

`stack` (a fixture in fixtures.py) is all of them, wired as docker-compose.yml does it.
"""

from backend_programs.alertmanager import Alertmanager
from backend_programs.binaries import binary
from backend_programs.collector import Collector
from backend_programs.jaeger import Jaeger
from backend_programs.kafka import Kafka
from backend_programs.loki import Loki
from backend_programs.processes import Program
from backend_programs.prometheus import Prometheus
from backend_programs.rewiring import OPERATIONS, rewired
from backend_programs.stack import Stack
from backend_programs.waiting import free_port, get_json, wait_until

__all__ = [
    "OPERATIONS",
    "Alertmanager",
    "Collector",
    "Jaeger",
    "Kafka",
    "Loki",
    "Program",
    "Prometheus",
    "Stack",
    "binary",
    "free_port",
    "get_json",
    "rewired",
    "wait_until",
]
