"""Who an operation is for: request, user, tenant and session ids, carried in the OpenTelemetry context."""

from agentotel.identity.baggage import AllowListedBaggage, from_baggage
from agentotel.identity.current import current, with_identity, without_identity
from agentotel.identity.environment import context_from_environment, environment_for_child
from agentotel.identity.fields import Identity, attributes, merged, new_request_id
from agentotel.identity.scope import IdentityScope, context

__all__ = [
    "AllowListedBaggage",
    "Identity",
    "IdentityScope",
    "attributes",
    "context",
    "context_from_environment",
    "current",
    "environment_for_child",
    "from_baggage",
    "merged",
    "new_request_id",
    "with_identity",
    "without_identity",
]
