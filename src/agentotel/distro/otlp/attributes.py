"""Attributes and values as OTLP has them; pairs of key and value that come again are encoded once.

This module owns state: the keys and, in its encoders, the pairs that came last, bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentotel._base import failopen
from agentotel.distro.otlp.wire import block, double, int64, utf8, varint

_MAX_PAIRS: Final = 2_048
_MAX_KEYS: Final = 1_024
_MAX_PAIR_BYTES: Final = 160
_REPEATING: Final = frozenset({str, int, bool})
"""Types whose values come again, such as names of models. The type is part of what is remembered: ``1 == True``."""

_TEXTS: Final = frozenset({str})

_KEY: Final = b"\x0a"
_VALUE: Final = b"\x12"
_ITEM: Final = b"\x0a"

_heads: Final[dict[str, bytes]] = {}


class AttributeEncoder:
    """Encodes attributes for one field of one kind of message.

    State: the pairs that came last.

    Args:
        tag: Of the repeated field that holds them.
    """

    def __init__(self, tag: bytes) -> None:
        self._tag = tag
        self._pairs: dict[tuple[str, Any, type], bytes] = {}

    def encode(self, attributes: Mapping[str, Any] | None) -> bytes:
        """Return all of `attributes`; one that OTLP has no form for is left out and reported once."""
        if not attributes:
            return b""
        values = attributes.values()
        try:  # those that are known are found without a step of the interpreter for each
            triples = zip(attributes, values, map(type, values), strict=True)
            pairs: list[Any] = list(map(self._pairs.get, triples))
        except Exception:  # noqa: BLE001 - a value that has no hash, or one of somebody's own
            return b"".join([self._new(key, value, type(value)) for key, value in attributes.items()])
        items = list(attributes.items())
        while None in pairs:
            at = pairs.index(None)
            key, value = items[at]
            pairs[at] = self._new(key, value, type(value))
        return b"".join(pairs)

    def _new(self, key: str, value: Any, kind: type) -> bytes:
        # Tuples of others are not remembered: ``(1,) == (True,)``.
        is_repeating = kind in _REPEATING or (kind is tuple and _TEXTS.issuperset(map(type, value)))
        try:
            content = _key_value(key, value)
        except (ValueError, TypeError, RecursionError, AttributeError) as error:
            failopen.report("otlp.attribute", error)
            return b""
        pair = self._tag + varint(len(content)) + content
        if is_repeating and len(pair) <= _MAX_PAIR_BYTES:
            if len(self._pairs) >= _MAX_PAIRS:
                self._pairs.clear()
            self._pairs[key, value, kind] = pair
        return pair


def any_value(value: Any) -> bytes:
    """Return the content of an ``AnyValue``.

    Raises:
        TypeError: If OTLP has no form for it.
        ValueError: If it is a number of more than 64 bits.
    """
    if isinstance(value, str):
        return block(b"\x0a", utf8(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + int64(value)
    if isinstance(value, float):
        return b"\x21" + double(value)
    return _compound(value)


def _compound(value: Any) -> bytes:
    if value is None:
        return b""
    if isinstance(value, bytes):
        return block(b"\x3a", value)
    if isinstance(value, Sequence):
        return block(b"\x2a", b"".join([block(_ITEM, any_value(item)) for item in value]))
    if isinstance(value, Mapping):
        pairs = [block(_ITEM, _key_value(str(key), item)) for key, item in value.items()]
        return block(b"\x32", b"".join(pairs))
    raise TypeError(f"OTLP has no form for {type(value).__name__}")


def _key_value(key: str, value: Any) -> bytes:
    head = _heads.get(key)
    encoded = any_value(value)
    return (_head(key) if head is None else head) + varint(len(encoded)) + encoded


def _head(key: str) -> bytes:
    """Return what stands before the value: the key, and the tag of the value."""
    head = (block(_KEY, utf8(key)) if key else b"") + _VALUE
    if len(_heads) >= _MAX_KEYS:
        _heads.clear()
    if len(head) <= _MAX_PAIR_BYTES:
        _heads[key] = head
    return head


def of_span(span: Any) -> Mapping[str, Any]:
    """Return the attributes of a span, as a plain dictionary where they are kept in one.

    The SDK hands out a read-only view of a container of its own, through which each look costs ten times as much.
    """
    held = getattr(span, "_attributes", None)
    inner = getattr(held, "_dict", held)
    return inner if type(inner) is dict else span.attributes or {}


def plain(attributes: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return attributes of an event, a link or a log record likewise."""
    inner = getattr(attributes, "_dict", attributes)
    return inner if type(inner) is dict else attributes or {}
