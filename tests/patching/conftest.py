"""A fake observer that writes down in order what happens to each recording, and what is current meanwhile."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field

import pytest

from agentotel._base import failopen
from agentotel.model.contract import Call
from agentotel.model.operations import AgentRun, Operation
from agentotel.patching import collected, hooks, observation

CURRENT: contextvars.ContextVar[FakeRecording | None] = contextvars.ContextVar("current", default=None)


class FakeRecording:
    """Writes down what is done to it; knows whether it was ended more than once."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.journal: list[str] = []
        self.error: BaseException | None = None

    def activate(self):
        self.journal.append("activate")
        previous = CURRENT.get()
        CURRENT.set(self)
        return previous

    def suspend(self, token):
        self.journal.append("suspend")
        CURRENT.set(token)

    def chunk(self):
        self.journal.append("chunk")

    def headers(self):
        return {"traceparent": "00-1-2-01"}

    def expire(self):
        self.journal.append("expire")

    def stop(self):
        self.journal.append("stop")

    def fail(self, error):
        self.error = error
        self.journal.append("fail")

    @property
    def ends(self) -> list[str]:
        """How it was ended, collected objects included: one entry when all is well."""
        collected.settle()
        return [entry for entry in self.journal if entry in {"stop", "fail"}]

    @property
    def abandoned(self) -> bool:
        collected.settle()
        return bool(self.operation.attributes.get("agentotel.abandoned"))

    @property
    def seen(self) -> list:
        """What `response` and `chunk` were given."""
        return self.operation.scratch


@dataclass
class FakeObserver:
    """Starts a recording for every operation, unless `refuses` is set."""

    recordings: list[FakeRecording] = field(default_factory=list)
    refuses: bool = False
    wants_content: bool = False

    def start(self, operation, within=None):
        if self.refuses:
            return None
        self.recordings.append(FakeRecording(operation))
        return self.recordings[-1]

    def current(self):
        recording = CURRENT.get()
        return None if recording is None else recording.operation

    @property
    def only(self) -> FakeRecording:
        """The one recording that there is."""
        (recording,) = self.recordings
        return recording


def request(call):
    """Make an operation whose scratch takes what the other two see."""
    return AgentRun(scratch=[])


def response(operation, result):
    """Write down the result."""
    operation.scratch.append(("response", result))


def chunk(operation, piece):
    """Write down the chunk."""
    operation.scratch.append(piece)


@pytest.fixture
def observer():
    """An observer that is active during the test; whatever of ours fails is raised."""
    fake = FakeObserver()
    failopen.reset()
    failopen.configure(strict=True)
    CURRENT.set(None)  # a test that breaks `suspend` leaves something behind
    observation.observe(fake)
    yield fake
    observation.stop_observing()
    failopen.configure(strict=False)
    failopen.reset()
    hooks.reset_reports()


@pytest.fixture
def lenient(observer):
    """The same as in production: whatever of ours fails is counted and skipped."""
    failopen.configure(strict=False)
    return observer


@pytest.fixture
def current():
    """Tells the recording that is current in this context."""
    return CURRENT.get


@pytest.fixture
def call():
    """Make a `Call` whose functions write into the scratch of the operation."""

    def make(**changes):
        return Call(**{"target": "m:f", "request": request, "response": response, "chunk": chunk, **changes})

    return make
