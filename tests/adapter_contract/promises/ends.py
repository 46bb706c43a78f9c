"""What is broken off in the middle is ended with what is known, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

from opentelemetry import context

from adapter_contract.playing import play_async, program_of
from adapter_contract.promises.base import Promises, about
from adapter_contract.recipe import HOLD, PAUSE

if TYPE_CHECKING:
    from adapter_contract.observed import Observed
    from adapter_contract.recipe import Scene
    from adapter_contract.weather import Gate

_PATIENCE_S = 20.0


class EndsWhatIsBrokenOff(Promises):
    """Cancelled tasks and abandoned streams."""

    @about("arun", "astream")
    def test_a_run_that_is_cancelled_before_the_answer_is_ended_as_cancelled(self, way: str) -> None:
        """A task that is cancelled while the model thinks gets its cancellation; no error is counted."""
        self._cancelled(way, HOLD)

    @about("astream")
    def test_a_stream_that_is_cancelled_between_pieces_is_ended_as_cancelled(self, way: str) -> None:
        """A task that is cancelled in the middle of the model's answer gets its cancellation; no error is counted."""
        self._cancelled(way, PAUSE)

    def _cancelled(self, way: str, city: str) -> None:
        scene = self.scene(city=city)
        with self.model.holding() as gate:
            alone = asyncio.run(self._cancel(way, scene, gate))
        with self.model.holding() as gate, self.observed() as seen:
            before = context.get_current()
            outcome = asyncio.run(self._cancel(way, scene, gate))
            assert context.get_current() == before
        assert outcome == alone
        assert outcome == ("CancelledError", True), "what came out of the task, and whether its context was clean"
        root = seen.root()
        assert str(root.span.attributes["error.type"]).endswith("CancelledError"), dict(root.span.attributes)
        if root.kind == "agent":
            assert root.span.attributes["agent.status"] == "cancelled"
            assert seen.number("agent.requests", status="cancelled") >= 1
        _assert_no_error(seen)

    async def _cancel(self, way: str, scene: Scene, gate: Gate) -> tuple[str, bool]:
        """Cancel a run while the model holds its answer; return what came out, and whether its context was clean."""
        clean: list[bool] = []

        async def program() -> None:
            before = context.get_current()
            try:
                (await play_async(self.recipe, way, scene)).again()
            finally:
                clean.append(context.get_current() == before)

        task = asyncio.create_task(program())
        reached = await asyncio.to_thread(gate.reached.wait, _PATIENCE_S)
        assert reached, f"the model was not asked: {task}"
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        gate.set()
        return type(outcome).__name__, clean[0]

    @about("stream")
    def test_a_stream_that_is_closed_early_is_ended(self) -> None:
        """A loop that is left after the first piece, with the stream closed, is a run like others, and no error."""
        with self.observed() as seen:
            before = context.get_current()
            stream = program_of(self.recipe, "stream")(self.scene())
            next(stream)
            stream.close()
            assert context.get_current() == before
        self._assert_broken_off(seen, "stream")

    @about("stream")
    def test_a_stream_that_is_dropped_is_ended(self) -> None:
        """A stream that is let go of after the first piece, not closed, is a run like others, and no error."""
        with self.observed() as seen:
            before = context.get_current()
            stream = program_of(self.recipe, "stream")(self.scene())
            next(stream)
            del stream
            gc.collect()
            assert context.get_current() == before
        self._assert_broken_off(seen, "stream")

    @about("astream")
    def test_an_async_stream_that_is_closed_early_is_ended(self) -> None:
        """The same for an async stream that is closed."""

        async def program() -> bool:
            before = context.get_current()
            stream = program_of(self.recipe, "astream")(self.scene())
            await anext(stream)
            await stream.aclose()
            return context.get_current() == before

        with self.observed() as seen:
            assert asyncio.run(program()), "something is left in the context"
        self._assert_broken_off(seen, "astream")

    @about("astream")
    def test_an_async_stream_that_is_dropped_is_ended(self) -> None:
        """The same for an async stream that is let go of."""

        async def program() -> bool:
            before = context.get_current()
            stream = program_of(self.recipe, "astream")(self.scene())
            await anext(stream)
            del stream
            gc.collect()
            await asyncio.sleep(0)
            return context.get_current() == before

        with self.observed() as seen:
            assert asyncio.run(program()), "something is left in the context"
            gc.collect()
        self._assert_broken_off(seen, "astream")

    def _assert_broken_off(self, seen: Observed, way: str) -> None:
        root, expected = seen.root(), self.tree(way)
        assert (root.kind, root.span.name) == (expected.kind, expected.span)
        _assert_no_error(seen)


def _assert_no_error(seen: Observed) -> None:
    assert seen.number("agent.errors") == 0, seen.telemetry.metric("agent.errors")
    assert seen.number("agent.requests", status="failed") == 0
    failures = [record.event_name for record in seen.telemetry.logs() if "failed" in (record.event_name or "")]
    assert not failures
