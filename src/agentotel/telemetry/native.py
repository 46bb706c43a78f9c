"""Spans that a library makes by itself, recorded as operations like all others.

The library gets a tracer of ours for its scope. Each span that it starts there is turned into an operation by the
library's adapter and recorded by the `Recorder`; what the library holds in its hands is a stand-in that collects what
it says about the span, and passes for the operation's span wherever a parent or a trace id is asked for.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import attach, get_current, set_value
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, StatusCode, Tracer, get_current_span, use_span

# The only context manager of the API that also decorates async functions, as `Tracer.start_as_current_span` promises.
from opentelemetry.util._decorator import _agnosticcontextmanager

from agentotel._base.failopen import attempt
from agentotel.model import names
from agentotel.model.contract import NativeSpan, Suppressed
from agentotel.model.operations import ModelCall
from agentotel.telemetry import official
from agentotel.telemetry.recording import ActiveRecording, RecordedSpan, innermost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import SpanContext

    from agentotel.model.contract import Native
    from agentotel.model.operations import Operation
    from agentotel.telemetry.recorder import Recorder

_OTHER_ERROR: Final = "_OTHER"


class NativeTracer(Tracer):
    """The tracer that a library with spans of its own gets for its scope.

    Args:
        real: The provider's tracer, for spans that the adapter leaves as they are.
        native: What the adapter says about the scope.
        recorder: Records the operations.
    """

    def __init__(self, real: Tracer, native: Native, recorder: Recorder) -> None:
        self._real = real
        self._native = native
        self._recorder = recorder

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Span:
        """Start an operation for a span of the library; see `Tracer.start_span`."""
        native, site = self._native, self._native.scope
        told = NativeSpan(name, kind.name.lower(), dict(attributes or {}), [])
        meant = attempt(f"{site}.start", native.start, told)
        if meant is None:
            return self._real.start_span(name, context, kind, attributes, *args, **kwargs)
        around = get_current() if context is None else context
        if isinstance(meant, Suppressed):
            return SuppressedSpan(around)
        return self._recorded(meant, told, around)

    def _recorded(self, operation: Operation, told: NativeSpan, around: Context) -> Span:
        recording = attempt(f"{self._native.scope}.record", self._recorder.start_in, operation, around)
        return SuppressedSpan(around) if recording is None else AdoptedSpan(recording, told, self._native)

    @_agnosticcontextmanager
    def start_as_current_span(  # noqa: PLR0913, PLR0917 - the signature of the API
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Any = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - the signature of the API
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - the same
        end_on_exit: bool = True,  # noqa: FBT001, FBT002 - the same
    ) -> Iterator[Span]:
        """Start a span and make it the current one; see `Tracer.start_as_current_span`."""
        span = self.start_span(
            name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception
        )
        with _around(span), use_span(span, end_on_exit, record_exception, set_status_on_exception):
            yield span


class SuppressedSpan(NonRecordingSpan, RecordedSpan):
    """What a library holds for a span that is not recorded: it passes for the span around it, and cannot change it.

    Args:
        around: The context in which it would have started.
    """

    def __init__(self, around: Context) -> None:
        super().__init__(get_current_span(around).get_span_context())
        self.recording = innermost(around)


class AdoptedSpan(RecordedSpan):
    """What a library holds for a span that is recorded as an operation.

    Args:
        recording: The operation's recording.
        told: Collects what the library says.
        native: The adapter's part.
    """

    recording: ActiveRecording

    def __init__(self, recording: ActiveRecording, told: NativeSpan, native: Native) -> None:
        self.recording = recording
        recording.is_told_late = True
        recording.tell = self._complete
        self._told = told
        self._native = native
        self._attributes: dict[str, Any] = told.attributes  # type: ignore[assignment]  # made by the tracer, a dict
        self._events: list[Any] = told.events  # type: ignore[assignment]  # the same, a list
        self._error: BaseException | None = None
        self._is_failed = False
        self._span_context = get_current_span(recording.context).get_span_context()

    def get_span_context(self) -> SpanContext:
        """Return the ids of the span that stands for the operation."""
        return self._span_context

    def is_recording(self) -> bool:
        """Tell whether it is open: also where its span is not sampled, since metrics need what the library says."""
        return not self.recording.ended

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What the library has set until now: some read it back, as they can from a span of the SDK."""
        return MappingProxyType(self._attributes)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Keep attributes for the adapter."""
        self._attributes.update(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        """Keep an attribute for the adapter."""
        self._attributes[key] = value

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Keep an event for the adapter."""
        del timestamp
        self._events.append((name, attributes or {}))
        if name == "exception":
            self._error = _described(attributes or {}) or self._error

    def update_name(self, name: str) -> None:
        """Keep the library's name for the adapter; the span has the name that the conventions give the operation."""
        self._told.name = name

    def set_status(self, status: Any, description: str | None = None) -> None:
        """Take note of a failure; its description is content, and the error's type says what is needed."""
        del description
        code = getattr(status, "status_code", status)
        self._is_failed = code is StatusCode.ERROR

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - the signature of the API
    ) -> None:
        """Take note of the exception with which the operation ends."""
        del attributes, timestamp, escaped
        self._error = exception

    def end(self, end_time: int | None = None) -> None:
        """End the operation; only the first end counts."""
        del end_time
        if self.recording.ended:
            return
        operation, is_decided = self.recording.operation, self._complete()
        error, self._error = self._error or _passing_through(is_failed=self._is_failed and not is_decided), None
        if error is not None:
            self.recording.fail(error)
            return
        if self._is_failed and not is_decided and operation.failure is None:
            operation.failure = str(self._attributes.get(names.ERROR_TYPE) or _OTHER_ERROR)
        self.recording.stop()

    def _complete(self) -> bool | None:
        """Let the adapter complete the operation with what the library has said; tell if its outcome is decided."""
        native = self._native
        if native.end is None:
            return False
        return attempt(f"{native.scope}.end", native.end, self.recording.operation, self._told)


@contextmanager
def _around(span: Span) -> Iterator[None]:
    """Make the recording of a span current: its span alone would not show it below spans of the program's own.

    What was current is attached again rather than a token reset, for the same reason as in `ActiveRecording.suspend`.
    """
    if not isinstance(span, AdoptedSpan):
        yield
        return
    before = get_current()
    attach(_inside(span.recording, before))
    try:
        yield
    finally:
        attach(before)


def _inside(recording: ActiveRecording, around: Context) -> Context:
    """Return the context inside of a recording, where official instrumentations below a model call hold back."""
    context = set_value(names.RECORDING_KEY, recording, around)
    if not isinstance(recording.operation, ModelCall):
        return context
    return attempt("native.official", official.held_back, recording.operation, context) or context


def _described(attributes: Mapping[str, Any]) -> BaseException | None:
    """Return the exception that is being handled, where an event without its words names its type."""
    error = sys.exc_info()[1]
    kind = str(attributes.get(names.EXCEPTION_TYPE, ""))
    return error if error is not None and kind.endswith(type(error).__qualname__) else None


def _passing_through(*, is_failed: bool) -> BaseException | None:
    """Return the exception that is just passing through the library, if it is what ends the span.

    A cancellation always is: ``use_span`` does not record those. Another one is where the library has set an error
    status and has not recorded the exception.
    """
    error = sys.exc_info()[1]
    if isinstance(error, GeneratorExit) or (isinstance(error, Exception) and not is_failed):
        return None
    return error
