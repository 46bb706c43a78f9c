"""What a test of the contract sees of a recorded run: its tree, its numbers, everything that left the program."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from adapter_contract.tree import Found, kind_of
from agentotel import patching
from agentotel._base import failopen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentotel.model.contract import Adapter
    from agentotel.testing import RecordedTelemetry

CONTENT_ON: Final = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "span_and_event"}

_WATCHED: Final = ("opentelemetry", "agentotel")


class OpenSpans:
    """A span processor that knows which spans have started and not ended."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Remember it."""
        self.names[span.get_span_context().span_id] = span.name

    def on_end(self, span: Any) -> None:
        """Forget it."""
        self.names.pop(span.get_span_context().span_id, None)

    def _on_ending(self, span: Any) -> None:
        """Nothing: a step that the SDK takes in between."""

    def shutdown(self) -> None:
        """Nothing."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Nothing."""
        return True


class Observed:
    """Everything that was recorded.

    Attributes:
        telemetry: As `agentotel.testing.recording` gives it.
        complaints: What the loggers of OpenTelemetry and agentotel have said, at WARNING and above.
    """

    def __init__(self, telemetry: RecordedTelemetry, complaints: list[str]) -> None:
        self.telemetry = telemetry
        self.complaints = complaints
        self._open = OpenSpans()
        telemetry.tracer_provider.add_span_processor(self._open)  # type: ignore[arg-type]  # it has all methods

    def spans(self, kind: str | None = None) -> list[Any]:
        """Return the spans that have ended, in the order of starting; only those of one kind if that is given."""
        patching.settle_collected()
        found = [span for span in self.telemetry.spans() if kind is None or kind_of(span) == kind]
        return sorted(found, key=lambda span: span.start_time or 0)

    def open_spans(self) -> list[str]:
        """Return the names of the spans that have not ended."""
        patching.settle_collected()
        return list(self._open.names.values())

    def roots(self) -> list[Found]:
        """Return the trees of all traces."""
        return Found.of(self.spans())

    def root(self) -> Found:
        """Return the one tree.

        Raises:
            AssertionError: There is another number of roots, or something has not ended.
        """
        roots = self.roots()
        shown = "\n".join(map(str, roots))
        assert len(roots) == 1, f"there should be one trace with one root; found {len(roots)}:\n{shown}"
        assert not self.open_spans(), f"these spans have not ended: {self.open_spans()}; these have:\n{shown}"
        return roots[0]

    def number(self, metric: str, **wanted: str) -> float:
        """Return the sum of a metric over all points that have the wanted attributes; of histograms, of the values."""
        values = (value[1] if isinstance(value, tuple) else value for value in self._points(metric, wanted))
        return float(sum(values))

    def count(self, metric: str, **wanted: str) -> int:
        """Return how many values a histogram has got, over all points that have the wanted attributes."""
        return sum(value[0] for value in self._points(metric, wanted))

    def _points(self, metric: str, wanted: dict[str, str]) -> Iterator[Any]:
        for key, value in self.telemetry.metric(metric).items():
            if wanted.items() <= dict(key).items():
                yield value

    def everything(self) -> str:
        """Return all that was recorded, of every signal, as one text."""
        parts = [span.to_json() for span in self.spans()]
        parts += [f"{record.body} {record.attributes} {record.event_name}" for record in self.telemetry.logs()]
        data = self.telemetry._reader.get_metrics_data()
        parts.append(data.to_json() if data is not None else "")
        return "\n".join(parts)


@contextmanager
def observed(adapters: Sequence[Adapter], *, content: bool = False, tolerant: bool = False) -> Iterator[Observed]:
    """Record what happens inside; then nothing of ours may have failed and nobody may have complained.

    Args:
        adapters: Whose native spans are recorded.
        content: Record content too, on spans and log records.
        tolerant: Errors of agentotel's own are expected: skip them as in production.
    """
    # Here and not at the top: a recipe that is run as a program of its own does without.
    from agentotel import testing

    failopen.reset()
    with complaints() as said, testing.recording(CONTENT_ON if content else None, adapters) as telemetry:
        if tolerant:
            failopen.configure(strict=False)
        yield Observed(telemetry, said)
        patching.settle_collected()
    errors = failopen.errors()
    failopen.reset()
    if not tolerant:
        assert not errors, f"errors of agentotel's own, by place: {errors}"
        assert not said, f"something was logged: {said}"


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect what the loggers of OpenTelemetry and agentotel say at WARNING and above."""
    said: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.name}: {record.getMessage()}")

    handler = Collect(logging.WARNING)
    loggers = [logging.getLogger(name) for name in _WATCHED]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield said
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
