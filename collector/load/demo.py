# ruff: noqa: INP001 - a program that stands beside its package, as a user would have it

"""Runs the demo agent once against whatever backend `OTEL_EXPORTER_OTLP_ENDPOINT` names.

    python demo.py

The agent is a program that knows nothing of agentotel (`agentotel.demo.program`); a scripted model answers it. Start
this with plain Python: it starts the agent under `opentelemetry-instrument` itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from agentotel.demo.model_server import ModelServer
from agentotel.demo.run import PROGRAM
from agentotel.demo.script import respond


def main() -> int:
    """Run the agent in a folder of its own, and return its exit status."""
    launcher = shutil.which("opentelemetry-instrument", path=sysconfig.get_path("scripts"))
    if launcher is None:
        print("opentelemetry-instrument is not installed beside this Python", file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory(prefix="demo-") as folder, ModelServer(respond) as model:
        program = shutil.copytree(PROGRAM, Path(folder, "program"), ignore=shutil.ignore_patterns("__pycache__"))
        environment = {
            "OTEL_SERVICE_NAME": "demo-agent",
            # So that gauges are read while it runs: its pool of agents is gone when it ends.
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            **os.environ,  # noqa: TID251 - the agent gets the user's own environment
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "no-key-is-needed",
            "DEMO_MODEL": "gpt-4o-mini",
        }
        command = [launcher, sys.executable, "shop_agent.py"]
        return subprocess.run(command, cwd=program, env=environment, check=False).returncode  # noqa: S603 - our own


if __name__ == "__main__":
    sys.exit(main())
