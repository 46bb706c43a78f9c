"""``scripts/bench_ingest.py`` measures a real backend and notices what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_ingest.py"


def test_it_counts_what_was_acknowledged_and_stored():
    """A small run: all spans of all clients are stored."""
    command = [sys.executable, SCRIPT, "--clients", "2", "--batches", "3", "--spans", "10", "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    result = json.loads(run.stdout)
    assert (result["acknowledged_spans"], result["stored_spans"]) == (60, 60)
    assert result["spans_per_second"] > 0
