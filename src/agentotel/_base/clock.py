"""Time that only moves forward: wall-clock starts, monotonic durations.

A wall clock that is set back or forward during an operation must not give a negative or a day-long duration,
so the end of an operation is its wall-clock start plus what the monotonic clock measured.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns


class Stopwatch:
    """Measures one operation from its creation on.

    Attributes:
        start_ns: Wall-clock time of the start, nanoseconds since the Unix epoch.
    """

    __slots__ = ("_end_ns", "_origin_ns", "start_ns")

    def __init__(self) -> None:
        self.start_ns = time_ns()
        self._origin_ns = perf_counter_ns()
        self._end_ns: int | None = None

    def stop(self) -> None:
        """Let no more time pass on it."""
        self._end_ns = perf_counter_ns()

    def elapsed_s(self) -> float:
        """Return the seconds since the start, never negative."""
        return (self._now() - self._origin_ns) / 1e9

    def seconds_until(self, moment_ns: int) -> float:
        """Return the seconds from the start to a moment of `time.perf_counter_ns`, never negative."""
        return max(0, moment_ns - self._origin_ns) / 1e9

    def now_ns(self) -> int:
        """Return the present time on this operation's own time line, nanoseconds since the Unix epoch."""
        return self.start_ns + self._now() - self._origin_ns

    def _now(self) -> int:
        return perf_counter_ns() if self._end_ns is None else self._end_ns
