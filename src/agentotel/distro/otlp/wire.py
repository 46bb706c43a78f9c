"""The few forms of protobuf's wire format that OTLP needs."""

from __future__ import annotations

from struct import Struct
from typing import Final

_SEVEN_BITS: Final = 0x7F
_ONE_BYTE: Final = 1 << 7
_TWO_BYTES: Final = 1 << 14
_SMALL: Final = tuple(bytes((number,)) for number in range(_ONE_BYTE))
_WRAP: Final = 1 << 64
_LARGEST: Final = 1 << 63

fixed64: Final = Struct("<Q").pack
"""An unsigned number of eight bytes, such as a time."""

signed64: Final = Struct("<q").pack
"""A signed number of eight bytes (``sfixed64``)."""

double: Final = Struct("<d").pack
"""A floating-point number."""


def varint(number: int) -> bytes:
    """Return a number that is not negative."""
    if number < _ONE_BYTE:
        return _SMALL[number]
    if number < _TWO_BYTES:
        return bytes((number & _SEVEN_BITS | _ONE_BYTE, number >> 7))
    encoded = bytearray()
    while number >= _ONE_BYTE:
        encoded.append(number & _SEVEN_BITS | _ONE_BYTE)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def int64(number: int) -> bytes:
    """Return a signed number as protobuf's ``int64`` has it.

    Raises:
        ValueError: If it has more than 64 bits.
    """
    if not -_LARGEST <= number < _LARGEST:
        raise ValueError("the number has more than 64 bits")
    return varint(number if number >= 0 else number + _WRAP)


def zigzag(number: int) -> bytes:
    """Return a signed number as protobuf's ``sint32`` has it."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def block(tag: bytes, content: bytes) -> bytes:
    """Return a field that has a length: a message, a text or bytes."""
    return tag + varint(len(content)) + content


def utf8(words: str) -> bytes:
    """Return a text's bytes; halves of surrogate pairs, which UTF-8 does not know, become question marks.

    The official encoder fails on them, and with it the batch they are in.
    """
    try:
        return words.encode()
    except UnicodeEncodeError:
        return words.encode("utf-8", "replace")


def text(tag: bytes, words: str | None) -> bytes:
    """Return a field that holds a text, nothing where there is none."""
    if not words:
        return b""
    encoded = utf8(words)
    return tag + varint(len(encoded)) + encoded


def number(tag: bytes, value: int | None) -> bytes:
    """Return a field that holds a number that is not negative, nothing where it is 0 or unknown."""
    return tag + varint(value) if value else b""


def time(tag: bytes, nanoseconds: int | None) -> bytes:
    """Return a field that holds a time, nothing where it is 0 or unknown."""
    return tag + fixed64(nanoseconds) if nanoseconds else b""
