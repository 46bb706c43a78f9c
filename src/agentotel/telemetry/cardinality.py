"""The guard that keeps metric attributes bounded: the first N values of each, then `other`.

This module's `CardinalityGuard` owns state: the values seen so far.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import printable
from agentotel.model import instruments, names

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER: Final = "other"
_LABEL_CHARACTERS: Final = 200

_SAME_VALUES: Final = {
    names.REQUEST_MODEL: "model",
    names.RESPONSE_MODEL: "model",
    names.TOOL_NAME: "tool_name",
    names.AGENT_NAME: "agent_name",
    names.ERROR_TYPE: "error_type",
}
"""Attributes of different instruments that take their values from one set, so that both families fold alike."""

_CLOSED: Final = frozenset(
    {
        "status",
        "type",
        "state",
        "kind",
        "scope",
        "currency",
        "register",
        "gen_ai.token.type",
        names.OPERATION_NAME,
        names.TOOL_TYPE,
    }
)
"""Attributes whose values come from a short list: of agentotel's own, or of the user's settings."""

BOUNDED: Final = frozenset(
    attribute
    for instrument in instruments.INSTRUMENTS
    for attribute in instrument.attributes
    if attribute not in _CLOSED
)
"""Every attribute that comes from the program, and is therefore limited."""


_OF_OUR_OWN: Final = frozenset(
    attribute
    for instrument in instruments.INSTRUMENTS
    if instrument.family == "self"
    for attribute in instrument.attributes
)
"""Attributes of the counters about agentotel itself: counting their folding would fold, and be counted."""


class CardinalityGuard:
    """Folds the values of an attribute beyond the first `limit` into ``other``.

    Args:
        limit: How many different values each attribute may have in the life of the process.
        on_folded: Called with the attribute's name for each record whose value was folded.
    """

    def __init__(self, limit: int, on_folded: Callable[[str], None]) -> None:
        self._limit = limit
        self._on_folded = on_folded
        self._lock = threading.Lock()
        self._labels: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def label(self, attribute: str, value: str) -> str:
        """Return `value` as it may stand in a metric: printable, at most 200 characters, or ``other``."""
        labels = self._labels[_SAME_VALUES.get(attribute, attribute)]
        value = value[:_LABEL_CHARACTERS]
        label = labels.get(value)
        if label is not None:
            return label
        with self._lock:
            if len(labels) < self._limit:
                return labels.setdefault(value, printable(value))
        if attribute not in _OF_OUR_OWN:
            self._on_folded(attribute)
        return OTHER
