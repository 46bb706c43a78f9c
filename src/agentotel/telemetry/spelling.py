"""The chosen convention's spelling of spans, inside the guard: where it fails, a span still has plain names.

`SpanNames` owns state: the names that were made last, bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import attempt
from agentotel.model.operations import McpCall, ModelCall
from agentotel.telemetry.attributes import text

if TYPE_CHECKING:
    from agentotel.model.conventions import Convention
    from agentotel.model.operations import Operation
    from agentotel.telemetry.attributes import Attributes


_MOST_NAMES: Final = 1024
_NAME_CHARACTERS: Final = 200
"""Longest name that is kept."""


class SpanNames:
    """Names the spans of operations.

    Args:
        convention: Spells the names.
    """

    def __init__(self, convention: Convention) -> None:
        self._convention = convention
        self._known: dict[tuple[type[Operation], str | None, str | None], str] = {}

    def of(self, operation: Operation, named_after: str | None) -> str:
        """Return the name of an operation's span, safe to store and to print.

        Args:
            operation: The operation.
            named_after: From `named_after`.
        """
        key = type(operation), named_after, operation.operation if isinstance(operation, ModelCall) else None
        try:
            return self._known.get(key) or self._made(key, operation)
        except TypeError:  # named after what is no text, and has no hash
            return self._spelled(operation) or type(operation).__name__

    def _made(self, key: tuple[type[Operation], str | None, str | None], operation: Operation) -> str:
        name = self._spelled(operation)
        # Requests of MCP are named after their methods as well.
        if name and not isinstance(operation, McpCall) and len(name) <= _NAME_CHARACTERS:
            if len(self._known) >= _MOST_NAMES:
                self._known.clear()
            self._known[key] = name
        return name or type(operation).__name__

    def _spelled(self, operation: Operation) -> str | None:
        """Return the name that the convention gives, None where it fails: that may work the next time."""
        name = attempt("recorder.convention", self._convention.span_name, operation)
        return None if name is None else text(name)


def named_after(operation: Operation) -> str | None:
    """Return that part of an operation's span name which may change while it runs."""
    return operation.request_model if isinstance(operation, ModelCall) else operation.name


def renamed(convention: Convention, attributes: Attributes) -> Attributes:
    """Return `attributes` under the names of the convention."""
    return attempt("recorder.convention", convention.rename, attributes) or attributes
