"""Collectors with a sink behind them, shared by the tests of a file."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from backend_programs import OPERATIONS, Collector
from collector.otelcol.otlp_sink import Sink

QUICK = {"OTELCOL_SPAN_METRICS_INTERVAL": "1s", "OTELCOL_RETRY_MAX_INTERVAL": "1s"}


@contextmanager
def collecting(folder, **environment):
    """Run the Collector of one host; what has no address of its own among the variables is its attribute ``sink``."""
    with Sink() as behind:
        collector = Collector(folder, environment={**behind.environment(), **environment})
        collector.sink = behind
        with collector:
            yield collector


@pytest.fixture
def sink():
    """A backend of its own for a test that starts Collectors itself."""
    with Sink() as running:
        yield running


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The Collector of one host, with a sink as all of its backends; its attribute ``sink`` is that."""
    with collecting(tmp_path_factory.mktemp("local"), **QUICK) as collector:
        yield collector


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """The gateway, quick to decide and keeping nothing of the rest, with a sink behind it."""
    knobs = {
        "OTELCOL_SAMPLING_WAIT": "30s",
        "OTELCOL_SAMPLING_WAIT_AFTER_ROOT": "1s",
        "OTELCOL_SAMPLING_PERCENT": "0",
    }
    with Sink() as behind:
        collector = Collector(
            tmp_path_factory.mktemp("gateway"),
            configurations=[OPERATIONS / "otelcol" / "gateway.yaml"],
            environment={**behind.environment(), **QUICK, **knobs},
        )
        collector.sink = behind
        with collector:
            yield collector
