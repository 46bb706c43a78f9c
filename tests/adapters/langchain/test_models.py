"""What the pieces of a streamed answer complete, without LangChain itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agentotel.adapters.langchain import models
from agentotel.model.operations import ModelCall, Usage

PIECES = [
    (
        models.chat_chunk,
        SimpleNamespace(usage_metadata={"input_tokens": 3, "output_tokens": 1}, response_metadata={}),
    ),
    (models.chat_event, {"event": "content-block-finish", "content": {"type": "text", "text": "hello"}}),
    (models.completion_chunk, "hello"),
]


@pytest.mark.parametrize("wants_content", [False, True])
@pytest.mark.parametrize(("fold", "piece"), PIECES)
def test_pieces_are_kept_only_while_content_is_wanted(fold, piece, wants_content):
    """Where content goes nowhere, what the program has let go of is not held."""
    operation = ModelCall(wants_content=wants_content, scratch=[])
    fold(operation, piece)
    assert len(operation.scratch) == int(wants_content)


def test_tokens_are_added_up_also_where_content_is_not_wanted():
    """Each piece says how many tokens it adds."""
    operation = ModelCall(wants_content=False, scratch=[])
    fold, piece = PIECES[0]
    fold(operation, piece)
    fold(operation, piece)
    assert operation.usage == Usage(input_tokens=6, output_tokens=2)
