"""The chosen convention's spelling of spans, inside the guard: where it fails, a span still has plain names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentotel._base.failopen import attempt
from agentotel.model.operations import ModelCall
from agentotel.telemetry.attributes import text

if TYPE_CHECKING:
    from agentotel.model.conventions import Convention
    from agentotel.model.operations import Operation
    from agentotel.telemetry.attributes import Attributes


def span_name(convention: Convention, operation: Operation) -> str:
    """Return the name of an operation's span, safe to store and to print."""
    return text(attempt("recorder.convention", convention.span_name, operation) or type(operation).__name__)


def named_after(operation: Operation) -> str | None:
    """Return that part of an operation's span name which may change while it runs."""
    return operation.request_model if isinstance(operation, ModelCall) else operation.name


def renamed(convention: Convention, attributes: Attributes) -> Attributes:
    """Return `attributes` under the names of the convention."""
    return attempt("recorder.convention", convention.rename, attributes) or attributes
