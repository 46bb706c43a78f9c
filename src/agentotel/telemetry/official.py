"""Agreement with opentelemetry-util-genai, on which the official GenAI instrumentations are built: each call once.

Both sides mark their open calls in the OpenTelemetry context under the keys below. Where an official instrumentation
records the outer call, ours adds only what it does not have; where ours is the outer one, the mark makes theirs hold
back. See ``SuppressedInferenceInvocation`` in opentelemetry-util-genai.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from opentelemetry.context import get_value, set_value

from agentotel.model.operations import EMBEDDINGS

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from agentotel.model.operations import ModelCall

_INFERENCE_KEY: Final = "opentelemetry.genai.client.inference.context"
_EMBEDDING_KEY: Final = "opentelemetry.genai.client.embedding.context"
_OURS: Final = "_agentotel"
"""Attribute by which a mark of ours is told from one of theirs."""

_MODULES: Final = {
    _INFERENCE_KEY: ("opentelemetry.util.genai._inference_invocation", "InferenceData"),
    _EMBEDDING_KEY: ("opentelemetry.util.genai._embedding_invocation", "EmbeddingData"),
}


def is_loaded() -> bool:
    """Tell whether there can be official instrumentations at all."""
    return "opentelemetry.util.genai" in sys.modules


def _key(call: ModelCall) -> str:
    return _EMBEDDING_KEY if call.operation == EMBEDDINGS else _INFERENCE_KEY


def records(call: ModelCall, context: Context) -> bool:
    """Tell whether an official instrumentation already records this call, further out."""
    mark = get_value(_key(call), context)
    return mark is not None and not getattr(mark, _OURS, False)


def held_back(call: ModelCall, context: Context) -> Context:
    """Return `context` with the mark that makes official instrumentations further in hold back.

    Their package is never imported here: where it is not loaded, nobody would look for the mark.
    """
    key = _key(call)
    module_name, class_name = _MODULES[key]
    data = getattr(sys.modules.get(module_name), class_name, None)
    if data is None:
        return context
    mark = data()
    setattr(mark, _OURS, True)
    return set_value(key, mark, context)
