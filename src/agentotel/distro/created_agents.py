"""Counts the agents of the user's own classes as they are created and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel.adapters import own_classes
from agentotel.model import instruments

if TYPE_CHECKING:
    import weakref
    from typing import Any

    from agentotel.telemetry.metrics import Metrics

    Labels = tuple[str | None, ...]


class CreatedAgents:
    """The listener of `agentotel.patching.instances`: creation and end of agents become metrics.

    Args:
        metrics: Where they are counted.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def created(self, cls: type, instance: object, *, tracked: bool) -> Labels:
        """Count an agent that was created; return its labels, for when it goes."""
        identity = own_classes.agent_identity(instance)
        labels: Labels = (identity.name or cls.__name__, identity.template_id)
        self._metrics.add(instruments.AGENT_CREATED, 1, labels)
        if tracked:
            self._metrics.add(instruments.AGENT_ACTIVE, 1, labels)
        return labels

    def closed(self, token: object) -> None:
        """Count an agent that is gone."""
        assert isinstance(token, tuple)
        self._metrics.add(instruments.AGENT_ACTIVE, -1, token)

    def pool_created(self, name: str, pool: weakref.ref[Any]) -> None:
        """Pools are read when metrics are collected; nothing to count here."""
