"""Trace and ids for child processes, carried in environment variables (``TRACEPARENT``, ``BAGGAGE``).

The names follow OpenTelemetry's "Environment Variables as Context Propagation Carriers": the header's name in
upper case, every character that is no letter or digit replaced by an underscore.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opentelemetry import propagate, trace
from opentelemetry.baggage import get_all
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter

from agentotel.identity.baggage import from_baggage, with_baggage
from agentotel.identity.current import current, with_identity
from agentotel.identity.fields import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping


def environment_for_child(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` for a child process, so that it continues the current trace with the current ids.

    The global propagator writes what it would write into a request. The ids of the current identity are added
    whatever the allow-list says: the child is a part of this program, not another service.

    Args:
        environment: What the child would have got; it is not changed. A stale trace in it, inherited from our
            own parent, is replaced as soon as there is anything current.
    """
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    _add_ids(carrier)
    if not carrier:
        return dict(environment)
    stale = {_variable(name) for name in (*propagate.get_global_textmap().fields, *carrier)}
    kept = {name: value for name, value in environment.items() if name not in stale}
    return {**kept, **{_variable(name): value for name, value in carrier.items()}}


def context_from_environment(environment: Mapping[str, str]) -> Context | None:
    """Return the context that a parent process left in `environment`, or None when it left none.

    Args:
        environment: The environment that this process was started with.

    Returns:
        A context with the parent's span as remote parent, its baggage, and the identity found in that.
    """
    ctx = propagate.extract(environment, context=Context(), getter=_EnvironmentGetter())
    identity = from_baggage(ctx)
    if identity is not None:
        return with_identity(ctx, identity)
    has_parent = trace.get_current_span(ctx).get_span_context().is_valid
    return ctx if has_parent or get_all(ctx) else None


def _add_ids(carrier: dict[str, str]) -> None:
    """Add the current ids to the baggage that the propagator has written into `carrier`."""
    identity = current()
    if identity is None:
        return
    propagator = W3CBaggagePropagator()
    written = get_all(propagator.extract(carrier, context=Context()))
    propagator.inject(carrier, with_baggage(Context(), {**written, **attributes(identity)}))


class _EnvironmentGetter(Getter["Mapping[str, str]"]):
    """Finds the variable that stands for a header."""

    def get(self, carrier: Mapping[str, str], key: str) -> list[str] | None:
        value = carrier.get(_variable(key))
        return None if value is None else [value]

    def keys(self, carrier: Mapping[str, str]) -> list[str]:
        return list(carrier)


def _variable(header: str) -> str:
    """Return the name of the environment variable that stands for `header`."""
    return re.sub(r"[^A-Z0-9]", "_", header.upper())
