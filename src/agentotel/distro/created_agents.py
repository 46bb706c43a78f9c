"""Counts the agents of the user's own classes as they are created and go."""

from __future__ import annotations

import os
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

    def created(self, cls: type, instance: object, *, tracked: bool) -> tuple[int, Labels]:
        """Count an agent that was created; return the process and its labels, for when it goes."""
        identity = own_classes.agent_identity(instance)
        labels: Labels = (identity.name or cls.__name__, identity.template_id)
        self._metrics.add(instruments.AGENT_CREATED, 1, labels)
        if tracked:
            self._metrics.add(instruments.AGENT_ACTIVE, 1, labels)
        return os.getpid(), labels

    def closed(self, token: object) -> None:
        """Count an agent that is gone; the copy in a forked process was never counted there."""
        assert isinstance(token, tuple)
        process, labels = token
        if process == os.getpid():
            self._metrics.add(instruments.AGENT_ACTIVE, -1, labels)

    def pool_created(self, name: str, pool: weakref.ref[Any]) -> None:
        """Pools are read when metrics are collected; nothing to count here."""
