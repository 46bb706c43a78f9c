"""What all adapter tests share: a scripted model server and an observer that only remembers."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from adapter_contract import open_operations
from agentotel._base import failopen
from agentotel.demo.model_server import ModelServer, Reply, scripted
from agentotel.model.operations import ModelCall, Operation
from agentotel.patching.observation import observe, stop_observing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_current: ContextVar[Operation | None] = ContextVar("current", default=None)


@dataclass
class FakeRecording:
    """Remembers what happened to one operation, in order."""

    operation: Any
    parent: Operation | None
    events: list[str] = field(default_factory=list)
    error: BaseException | None = None

    def activate(self) -> Token[Operation | None]:
        return _current.set(self.operation)

    def suspend(self, token: Any) -> None:
        _current.reset(token)

    def chunk(self) -> None:
        self.events.append("chunk")

    def headers(self) -> dict[str, str]:
        return {"traceparent": "00-1-2-01"}

    def expire(self) -> None:
        """Nothing is timed here."""

    def stop(self) -> None:
        self.events.append("stop")

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.events.append("fail")

    @property
    def ended(self) -> bool:
        return self.events[-1:] in (["stop"], ["fail"])

    @property
    def chunks(self) -> int:
        return self.events.count("chunk")


class FakeObserver:
    """Starts a recording for everything but a model call directly inside a model call."""

    def __init__(self) -> None:
        self.recordings: list[FakeRecording] = []

    def start(self, operation: Operation, within: Any = None) -> FakeRecording | None:
        parent = _current.get()
        if isinstance(parent, ModelCall) and isinstance(operation, ModelCall):
            return None
        self.recordings.append(FakeRecording(operation, parent))
        return self.recordings[-1]

    def current(self) -> Operation | None:
        return _current.get()

    @property
    def only(self) -> FakeRecording:
        """The one recording that there has to be, ended exactly once."""
        assert len(self.recordings) == 1
        recording = self.recordings[0]
        assert recording.events.count("stop") + recording.events.count("fail") == 1
        assert recording.ended
        return recording

    @property
    def operation(self) -> Any:
        """The operation of the only recording."""
        return self.only.operation


@pytest.fixture(autouse=True)
def _all_ended() -> Iterator[None]:
    """What a test starts has ended after it: whatever is left open is lost, and disturbs other tests."""
    with open_operations.all_ended():
        yield


@pytest.fixture
def observer() -> Iterator[FakeObserver]:
    """Observe all patched calls during one test, with errors of ours being loud."""
    failopen.configure(strict=True)
    failopen.reset()
    fake = FakeObserver()
    observe(fake)
    yield fake
    stop_observing()
    failopen.configure(strict=False)
    assert failopen.errors() == {}


@pytest.fixture
def serve() -> Iterator[Callable[..., ModelServer]]:
    """Start model servers that give the replies of a script, or what a function answers."""
    servers: list[ModelServer] = []

    def start(*script: Reply | Callable[[Any], Reply]) -> ModelServer:
        respond = script[0] if callable(script[0]) else scripted(*script)  # type: ignore[arg-type]
        servers.append(ModelServer(respond))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
