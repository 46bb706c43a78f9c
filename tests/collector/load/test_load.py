"""The load generator: the same seed does the same, and telemetry says to the number what its agents count."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from agentotel.local import query
from agentotel.local.filters import Filters
from agentotel.local.server import LocalBackend

LOAD = Path(__file__).parents[3] / "collector" / "load" / "load.py"
BIN = Path(sys.executable).parent
ALL_TROUBLE = (
    "--errors=0.2", "--rate-limits=0.1", "--tool-errors=0.2", "--loops=0.1", "--cancelled=0.1", "--slow=0.05",
)  # fmt: skip
FAST = ("--rate=0", "--latency=0")


def command(*arguments, launcher=()):
    """Return the command line of the program."""
    return [*launcher, sys.executable, str(LOAD), *arguments]


def environment(**settings):
    """Return an environment in which the launcher is found and loopback goes through no proxy."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "NO_PROXY": "127.0.0.1", **settings}


def run(*arguments, launcher=(), folder=None, **settings):
    """Run the program to its end and return what it has counted."""
    done = subprocess.run(
        command(*arguments, launcher=launcher),
        env=environment(**settings), cwd=folder, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """Run it under the launcher with every kind of trouble: its own counts, and a store of what was recorded."""
    folder = tmp_path_factory.mktemp("load")
    store = folder / "telemetry.db"
    with LocalBackend(store, otlp_http_port=0, otlp_grpc_port=0, port=0) as backend:
        counted = run(
            *FAST, *ALL_TROUBLE, "--runs=80",
            launcher=("opentelemetry-instrument",), folder=folder,
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.addresses.otlp_http,
        )  # fmt: skip
    return counted, store


def sums(store, name, *labels):
    """Return the values (of histograms, the sums) of one metric by the values of some of its labels."""
    found = Counter()
    for series in query.metrics(store, Filters(limit=100_000)):
        if series.name == name:
            value = series.point.get("value", series.point.get("sum"))
            found[tuple(series.attributes[label] for label in labels)] += value
    return {key: value for key, value in found.items() if value}


def flat(tree, *path):
    """Return nested counts as one dictionary by path, without zeros."""
    if not isinstance(tree, dict):
        return {path: tree} if tree else {}
    return {key: value for name, below in tree.items() for key, value in flat(below, *path, name).items()}


@pytest.mark.parametrize(
    ("counts", "metric", "labels"),
    [
        ("runs", "agent.requests", ("agent_name", "status")),
        ("tool_calls", "agent.tool.calls", ("tool_name", "status")),
        ("errors", "agent.errors", ("error_type",)),
        ("tokens", "agent.token.usage", ("model", "type")),
        ("retries", "agent.retries", ("model",)),
        ("rate_limited", "agent.rate_limited", ("model",)),
    ],
)
def test_metrics_say_what_the_agents_count(observed, counts, metric, labels):
    """Each count of the summary is the sum of a metric, label by label, and there is something to count."""
    counted, store = observed
    assert counted[counts]
    assert sums(store, metric, *labels) == flat(counted[counts])


def test_spans_say_what_the_agents_count(observed):
    """Each run and each model call, failed ones included, is exactly one span."""
    counted, store = observed
    traces = [query.trace(store, summary.trace_id) for summary in query.traces(store, Filters(limit=1000))]
    operations = Counter(span.operation for trace in traces for span in trace.spans)
    assert operations["invoke_agent"] == sum(flat(counted["runs"]).values())
    model_calls = sum(flat(counted["model_calls"]).values())
    assert operations["chat"] + operations["embeddings"] == model_calls


def test_all_kinds_of_trouble_happen(observed):
    """With shares for all of them, runs fail and are cancelled, tools fail, and one is called again and again."""
    counted, _ = observed
    outcomes = {status for by_status in counted["runs"].values() for status in by_status}
    assert outcomes == {"success", "failed", "cancelled"}
    assert {"APIConnectionError", "BadRequestError", "InternalServerError", "NoAnswerError"} <= set(counted["errors"])
    assert counted["tool_calls"]["run_tests"]["success"] > 20
    assert counted["streams"]
    assert counted["model_calls"]["acme-chat-1"]


def test_the_same_seed_does_the_same():
    """Two runs of one seed have the same counts whatever the number of workers; another seed has others."""
    first, again, other = (
        run(*FAST, *ALL_TROUBLE, "--runs=20", f"--seed={seed}", f"--workers={workers}", OTEL_SDK_DISABLED="true")
        for seed, workers in ((5, 2), (5, 6), (6, 2))
    )
    first.pop("agents"), again.pop("agents")
    assert first == again
    assert first["tokens"] != other["tokens"]


def test_it_stops_when_told_to():
    """SIGTERM ends it after the runs that are going on, with its counts."""
    with subprocess.Popen(
        command("--rate=50", "--latency=0"), env=environment(OTEL_SDK_DISABLED="true", PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as program:  # fmt: skip
        assert "serving" in program.stderr.readline()
        program.send_signal(signal.SIGTERM)
        output, _ = program.communicate(timeout=30)
    assert program.returncode == 0
    assert json.loads(output)["seed"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--errors=0.9", "--loops=0.2"], "at most 1 together"),
        (["--runs=0"], "whole number from 1 on"),
        (["--rate=-1"], "not negative"),
    ],
)
def test_wrong_options_are_explained(arguments, message):
    """Options that make no sense end with status 2 and say what is expected."""
    done = subprocess.run(command(*arguments), env=environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert message in done.stderr
