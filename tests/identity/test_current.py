"""Tests of the identity's place in the OpenTelemetry context."""

from opentelemetry import baggage
from opentelemetry.context.context import Context

from agentotel.identity import Identity, context, current, with_identity


def test_an_empty_context_has_no_identity():
    """Without a context nobody is known."""
    assert current() is None
    assert current(Context()) is None


def test_with_identity_changes_only_the_copy():
    """The identity is in the returned context, not in the given one."""
    before = Context()
    after = with_identity(before, Identity(user_id="u"))
    assert current(after) == Identity(user_id="u")
    assert current(before) is None


def test_the_current_context_is_the_default():
    """Without a context of its own `with_identity` builds on the current one."""
    with context(tenant_id="t"):
        assert current(with_identity(None, Identity(user_id="u"))) == Identity(user_id="u")


def test_baggage_is_not_looked_at():
    """Baggage becomes an identity only through `from_baggage`."""
    assert current(baggage.set_baggage("user.id", "u", Context())) is None
