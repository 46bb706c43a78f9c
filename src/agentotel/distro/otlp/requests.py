"""Requests: what was encoded, grouped by the resource and the scope that it comes from, in pieces of a bounded size.

The three requests of OTLP (spans, log records, metrics) have the same form. This module owns state: the resources and
scopes that it has encoded, bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agentotel.distro.otlp.attributes import AttributeEncoder, plain
from agentotel.distro.otlp.wire import block, text, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REQUEST_BYTES: Final = 4_000_000
"""What a request may have, unless one item alone has more: receivers of gRPC take 4 MiB where nobody changes it."""

_MAX_ORIGINS: Final = 256
_ABOUT_A_TAG: Final = 4

_RESOURCE_GROUP: Final = b"\x0a"
_ORIGIN: Final = b"\x0a"
_CONTENT: Final = b"\x12"
_SCHEMA: Final = b"\x1a"

_resource_attributes: Final = AttributeEncoder(b"\x0a")
_scope_attributes: Final = AttributeEncoder(b"\x1a")


class Request(NamedTuple):
    """One request.

    Attributes:
        body: Its bytes.
        items: How many spans, log records or metric points it carries.
    """

    body: bytes
    items: int


class Encoded(NamedTuple):
    """One span, log record or metric, with where it comes from.

    Attributes:
        resource: Of the SDK.
        scope: Of the SDK, None where unknown.
        content: The encoded message.
        items: What it counts for.
    """

    resource: Any
    scope: Any
    content: bytes
    items: int = 1


class _Ends(NamedTuple):
    """What stands before and after the items of a resource or a scope."""

    before: bytes
    after: bytes


class _Origins:
    """Encodes resources or scopes, each once.

    State: those that it has encoded. They are kept alive, so that no other one takes their identity.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        self._encode = encode
        self._known: dict[int, tuple[Any, _Ends]] = {}

    def ends(self, origin: Any) -> _Ends:
        found = self._known.get(id(origin))
        if found is not None:
            return found[1]
        schema_url = text(_SCHEMA, getattr(origin, "schema_url", None))
        ends = _Ends(block(_ORIGIN, self._encode(origin)), schema_url)
        if len(self._known) >= _MAX_ORIGINS:
            self._known.clear()
        self._known[id(origin)] = (origin, ends)
        return ends


def _resource(resource: Any) -> bytes:
    return _resource_attributes.encode(plain(resource.attributes))


def _scope(scope: Any) -> bytes:
    if not scope:
        return b""
    attributes = _scope_attributes.encode(plain(scope.attributes))
    return text(b"\x0a", scope.name) + text(b"\x12", scope.version) + attributes


_resources: Final = _Origins(_resource)
_scopes: Final = _Origins(_scope)


class _Pending:
    """A request that is being made."""

    def __init__(self) -> None:
        self.bytes = 0
        self.items = 0
        self._groups: dict[_Ends, dict[_Ends, list[bytes]]] = {}
        self._last: tuple[Any, Any, list[bytes]] = (None, None, [])

    def add(self, encoded: Encoded) -> None:
        resource, scope, content, items = encoded
        last_resource, last_scope, group = self._last
        if resource is not last_resource or scope is not last_scope:
            group = self._group(resource, scope)
        group += (_CONTENT, varint(len(content)), content)
        self.bytes += len(content) + _ABOUT_A_TAG
        self.items += items

    def _group(self, resource: Any, scope: Any) -> list[bytes]:
        scopes = self._groups.setdefault(_resources.ends(resource), {})
        group = scopes.setdefault(_scopes.ends(scope), [])
        self._last = (resource, scope, group)
        return group

    def finished(self) -> Request:
        return Request(b"".join(_grouped(self._groups)), self.items)


def _grouped(groups: dict[_Ends, dict[_Ends, list[bytes]]]) -> Iterator[bytes]:
    for resource, scopes in groups.items():
        inside = [resource.before]
        for scope, contents in scopes.items():
            inside.append(block(_CONTENT, b"".join((scope.before, *contents, scope.after))))
        inside.append(resource.after)
        yield block(_RESOURCE_GROUP, b"".join(inside))


def known(encoded: Encoded) -> Encoded:
    """Return `encoded` after its resource and its scope have been encoded.

    Raises:
        Exception: Whatever comes of a resource or a scope that is none.
    """
    _resources.ends(encoded.resource)
    _scopes.ends(encoded.scope)
    return encoded


def requests(encoded: Iterable[Encoded], request_bytes: float = REQUEST_BYTES) -> Iterator[Request]:
    """Yield the requests that carry all of `encoded`, in its order within each resource and scope.

    Args:
        encoded: The items.
        request_bytes: What a request may have before the next one is begun.
    """
    pending = _Pending()
    for one in encoded:
        if pending.items and pending.bytes + len(one.content) > request_bytes:
            yield pending.finished()
            pending = _Pending()
        pending.add(one)
    if pending.items:
        yield pending.finished()
