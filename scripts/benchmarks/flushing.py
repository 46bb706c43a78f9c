"""Flushes providers such that a flush that did not happen is an error, and not a figure that is too low."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def flush_all(providers: Iterable[object]) -> Callable[[], None]:
    """Return what flushes `providers`.

    Raises:
        RuntimeError: One of them cannot be flushed (nothing is set up), or, when flushing, says that it was not.
            What it left in its queue would be exported outside of the measurement.
    """
    flushes: list[Callable[[], object]] = []
    for provider in providers:
        force_flush = getattr(provider, "force_flush", None)
        if force_flush is None:
            raise RuntimeError(f"{type(provider).__name__} cannot be flushed: no provider has been set up")
        flushes.append(force_flush)

    def flush() -> None:
        for force_flush in flushes:
            if force_flush() is False:
                raise RuntimeError(f"{force_flush!r} has not flushed everything")

    return flush
