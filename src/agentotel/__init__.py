"""agentotel: an OpenTelemetry distro for AI agents.

Most programs never import it: ``opentelemetry-instrument python my_agent.py`` is enough. What is here is for those
who want to say in code who a request is for, or what is an agent or a tool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from agentotel.api import agent, context, model_call, step, tool

__version__ = "0.1.0"

__all__ = ["__version__", "agent", "context", "model_call", "step", "tool"]


def __getattr__(name: str) -> Any:
    # Lazy, because the launcher imports this package in a process whose start-up must stay cheap.
    if name in __all__:
        from agentotel import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module 'agentotel' has no attribute {name!r}")
