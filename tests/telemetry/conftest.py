"""What the tests of the recorder's parts share."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from agentotel import testing


@pytest.fixture
def telemetry():
    """Everything that is recorded, in memory."""
    with testing.recording() as recorded:
        yield recorded


@pytest.fixture
def run():
    """Run an operation as patching would: started, current inside the block, ended after it."""

    @contextmanager
    def running(observer, operation):
        recording = observer.start(operation)
        token = recording.activate()
        try:
            yield recording
        except BaseException as error:
            recording.suspend(token)
            recording.fail(error)
            raise
        recording.suspend(token)
        recording.stop()

    return running
