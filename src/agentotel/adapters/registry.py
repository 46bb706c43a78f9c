"""All adapters, one line each: the one place where a new one is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentotel.adapters import anthropic, langchain, mcp, openai, openai_agents, pydantic_ai

if TYPE_CHECKING:
    from agentotel.model.contract import Adapter

ADAPTERS: Final[tuple[Adapter, ...]] = (
    anthropic.ADAPTER,
    langchain.ADAPTER,
    mcp.ADAPTER,
    openai.ADAPTER,
    openai_agents.ADAPTER,
    pydantic_ai.ADAPTER,
)  # fmt: skip
