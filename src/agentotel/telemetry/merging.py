"""One model call that two layers have seen: what the lower one knows completes what the upper one has said.

This module owns state: how calls that were given certain fields complete each other, bounded.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache

from agentotel.model.operations import ModelCall, Operation, Usage, counts_of

_OF_THE_INNERMOST = frozenset(
    {
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

_OF_THE_OUTERMOST = (
    frozenset(field.name for field in fields(ModelCall)) - _OF_THE_LAYER - _OF_THE_INNERMOST - {"usage", "operation"}
)
_DEFAULTS = {field.name: field.default for field in fields(ModelCall)}


def complete(outer: ModelCall, inner: ModelCall) -> None:
    """Merge what the inner call knows into the outer one, field by field.

    A field that only one of them has set is taken from that one. Where both have, the outer one's word counts, but
    for what the lower layer knows better (see `_OF_THE_INNERMOST`, and the tokens).
    """
    theirs, ours = vars(inner), vars(outer)  # an operation holds just what it was given
    better, missing, doubtful = _known(tuple(theirs), tuple(ours))
    ours["operation"] = inner.operation
    for name in better:
        if theirs[name] is not None:
            ours[name] = theirs[name]
    for name in missing:
        ours[name] = theirs[name]
    for name, default in doubtful:
        if ours[name] == default and theirs[name] is not None:
            ours[name] = theirs[name]
    if inner.usage is not None:
        outer.usage = _completed_usage(outer.usage, inner.usage)
    for key in inner.attributes.keys() - outer.attributes:
        outer.attributes[key] = inner.attributes[key]


@lru_cache(maxsize=512)
def _known(
    inner: tuple[str, ...], outer: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, object], ...]]:
    """Return, for calls that were given these fields, those that the inner one knows better, or alone, or may know.

    The last ones, which both were given, with the value that says nothing.
    """
    known = [name for name in inner if name in _OF_THE_OUTERMOST]
    return (
        tuple(name for name in inner if name in _OF_THE_INNERMOST),
        tuple(name for name in known if name not in outer),
        tuple((name, _DEFAULTS[name]) for name in known if name in outer),
    )


def _completed_usage(outer: Usage | None, inner: Usage) -> Usage:
    if outer is None:
        return Usage(*counts_of(inner))
    pairs = zip(counts_of(inner), counts_of(outer), strict=True)
    return Usage(*[ours if theirs is None else theirs for theirs, ours in pairs])
