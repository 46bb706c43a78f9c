"""What the tests of the recorder's parts share."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from adapter_contract import open_operations
from agentotel import testing


@pytest.fixture(autouse=True)
def _nothing_else_open():
    """Only what a test starts itself is open in it, and nothing is left open after it."""
    with open_operations.alone(), open_operations.all_ended():
        yield


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
