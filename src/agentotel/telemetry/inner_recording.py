"""The recording of a model call that a lower layer sees of one that is being recorded already."""

from __future__ import annotations

from agentotel.model.operations import ModelCall
from agentotel.telemetry.merging import complete
from agentotel.telemetry.recording import ActiveRecording


class InnerRecording(ActiveRecording):
    """A model call that a lower layer sees of the call that `outer` records: one span, one count.

    It has no span of its own. Its end completes the operations around it with what only the lower layer knows.
    """

    def layers(self) -> list[ActiveRecording]:
        """Return the other recordings of the same call, from the inside out: the last one has the span."""
        found: list[ActiveRecording] = []
        for outer in self.around():
            found.append(outer)
            if not isinstance(outer, InnerRecording):
                break
        return found

    def merge(self) -> None:
        """Give the recordings of the outer layers what this one knows. Doing it again changes nothing."""
        inner = self.operation
        assert isinstance(inner, ModelCall)
        for outer in self.layers():
            assert isinstance(outer.operation, ModelCall)
            complete(outer.operation, inner)
            if not outer._chunks:  # noqa: SLF001 - the same class
                outer._chunks = self._chunks  # noqa: SLF001
                outer._first_chunk_ns = self._first_chunk_ns  # noqa: SLF001
                outer._last_chunk_ns = self._last_chunk_ns  # noqa: SLF001
