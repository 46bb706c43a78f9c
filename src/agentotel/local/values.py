"""Attribute values between OTLP's `AnyValue`, plain Python and the JSON text that the store holds.

What JSON knows is stored as such. What it does not know (bytes, NaN, infinities) is stored as OTLP/JSON writes it:
``{"bytesValue": "AAE="}``, ``{"doubleValue": "NaN"}``. A map that happens to look like one of these is wrapped in
``{"kvlistValue": ...}``, so that every value comes back as exactly what was sent.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

_BYTES = "bytesValue"
_DOUBLE = "doubleValue"
_MAP = "kvlistValue"
_TAGS = frozenset({_BYTES, _DOUBLE, _MAP})

dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode
"""Compact JSON, ASCII only: what the store holds never depends on how SQLite treats a character."""


def attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return attributes as a map ready for `dumps`. Of two pairs with one key the later one counts."""
    result = {}
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        # Most attributes are strings: this branch is the one that the throughput hangs on.
        result[pair.key] = value.string_value if kind == "string_value" else _encode(value, kind)
    return result


def encode(value: AnyValue) -> Any:
    """Return one `AnyValue` in the form that `dumps` accepts; an empty one gives None."""
    return _encode(value, value.WhichOneof("value"))


def _encode(value: AnyValue, kind: str | None) -> Any:  # noqa: PLR0911 - one return per kind of value
    if kind is None:
        return None
    if kind == "double_value":
        return _encode_double(value.double_value)
    if kind == "bytes_value":
        return {_BYTES: base64.b64encode(value.bytes_value).decode("ascii")}
    if kind == "array_value":
        return [encode(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _encode_map(attributes(value.kvlist_value.values))
    if kind in {"string_value", "bool_value", "int_value"}:
        return getattr(value, kind)
    return None  # a kind that a later version of OTLP added


def _encode_map(plain: dict[str, Any]) -> dict[str, Any]:
    return {_MAP: plain} if len(plain) == 1 and not _TAGS.isdisjoint(plain) else plain


def number(value: float) -> float | dict[str, str]:
    """Return a number in the form that `dumps` accepts: NaN and infinities become tagged text."""
    return _encode_double(value)


def _encode_double(value: float) -> float | dict[str, str]:
    if math.isfinite(value):
        return value
    return {_DOUBLE: "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")}


def loads(text: str | None) -> Any:
    """Return the Python value of stored JSON text: the inverse of `dumps` over `encode`."""
    return None if text is None else decode(json.loads(text))


def loads_map(text: str | None) -> dict[str, Any]:
    """Return stored attributes as a map; their top level is never taken for a tagged value."""
    return {} if text is None else {key: decode(value) for key, value in json.loads(text).items()}


def decode(value: Any) -> Any:
    """Return the value of one piece of parsed JSON text."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, only),) = value.items()
        if key == _BYTES:
            return base64.b64decode(only)
        if key == _DOUBLE:
            return float(only)
        if key == _MAP:
            value = only
    return {key: decode(item) for key, item in value.items()}


def jsonable(value: Any) -> Any:
    """Return a value of `loads` in a form that any JSON reader accepts: bytes as base64, NaN and infinities as text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, dict):
        return {key: jsonable(item) for key, item in value.items()}
    return value


def shown(value: Any) -> str:
    """Return a value as the text that ``--where KEY=VALUE`` compares with and that tables show."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(jsonable(value), ensure_ascii=False)
