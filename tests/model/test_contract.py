"""What an adapter sees of an intercepted call."""

from __future__ import annotations

from agentotel.model.contract import Intercepted


def test_arguments_are_found_by_name_position_or_default():
    """A keyword goes first, then the position, then the default."""
    call = Intercepted("m:f", print, None, ("first",), {"model": "m"})
    assert call.argument("model", 0) == "m"
    assert call.argument("messages", 0) == "first"
    assert call.argument("messages", 1, "none") == "none"
    assert call.argument("missing") is None
