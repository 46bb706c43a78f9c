"""OTLP/JSON to protobuf messages and back, so that both encodings share one decoder and give identical rows.

OTLP/JSON differs from protobuf's own JSON mapping in one point that matters to a receiver: ids are hexadecimal.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

from google.protobuf import json_format

from agentotel.local.errors import MalformedError

if TYPE_CHECKING:
    from google.protobuf.message import Message

M = TypeVar("M", bound="Message")

_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"})
_USER_DATA: Final = frozenset({"attributes", "body", "filteredAttributes", "filtered_attributes", "metadata"})
"""Fields whose content belongs to the user: a map key called ``traceId`` in there is no id."""


def parse(body: bytes, message: M) -> M:
    """Fill `message` from the text of an OTLP/JSON request; unknown fields are ignored, as OTLP demands.

    Raises:
        MalformedError: The text is not JSON, or not in the shape of the message.
    """
    try:
        document = json.loads(body)
        if not isinstance(document, dict):
            raise MalformedError("the JSON body must be an object")
        _ids_to_base64(document)
        return json_format.ParseDict(document, message, ignore_unknown_fields=True)
    # RecursionError: thousands of nested arrays. AttributeError, TypeError: what the parser of protobuf raises for
    # some wrong types (a list where an object belongs) in place of its own error.
    except (json_format.ParseError, ValueError, RecursionError, AttributeError, TypeError) as error:
        raise MalformedError(f"not OTLP/JSON: {_short(error)}") from error


def serialize(message: Message) -> bytes:
    """Return a response message as OTLP/JSON (responses hold no ids)."""
    return json_format.MessageToJson(message, indent=None, ensure_ascii=True).encode()


def _ids_to_base64(document: dict[str, Any]) -> None:
    pending: list[Any] = [document]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in _IDS and isinstance(value, str):
                    node[key] = base64.b64encode(bytes.fromhex(value)).decode("ascii")
                elif key not in _USER_DATA and isinstance(value, dict | list):
                    pending.append(value)


def _short(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."  # noqa: PLR2004 - enough to find the place
