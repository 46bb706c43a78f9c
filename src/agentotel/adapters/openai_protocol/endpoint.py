"""Who answers an OpenAI client: provider, address and port, from the client's class and its base URL.

This module owns state: what it has found out about base URLs (which never change), for at most `_MOST_KNOWN` of them.
"""

from __future__ import annotations

from typing import Any, Final

_BY_CLASS: Final = {"AzureOpenAI": "azure.ai.openai", "AsyncAzureOpenAI": "azure.ai.openai"}

_BY_HOST: Final = {
    "anthropic.com": "anthropic",
    "amazonaws.com": "aws.bedrock",
    "api.aws": "aws.bedrock",
    "azure.com": "azure.ai.openai",
    "cerebras.ai": "cerebras",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "deepseek.com": "deepseek",
    "fireworks.ai": "fireworks",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "googleapis.com": "gcp.vertex_ai",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "moonshot.ai": "moonshot_ai",
    "moonshot.cn": "moonshot_ai",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "together.xyz": "together",
    "x.ai": "x_ai",
}
"""Providers that speak the OpenAI protocol, by host or by the last two labels of the host.

The values are those of the GenAI conventions for ``gen_ai.provider.name``, and the provider's own name where
the conventions have none.
"""

_PORTS: Final = {"https": 443, "http": 80}


def provider_of(client: Any, host: str | None) -> str:
    """Return the value of ``gen_ai.provider.name`` for a client of `host`; ``openai`` if unknown."""
    by_class = _BY_CLASS.get(type(client).__name__)
    if by_class or not host:
        return by_class or "openai"
    return _BY_HOST.get(host) or _BY_HOST.get(".".join(host.rsplit(".", 2)[-2:]), "openai")


_MOST_KNOWN: Final = 256

_known: dict[tuple[type, int], tuple[Any, tuple[str, str | None, int | None]]] = {}


def endpoint_of(client: Any) -> tuple[str, str | None, int | None]:
    """Return the provider, the server's address and its port, for a client of any major version."""
    url = getattr(client, "base_url", None)
    key = type(client), id(url)
    known = _known.get(key)
    if known is not None and known[0] is url:
        return known[1]
    found = _endpoint(client, url)
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[key] = url, found  # the URL itself as well: as long as it lives, its identity is its own
    return found


def _endpoint(client: Any, url: Any) -> tuple[str, str | None, int | None]:
    host = getattr(url, "host", None) or None
    port = getattr(url, "port", None) or _PORTS.get(getattr(url, "scheme", ""))
    return provider_of(client, host), host, port if host else None
