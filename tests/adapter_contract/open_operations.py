"""Operations that a test leaves open: they stay in the process, and other tests would find them there."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agentotel import patching
from agentotel.telemetry import open_recordings

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def all_ended() -> Iterator[None]:
    """Fail if something that starts inside is open at the end; whatever it is, it does not stay."""
    before = set(open_recordings._open)
    try:
        yield
    finally:
        left = forget_since(before)
    assert not left, f"left open: {[type(recording.operation).__name__ for recording in left]}"


@contextmanager
def forgotten() -> Iterator[None]:
    """Forget what is left open inside: for tests in which the end itself is made to fail."""
    before = set(open_recordings._open)
    try:
        yield
    finally:
        forget_since(before)


def forget_since(before: set[Any]) -> list[Any]:
    """Forget what is open and was not so `before`, but for what ends when it is collected; return it."""
    if set(open_recordings._open) - before:
        gc.collect()
        patching.settle_collected()
    left = list(set(open_recordings._open) - before)
    for recording in left:
        open_recordings.ended(recording)
    return left


@contextmanager
def alone() -> Iterator[None]:
    """Put aside what others have left open in this process."""
    others = list(open_recordings._open)
    for recording in others:
        open_recordings.ended(recording)
    try:
        yield
    finally:
        for recording in others:
            open_recordings.opened(recording)
