"""Ids that travel between processes as W3C baggage: all come in, only an allow-list goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.baggage import clear, get_all, set_baggage
from opentelemetry.context import get_current
from opentelemetry.propagators.textmap import TextMapPropagator, default_getter, default_setter

from agentotel.identity.current import current
from agentotel.identity.fields import ATTRIBUTES, Identity, attributes, clean_fields, overridden

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import CarrierT, Getter, Setter

_FIELD_OF_KEY: Final = {"enduser.id": "user_id", **{key: name for name, key in ATTRIBUTES.items()}}
"""Baggage keys that are ids; of two keys for one field the later one wins."""


def from_baggage(ctx: Context | None = None) -> Identity | None:
    """Return the identity that came in as baggage, or None when the baggage holds no id.

    Args:
        ctx: Where the baggage is; the current context by default.

    Returns:
        The ids, cleaned, with a request id made where none came.
    """
    baggage = get_all(ctx)
    if not baggage:
        return None
    fields = clean_fields({name: baggage[key] for key, name in _FIELD_OF_KEY.items() if key in baggage})
    return overridden(None, fields) if fields else None


class AllowListedBaggage(TextMapPropagator):
    """Wraps a propagator so that baggage leaves the process only for keys on an allow-list.

    What libraries put into the baggage, and the ids of the current identity, go out when their key is
    allowed and stay in otherwise. Everything that comes in is read. Put it around whatever
    ``OTEL_PROPAGATORS`` gives.

    Args:
        wrapped: The propagator that reads and writes the headers, usually the composite one.
        allowed: Baggage keys that may leave, such as ``tenant.id``.
    """

    def __init__(self, wrapped: TextMapPropagator, allowed: Iterable[str]) -> None:
        """Wrap a propagator."""
        self._wrapped = wrapped
        self._allowed = frozenset(allowed)

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Read everything that came in."""
        return self._wrapped.extract(carrier, context, getter)

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write what may leave."""
        ctx = get_current() if context is None else context
        outgoing = {key: value for key, value in get_all(ctx).items() if key in self._allowed}
        identity = current(ctx)
        if identity is not None:
            ids = attributes(identity)
            outgoing.update({key: value for key, value in ids.items() if key in self._allowed})
        self._wrapped.inject(carrier, with_baggage(ctx, outgoing), setter)

    @property
    def fields(self) -> set[str]:
        """The headers that the wrapped propagator writes."""
        return self._wrapped.fields


def with_baggage(ctx: Context, entries: Mapping[str, object]) -> Context:
    """Return a copy of `ctx` whose baggage is exactly `entries`."""
    ctx = clear(ctx)
    for key, value in entries.items():
        ctx = set_baggage(key, value, ctx)
    return ctx
