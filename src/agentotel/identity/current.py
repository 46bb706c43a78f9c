"""The identity of the current OpenTelemetry context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from opentelemetry.context import create_key, get_value, set_value

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from agentotel.identity.fields import Identity

_KEY: Final = create_key("agentotel-identity")


def current(ctx: Context | None = None) -> Identity | None:
    """Return the identity that rides in `ctx` (default: the current context), or None.

    Incoming baggage is not looked at: see `agentotel.identity.from_baggage`.
    """
    return cast("Identity | None", get_value(_KEY, ctx))


def with_identity(ctx: Context | None, identity: Identity) -> Context:
    """Return a copy of `ctx` (None: the current context) in which `identity` is the current one."""
    return set_value(_KEY, identity, ctx)


def without_identity(ctx: Context) -> Context:
    """Return a copy of `ctx` in which there is no identity; one in its baggage counts again."""
    return set_value(_KEY, None, ctx)
