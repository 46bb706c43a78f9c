"""Recordings that nobody but a test has started, and threads that end them."""

from __future__ import annotations

import threading

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN

from agentotel._base.clock import Stopwatch
from agentotel.telemetry.recording import ActiveRecording


def recording(operation, outer=None, kind=ActiveRecording, context=None):
    """Return an open recording, and the list of how it has ended."""
    ends = []
    finish = lambda ended, error: ends.append((ended, error))  # noqa: E731
    made = kind(operation, outer, INVALID_SPAN, context or Context(), {}, {}, Stopwatch(), finish)
    return made, ends


def in_threads(number, work):
    """Run `work` in threads that start together."""
    barrier = threading.Barrier(number)

    def together():
        barrier.wait()
        work()

    threads = [threading.Thread(target=together) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
