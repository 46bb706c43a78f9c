"""One model call that two layers have seen: what the lower one knows completes what the upper one has said."""

from __future__ import annotations

from dataclasses import fields
from itertools import compress
from operator import and_, attrgetter, is_not, ne

from agentotel.model.operations import ModelCall, Operation, Usage

_OF_THE_INNERMOST = frozenset(
    {
        "operation",
        "provider",
        "request_model",
        "response_model",
        "response_id",
        "server_address",
        "server_port",
    }
)
"""Fields in which the lower layer is right where both say something: it is the one that talks to the model."""

_OF_THE_LAYER = frozenset(field.name for field in fields(Operation)) - {"conversation_id"}
"""Fields that each layer has for itself: its name and outcome, and what its adapter keeps there."""

_MERGED = tuple(field.name for field in fields(ModelCall) if field.name not in _OF_THE_LAYER | {"usage"})
_DEFAULTS = tuple(field.default for field in fields(ModelCall) if field.name in _MERGED)
_values_of = attrgetter(*_MERGED)
_counts_of = attrgetter(*(field.name for field in fields(Usage)))


def complete(outer: ModelCall, inner: ModelCall) -> None:
    """Merge what the inner call knows into the outer one, field by field.

    A field that only one of them has set is taken from that one. Where both have, the outer one's word counts, but
    for what the lower layer knows better (see `_OF_THE_INNERMOST`, and the tokens).
    """
    theirs, ours = _values_of(inner), _values_of(outer)
    outer.operation = inner.operation
    differ = map(and_, map(is_not, theirs, _DEFAULTS), map(ne, theirs, ours))
    for name, value, own, default in compress(zip(_MERGED, theirs, ours, _DEFAULTS, strict=True), differ):
        if value is not None and (name in _OF_THE_INNERMOST or own == default):
            setattr(outer, name, value)
    if inner.usage is not None:
        outer.usage = _completed_usage(outer.usage, inner.usage)
    for key, value in inner.attributes.items():
        outer.attributes.setdefault(key, value)


def _completed_usage(outer: Usage | None, inner: Usage) -> Usage:
    if outer is None:
        return Usage(*_counts_of(inner))
    pairs = zip(_counts_of(inner), _counts_of(outer), strict=True)
    return Usage(*[ours if theirs is None else theirs for theirs, ours in pairs])
