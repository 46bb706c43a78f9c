"""Counts what the agents did, where they do it, so that telemetry can be compared with it number by number."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SUCCESS: Final = "success"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"


@dataclass
class Outcome:
    """How a counted block ended."""

    status: str = SUCCESS


class Tally:
    """The counts of one run of the program. All methods may be called from any thread."""

    def __init__(self) -> None:
        """Start at nothing."""
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, ...]] = Counter()
        self._seen: dict[str, set[str]] = {}

    def add(self, *name: str, by: int = 1) -> None:
        """Add `by` to the count that `name` leads to, such as ``"runs", "support", "success"``."""
        with self._lock:
            self._counts[name] += by

    def see(self, kind: str, value: str) -> None:
        """Remember that `value` (a user, a tenant) has occurred."""
        with self._lock:
            self._seen.setdefault(kind, set()).add(value)

    @contextmanager
    def outcome(self, *name: str) -> Iterator[Outcome]:
        """Count the block as success, failed or cancelled below `name`; one that yields may be told that it failed."""
        outcome = Outcome()
        try:
            yield outcome
        except Exception as error:
            outcome.status = FAILED
            self._count_error(error)
            raise
        except BaseException:
            outcome.status = CANCELLED
            raise
        finally:
            self.add(*name, outcome.status)

    def usage(self, model: str, usage: Any) -> None:
        """Add the tokens that an answer of `model` says it has used."""
        counts = {
            "input": usage.prompt_tokens,
            "output": getattr(usage, "completion_tokens", 0),
            "cache_read": _detail(usage, "prompt_tokens_details", "cached_tokens"),
            "reasoning": _detail(usage, "completion_tokens_details", "reasoning_tokens"),
        }
        for kind, count in counts.items():
            self.add("tokens", model, kind, by=count)

    def _count_error(self, error: Exception) -> None:
        """Count an exception where it comes from, and not again on its way out."""
        if not getattr(error, "is_counted", False):
            error.is_counted = True  # type: ignore[attr-defined]
            self.add("errors", type(error).__name__)

    def summary(self) -> dict[str, Any]:
        """Return all counts as nested objects, sorted; what did not occur is absent."""
        summary: dict[str, Any] = {}
        with self._lock:
            for name, count in sorted(self._counts.items()):
                place = summary
                for part in name[:-1]:
                    place = place.setdefault(part, {})
                place[name[-1]] = count
            return {**summary, **{kind: len(values) for kind, values in sorted(self._seen.items())}}


def _detail(usage: Any, group: str, name: str) -> int:
    return getattr(getattr(usage, group, None), name, None) or 0
