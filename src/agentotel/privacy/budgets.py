"""How many bytes of content are kept: per attribute and per span, cut with a marker that says what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CHUNK: Final = 65_536


def truncate(text: str, max_bytes: int, already_removed: int = 0) -> tuple[str, bool]:
    """Cut `text` so that its UTF-8 form has at most `max_bytes` bytes, marker included.

    Args:
        text: What to cut; characters that cannot be encoded count as one byte.
        max_bytes: The budget. When not even the marker fits, the text is cut without one.
        already_removed: Bytes that the caller has cut off before; the marker counts them as well.

    Returns:
        The text, which ends in ``…[truncated N bytes]`` when N bytes of it were removed, and whether it was cut.
    """
    if not already_removed and (len(text) * 4 <= max_bytes or utf8_length(text) <= max_bytes):
        return text, False
    # A character has at least one byte, so more characters than bytes are never needed.
    head = text[: max(max_bytes, 0)].encode("utf-8", "replace")
    total = len(head) + utf8_length(text, max(max_bytes, 0)) + already_removed
    # The marker is longest when everything is removed; keep room for that, then state the true number.
    room = max_bytes - len(_marker(total).encode())
    if room < 0:
        return head[: max(max_bytes, 0)].decode("utf-8", "ignore"), True
    kept = head[:room].decode("utf-8", "ignore")
    return kept + _marker(total - len(kept.encode())), True


def utf8_length(text: str, start: int = 0) -> int:
    """Return how many bytes `text` has in UTF-8 from its character `start` on, without building them all at once."""
    if text.isascii():
        return max(len(text) - start, 0)
    return sum(len(text[at : at + _CHUNK].encode("utf-8", "replace")) for at in range(start, len(text), _CHUNK))


def _marker(removed: int) -> str:
    return f"…[truncated {removed} bytes]"


@dataclass(frozen=True, slots=True)
class ByteBudget:
    """How much content may be recorded.

    Attributes:
        attribute_bytes: For one attribute.
        span_bytes: For all content attributes of one span together.
    """

    attribute_bytes: int = 16_384
    span_bytes: int = 131_072

    def for_span(self) -> SpanBudget:
        """Return what one span may still spend: everything."""
        return SpanBudget(self)


class SpanBudget:
    """What is left of a `ByteBudget` while the content of one span (or log record) is being recorded.

    Args:
        budget: The limits.

    Attributes:
        remaining: Bytes that are left.
        asked_for: The attributes whose content has been asked for: once each, however often there is occasion.
    """

    __slots__ = ("_attribute_bytes", "asked_for", "remaining")

    def __init__(self, budget: ByteBudget) -> None:
        """Start with everything left."""
        self._attribute_bytes = budget.attribute_bytes
        self.remaining = budget.span_bytes
        self.asked_for: set[str] = set()

    @property
    def next_bytes(self) -> int:
        """How many bytes the next attribute may have."""
        return max(0, min(self._attribute_bytes, self.remaining))

    def spend(self, text: str) -> tuple[str, bool]:
        """Cut `text` to what is left and take that off; return it and whether it was cut."""
        kept, cut = truncate(text, self.next_bytes)
        self.remaining -= utf8_length(kept)
        return kept, cut
