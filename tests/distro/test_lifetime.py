"""What joins the start and the end of a process."""

from __future__ import annotations

from agentotel.distro import lifetime


class Provider:
    """A provider that can be flushed."""

    def __init__(self):
        self.flushed = 0

    def force_flush(self):
        self.flushed += 1


def test_providers_are_flushed_where_they_can_be():
    """One without `force_flush` (of the API) is left out."""
    provider = Provider()
    steps = lifetime.flush_steps([provider, object()])
    assert [site for site, _ in steps] == ["flush.Provider"]
    steps[0][1]()
    assert provider.flushed == 1
