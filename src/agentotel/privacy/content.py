"""Turns content of any type into bounded JSON, redacted on the way.

The size is bounded before any JSON is built: a string of 10 MB is cut first, so that recording it costs no more
than recording what is kept of it.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from agentotel.privacy.budgets import truncate, utf8_length
from agentotel.privacy.redaction import Redactor, cut_at_word, is_sensitive_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

try:
    import orjson

    _fast_dumps: Callable[[Any], bytes] | None = orjson.dumps
except ImportError:  # not a dependency: it is there in many programs that use a model SDK
    _fast_dumps = None

MAX_BYTES: Final = 1_048_576
"""How much is kept where the caller names no budget."""

MAX_DEPTH: Final = 32
"""How deep structures are followed."""

_SLACK: Final = 2_048
"""Characters beyond the budget that are searched for secrets, so that none is cut in half at the budget's end."""

_ITEM_BYTES: Final = 4
"""What an element costs beyond its text (quotes, comma): elements without text use up the budget as well."""

_MIN_INT: Final = -(2**63)
_MAX_INT: Final = 2**63 - 1
"""JSON readers (and orjson) take numbers beyond these for floats or for errors; they are written as text."""

_LEAST_CARD_NUMBER: Final = 10**12
"""Numbers below this are no secret by their form; those above may be a card number that is no text."""

_MAX_PRINTED_BITS: Final = 1_024
"""Python takes long to print larger numbers, or refuses."""


@dataclasses.dataclass(frozen=True, slots=True)
class Captured:
    """Content as it may be recorded.

    Attributes:
        text: JSON.
        cut: Whether something is missing, for the ``agentotel.self.truncated`` counter.
        redacted: How many secrets of each kind were replaced.
    """

    text: str
    cut: bool
    redacted: Counter[str]


def capture(value: object, max_bytes: int, redactor: Redactor | None = None) -> Captured:
    """Return `value` as JSON of at most `max_bytes` bytes, without secrets if there is a `redactor`.

    This is the one way from content to an attribute. It never raises, whatever `value` is or contains.

    Args:
        value: What a content thunk gave: messages, arguments, a result; also objects of any class.
        max_bytes: The budget; long strings and lists are cut first, so that the result is JSON as a rule.
        redactor: Finds the secrets; None when the content was redacted before.
    """
    walk = _Walk(max_bytes, redactor)
    text, cut = truncate(_dumps(walk.visit(value, 0)), max_bytes)
    return Captured(text, cut or walk.cut, walk.redacted)


def serialise(value: object, max_bytes: int = MAX_BYTES) -> str:
    """Return `value` as JSON of at most `max_bytes` bytes; see `capture`, which redacts as well."""
    return capture(value, max_bytes).text


def redact_value(value: object, redactor: Redactor, max_bytes: int = MAX_BYTES) -> tuple[Any, Counter[str]]:
    """Return `value` as JSON-able data without secrets, and how many of each kind were replaced.

    Values under keys such as ``password`` or ``api_key`` are masked wholly.
    """
    walk = _Walk(max_bytes, redactor)
    return walk.visit(value, 0), walk.redacted


@dataclasses.dataclass(frozen=True, slots=True)
class Bounded:
    """Structured content as it may be recorded.

    Attributes:
        data: Of dict, list, str, int, float, bool and None.
        bytes: About how many it takes.
        cut: Whether something is missing.
        redacted: How many secrets of each kind were replaced.
    """

    data: Any
    bytes: int
    cut: bool
    redacted: Counter[str]


def bound(value: object, max_bytes: int, redactor: Redactor) -> Bounded:
    """Return `value` as `redact_value` does, cut to `max_bytes`, for where structure is recorded and not JSON."""
    walk = _Walk(max_bytes, redactor)
    before = walk.remaining
    data = walk.visit(value, 0)
    return Bounded(data, before - walk.remaining, walk.cut, walk.redacted)


class _Walk:
    """One way through a value: what is left of the budget, what was cut and what was redacted."""

    def __init__(self, max_bytes: int, redactor: Redactor | None) -> None:
        # Keep room for the markers that end lists when the budget is used up.
        self.remaining = max_bytes - min(128, max_bytes // 8)
        self.redacted: Counter[str] = Counter()
        self.cut = False
        self._redactor = redactor
        self._open: set[int] = set()

    def visit(self, value: object, depth: int) -> Any:
        """Return `value` as bounded data of dict, list, str, int, float, bool and None."""
        self.remaining -= _ITEM_BYTES
        try:
            if value is None or isinstance(value, bool):
                return value
            if isinstance(value, str):
                return self._text(str.__str__(value))
            if isinstance(value, int | float):
                return self._number(value)
            if isinstance(value, bytes | bytearray | memoryview):
                return f"<{len(value)} bytes>"
            return self._container(value, depth)
        except Exception as error:  # noqa: BLE001 - the user's objects may fail in any way when they are read
            return f"<{type(value).__name__}: {type(error).__name__} while reading>"

    def _text(self, text: str) -> str:
        """Return `text` redacted and cut to what is left of the budget."""
        room = max(self.remaining, 0)
        known = cut_at_word(text, room + _SLACK)
        missing = utf8_length(text, len(known))
        if self._redactor is not None:
            known, counts = self._redactor.redact(known)
            self.redacted.update(counts)
        # Quotes and line ends take two bytes in JSON.
        escapes = sum(known.count(character, 0, room) for character in '"\\\n\r\t')
        kept, cut = truncate(known, max(room - escapes, 0), missing)
        self.cut |= cut
        self.remaining -= utf8_length(kept) + escapes
        return kept

    def _number(self, value: float) -> int | float | str:
        """Return a number that every JSON reader understands, or its text."""
        if isinstance(value, int) and not _MIN_INT <= value <= _MAX_INT:
            bits = value.bit_length()
            return self._text(str(value)) if bits <= _MAX_PRINTED_BITS else f"<integer of {bits} bits>"
        text = repr(value)
        if self._redactor is not None and isinstance(value, int) and value >= _LEAST_CARD_NUMBER:
            safe, counts = self._redactor.redact(text)
            if counts:
                self.redacted.update(counts)
                self.remaining -= len(safe)
                return safe
        self.remaining -= len(text)
        return value if math.isfinite(value) else text

    def _container(self, value: object, depth: int) -> Any:
        """Return what holds other values as data, or its text where it is nothing of the kind."""
        if id(value) in self._open:
            return "…[cycle]"
        if depth >= MAX_DEPTH:
            self.cut = True
            return "…[too deep]"
        self._open.add(id(value))
        try:
            if isinstance(value, Mapping):
                return self._mapping(value.items(), depth)
            if isinstance(value, Sequence | AbstractSet):
                return self._list(value, depth)
            fields = _field_names(value)
            if fields:
                return self._mapping(((name, getattr(value, name, None)) for name in fields), depth)
            return self._text(str(value))
        finally:
            self._open.discard(id(value))

    def _list(self, items: Iterable[object], depth: int) -> list[Any]:
        """Return the items up to the end of the budget."""
        result: list[Any] = []
        for item in items:
            if self.remaining <= 0:
                self.cut = True
                result.append("…[truncated]")
                break
            result.append(self.visit(item, depth + 1))
        return result

    def _mapping(self, items: Iterable[tuple[object, object]], depth: int) -> dict[str, Any]:
        """Return the items up to the end of the budget, those under sensitive keys masked."""
        result: dict[str, Any] = {}
        for key, value in items:
            if self.remaining <= 0:
                self.cut = True
                result["…[truncated]"] = None
                break
            name = self._key(key, result)
            if self._redactor is not None and value is not None and is_sensitive_key(name):
                self.redacted["sensitive_key"] += 1
                result[name] = "[REDACTED:sensitive_key]"
            else:
                result[name] = self.visit(value, depth + 1)
        return result

    def _key(self, key: object, taken: Mapping[str, Any]) -> str:
        """Return `key` as text that is not taken: two keys may be the same once they are cut or redacted."""
        self.remaining -= _ITEM_BYTES
        text = self._text(str.__str__(key) if isinstance(key, str) else str(key))
        name, number = text, 2
        while name in taken:
            name, number = f"{text}#{number}", number + 1
        return name


def _field_names(value: object) -> Sequence[str]:
    """Return the fields of a dataclass or Pydantic model, without dumping it; nothing for other objects."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [field.name for field in dataclasses.fields(value)]
    fields = getattr(type(value), "__pydantic_fields__", None)
    return list(fields) if isinstance(fields, Mapping) else []


def _dumps(data: Any) -> str:
    """Return JSON of data that `_Walk` has made."""
    if _fast_dumps is not None:
        try:
            return _fast_dumps(data).decode()
        except TypeError:
            # Lone surrogates: orjson refuses what cannot be UTF-8, the standard library escapes it.
            return json.dumps(data, separators=(",", ":"))
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text if _is_utf8(text) else json.dumps(data, separators=(",", ":"))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
