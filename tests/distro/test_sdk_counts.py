"""The SDK's metrics about batch processors, where it has them (see also test_batching.py)."""

from __future__ import annotations

import sys

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from agentotel.distro.sdk_counts import processor_counts


@pytest.mark.parametrize("missing", ["opentelemetry.sdk._shared_internal._processor_metrics", None])
def test_an_sdk_without_them_counts_nothing(monkeypatch, missing):
    """SDK 1.40 has none, and in others they are off by default."""
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    counts = processor_counts("logs", 10, lambda: 0, MeterProvider(shutdown_on_exit=False))
    counts.finish_items(1)
    counts.drop_items(1)
