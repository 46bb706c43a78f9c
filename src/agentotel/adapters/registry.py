"""All adapters, one line each: the one place where a new one is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel.adapters import openai

if TYPE_CHECKING:
    from agentotel.model.contract import Adapter

ADAPTERS: Final[tuple[Adapter, ...]] = (
    openai.ADAPTER,
)  # fmt: skip
