"""Makes the content thunks of the user's own classes: messages, arguments and results as JSON-able data.

A thunk runs only when content is switched on. It turns objects of unknown classes into JSON-able data by
looking at their attributes: no ``__str__``, ``__repr__`` or other code of the user's runs.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import pathlib
import uuid
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final

from agentotel.adapters.own_reading import MISSING, first_text, read

if TYPE_CHECKING:
    from agentotel.model.operations import Content

PROMPT_ARGUMENTS: Final = ("message", "prompt", "input", "query")
"""Arguments that hold what was asked, first hit first."""

_ANSWER: Final = ("text", "content", "answer", "output", "output_text", "response", "message", "delta")
_PLAIN: Final = (str, int, float, bool, type(None))
_TEXTUAL: Final = (uuid.UUID, dt.date, dt.time, dt.timedelta, decimal.Decimal, pathlib.PurePath)
_MAX_DEPTH: Final = 8
_MAX_NODES: Final = 10_000


def prompt_of(arguments: Mapping[str, Any]) -> Any:
    """Return what was asked: the argument that is named so, else the first text, else `MISSING`."""
    for name in PROMPT_ARGUMENTS:
        if arguments.get(name) is not None:
            return arguments[name]
    loose = arguments.get("args")
    candidates = (*arguments.values(), *(loose if isinstance(loose, tuple) else ()))
    return next((value for value in candidates if isinstance(value, str)), MISSING)


def input_thunk(value: Any) -> Content | None:
    """Return a thunk of the messages in `value`: one text, or a list of messages."""
    return None if value is MISSING else lambda: messages(value, "user")


def output_thunk(result: Any, finish_reasons: tuple[str, ...] = ()) -> Content | None:
    """Return a thunk of the answer in `result`."""
    return None if result is None else lambda: _answer([_part(_answer_in(result))], finish_reasons)


def stream_thunk(chunks: list[Any], finish_reasons: tuple[str, ...] = ()) -> Content:
    """Return a thunk of the answer that came in `chunks`: their texts, joined."""
    return lambda: _answer([_part("".join(filter(None, map(_text_in, chunks))))], finish_reasons)


def data_thunk(value: Any) -> Content:
    """Return a thunk of any value as JSON-able data."""
    return lambda: jsonable(value)


def messages(value: Any, role: str) -> list[dict[str, Any]]:
    """Return `value` as messages of the conventions; what has no role of its own gets `role`."""
    items = value if isinstance(value, list | tuple) and not _is_parts(value) else [value]
    return [_message(item, role) for item in items]


def _is_parts(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(read(item, "type") is not MISSING and read(item, "role") is MISSING for item in value)


def _message(item: Any, role: str) -> dict[str, Any]:
    own_role = read(item, "role")
    content = read(item, "content") if isinstance(own_role, str) else item
    parts = content if isinstance(content, list | tuple) else [] if content in (None, MISSING) else [content]
    return {"role": own_role if isinstance(own_role, str) else role, "parts": [_part(part) for part in parts]}


def _part(value: Any) -> dict[str, Any]:
    text = value if isinstance(value, str) else first_text(value, ("text",)) if read(value, "type") == "text" else None
    if text is not None:
        return {"type": "text", "content": text}
    kind = read(value, "type")
    return {"type": kind if isinstance(kind, str) else "data", "content": jsonable(value)}


def _answer(parts: list[dict[str, Any]], finish_reasons: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"role": "assistant", "parts": parts, "finish_reason": finish_reasons[0] if finish_reasons else "stop"}]


def _answer_in(result: Any) -> Any:
    return _text_in(result) or result


def _text_in(value: Any) -> str | None:
    return value if isinstance(value, str) else None if isinstance(value, _PLAIN) else first_text(value, _ANSWER)


def jsonable(value: Any) -> Any:
    """Return `value` as JSON-able data, to a bounded depth and size; classes that are not known become dicts."""
    return _Converter().convert(value, 0)


class _Converter:
    """Converts one value; counts what it has visited, so that a web of objects stays bounded."""

    def __init__(self) -> None:
        self._left = _MAX_NODES
        self._path: set[int] = set()

    def convert(self, value: Any, depth: int) -> Any:
        if isinstance(value, enum.Enum):
            value = value.value
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, _TEXTUAL):
            return str(value)
        self._left -= 1
        if depth >= _MAX_DEPTH or self._left < 0 or id(value) in self._path:
            return _placeholder(value)
        self._path.add(id(value))
        try:
            return self._convert_container(value, depth + 1)
        finally:
            self._path.discard(id(value))

    def _convert_container(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return {_key(key): self.convert(item, depth) for key, item in value.items()}
        if isinstance(value, list | tuple | AbstractSet):
            return [self.convert(item, depth) for item in value]
        attributes = _attributes(value)
        if not attributes:
            return _placeholder(value)
        return {name: self.convert(item, depth) for name, item in attributes.items()}


def _attributes(value: Any) -> dict[str, Any]:
    if isinstance(value, type) or callable(value):
        return {}
    slots = [name for cls in type(value).__mro__ for name in _slots(cls)]
    found = {name: read(value, name) for name in slots} | dict(getattr(value, "__dict__", None) or {})
    return {name: item for name, item in found.items() if item is not MISSING and not name.startswith("_")}


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(key) if isinstance(key, int | float | bool) else _placeholder(key)


def _placeholder(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return f"<{type(value).__qualname__}>"
