"""One intercepted call from its start to its one end, whatever kind of object it returned.

This module owns state: the calls whose streams have begun and not ended.
"""

from __future__ import annotations

import weakref
from collections import deque
from functools import partial
from itertools import chain, count, repeat
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.patching import collected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agentotel.model.contract import Call, Recording
    from agentotel.model.operations import Operation

MOST_CHUNKS_HELD: Final = 16
"""So many chunks of one stream are held before they are folded into its operation: few enough that the garbage
collector, which counts what has been made and not let go of, is not called for them, and that the memory of those that
are let go of is still in the processor's cache when the next ones are made of it."""


NOT_ACTIVE: Final = object()
"""The token of a call that could not be made current."""

_streams: dict[weakref.ref[OpenCall], None] = {}


class CallSite:
    """A wrapped function: what the adapter says about it, and under which names its errors are counted.

    Args:
        call: The adapter's part.
        site: The adapter's name; errors of ours are counted as ``<site>.request``, ``<site>.response`` and so on.
        function: The original function, unbound.
    """

    __slots__ = (
        "call",
        "chunk_site",
        "deferred_site",
        "error_site",
        "function",
        "inject_site",
        "request_site",
        "response_site",
        "settle_site",
    )

    def __init__(self, call: Call, site: str, function: Any) -> None:
        self.call = call
        self.function = function
        self.error_site = f"{site}.error"
        self.inject_site = f"{site}.inject"
        self.request_site = f"{site}.request"
        self.response_site = f"{site}.response"
        self.chunk_site = f"{site}.chunk"
        self.deferred_site = f"{site}.deferred"
        self.settle_site = f"{site}.settle"


class OpenCall:
    """A call that has been started and not ended. Each method is safe to call at any time, and never raises.

    It is ended exactly once, by the first of `complete`, `finish`, `close`, `fail` and `abandon`. An open call that
    nobody can end any more (everything that referred to it has been collected) ends itself as abandoned.

    Args:
        site: The function that was called.
        recording: What the observer gave for it.

    Attributes:
        ended: Whether it has ended.
        products: How many objects that can still bring the result are in the user's hands.
        unstarted: The user's coroutine, as long as nobody has awaited it.
    """

    __slots__ = ("__weakref__", "_stream", "chunks", "ended", "fold", "products", "recording", "site", "unstarted")

    def __init__(self, site: CallSite, recording: Recording) -> None:
        self.site = site
        self.recording = recording
        self.fold = site.call.chunk
        self.chunks: list[Any] = []
        self.ended = False
        self.products = 0
        self.unstarted: Any = None
        self._stream: weakref.ref[OpenCall] | None = None

    @property
    def operation(self) -> Operation:
        """The operation that is being recorded."""
        return self.recording.operation

    def activate(self) -> object:
        """Make the operation current; return the token for `suspend`."""
        try:
            return self.recording.activate()
        except Exception as error:  # noqa: BLE001 - reported by the guard; `attempt` itself costs too much per chunk
            return self.not_active(error)

    def not_active(self, error: Exception) -> object:
        """Report that it could not be made current; return the token for `suspend`."""
        attempt("recorder.activate", _reraise, error)
        return NOT_ACTIVE

    def suspend(self, token: object) -> None:
        """Make current again what was current before `activate`."""
        if token is NOT_ACTIVE:
            return
        try:
            self.recording.suspend(token)
        except Exception as error:  # noqa: BLE001 - as above
            self.not_suspended(error)

    def not_suspended(self, error: Exception) -> None:
        """Report that what was current before could not be put back."""
        attempt("recorder.suspend", _reraise, error)

    def arrived(self, chunk: Any) -> None:
        """Take note of a piece of the stream. Nothing looks into it now: they are folded many at a time."""
        if self.ended:
            return
        try:
            self.recording.chunk()
        except Exception as error:  # noqa: BLE001 - as above
            self.not_timed(error)
        if self.fold is not None:
            chunks = self.chunks
            if self._stream is None:
                self._register()
            chunks.append(chunk)
            if len(chunks) >= MOST_CHUNKS_HELD:
                self._fold_chunks()

    def not_timed(self, error: Exception) -> None:
        """Report that the arrival of a piece could not be noted."""
        attempt("recorder.chunk", _reraise, error)

    def keepers(self) -> Iterator[Callable[[Any], object]]:
        """Yield, for each piece to come, what keeps it for the next fold: `arrived` for those who pull in a loop.

        Whoever uses it notes by itself when a piece has arrived, and keeps none once the call has ended.
        """
        return chain.from_iterable(repeat(self._keeper(), MOST_CHUNKS_HELD) for _ in count())

    def _keeper(self) -> Callable[[Any], object]:
        if self.fold is None or self.ended:
            return id  # which looks at nothing of a piece
        if self._stream is None:
            self._register()
        elif len(self.chunks) >= MOST_CHUNKS_HELD:
            self._fold_chunks()
        return self.chunks.append

    def _register(self) -> None:
        self._stream = weakref.ref(self)
        _streams[self._stream] = None

    def complete(self, result: Any) -> None:
        """End it with its final result."""
        if not self.ended:
            self.ended = True
            try:
                self._end_stream()
                if self.site.call.response is not None:
                    attempt(self.site.response_site, self.site.call.response, self.operation, result)
            finally:  # also where errors are raised (strict)
                attempt("recorder.stop", self.recording.stop)

    def finish(self) -> None:
        """End it because its stream came to the end."""
        if not self.ended:
            self.ended = True
            try:
                self._end_stream()
            finally:
                attempt("recorder.stop", self.recording.stop)

    def close(self) -> None:
        """End it because the consumer wants no more: closed, or, when no product of it is left, let go of."""
        if self.products:
            self.finish()
        else:
            self.abandon()

    def fail(self, error: BaseException) -> None:
        """End it with the exception that the user's function or stream raised."""
        if not self.ended:
            self.ended = True
            is_failure = True
            try:
                self._end_stream()
                steers = self.site.call.error
                is_failure = steers is None or not attempt(self.site.error_site, steers, self.operation, error)
            finally:
                if is_failure:
                    attempt("recorder.fail", self.recording.fail, error)
                else:
                    attempt("recorder.stop", self.recording.stop)

    def abandon(self) -> None:
        """End it because its result was dropped without having been used up or closed."""
        if not self.ended:
            self.operation.attributes[names.ABANDONED] = True
            self.finish()

    def watch(self, product: Any) -> None:
        """Take note when `product`, what the user got instead of a result, is collected or outlives the program."""
        self.products += 1
        weakref.finalize(product, _let_go, self, weakref.ref(product))

    def settle(self) -> None:
        """Let the operation know what has arrived of its stream so far: it may be ended by others."""
        if not self.ended:
            self._fold_chunks()

    def _end_stream(self) -> None:
        if self._stream is not None:
            _streams.pop(self._stream, None)
            self._fold_chunks()

    def _fold_chunks(self) -> None:
        chunks = self.chunks[:]
        del self.chunks[: len(chunks)]  # emptied, not replaced: a loop goes on with what `keepers` gave it
        fold, operation = self.fold, self.recording.operation
        if fold is None:
            return
        folding, is_done = map(partial(fold, operation), chunks), False
        while not is_done:
            try:
                deque(folding, 0)
                is_done = True
            except Exception as error:  # noqa: BLE001, PERF203 - as above; the other chunks still count
                attempt(self.site.chunk_site, _reraise, error)

    def __del__(self) -> None:
        """End what nobody can end any more."""
        if self.unstarted is not None:
            # The outer coroutine has just warned that it was never awaited; the inner one must not repeat it.
            attempt(self.site.settle_site, self.unstarted.close)
        if not self.ended:
            attempt("recorder.expire", self.recording.expire)
            collected.later("recorder.abandon", self.abandon)


def settle_streams() -> None:
    """Let the operations of all open streams know what has arrived so far: for the end of the process."""
    for stream in list(_streams):
        opened = stream()
        if opened is not None:
            opened.settle()


def _reraise(error: Exception) -> None:
    raise error


def _let_go(opened: OpenCall, product: weakref.ref[Any]) -> None:
    """Tell being collected from the end of the program, at which the product still lives."""
    if product() is None:
        opened.products -= 1  # a started generator is closed next; anything else frees `opened`, which ends itself
    else:
        opened.abandon()
