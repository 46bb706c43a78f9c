"""What LangChain's run configuration and metadata say about a run: its place, its name, its conversation.

The module imports nothing of LangChain: the functions read what they are given, and the configuration that surrounds
a run from the context variable in which LangChain keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agentotel.model.operations import WHOSE

if TYPE_CHECKING:
    from uuid import UUID

    from agentotel.model.contract import Intercepted

_CONVERSATION: Final = ("thread_id", "session_id", "conversation_id")


def config_of(call: Intercepted, position: int = 1) -> Mapping[str, Any]:
    """Return the run configuration that a call was given; of a batch, its first one."""
    found = call.argument("config", position)
    if isinstance(found, list | tuple):
        found = found[0] if found else None
    return found if isinstance(found, Mapping) else {}


def parent_run_id(config: Mapping[str, Any]) -> UUID | None:
    """Return the id of the run of LangChain that a run with this configuration becomes part of; None at the root."""
    callbacks = config.get("callbacks")
    if callbacks is None:
        callbacks = _surrounding().get("callbacks")
    return getattr(callbacks, "parent_run_id", None)


def is_inside_a_run(config: Mapping[str, Any]) -> bool:
    """Tell whether a run is part of another one, also where the program gives it callbacks of its own."""
    return _has_parent(config) or _has_parent(_surrounding())


def conversation_id(*sources: Mapping[str, Any] | None) -> str | None:
    """Return the id of the thread, session or conversation that configurations name, the first one first."""
    for source in filter(None, sources):
        for part in ("configurable", "metadata"):
            values = source.get(part)
            found = conversation_in(values) if values else None
            if found is not None:
                return found
    return None


def conversation_in(values: Mapping[str, Any]) -> str | None:
    """Return the id of the thread, session or conversation that stands in a part of a configuration."""
    for name in _CONVERSATION:
        if values.get(name) is not None:
            return str(values[name])
    return None


def whose(*sources: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return user, tenant and session as far as the parts of configurations that the program fills name them."""
    found: dict[str, str] = {}
    for source in filter(None, sources):
        values = source.get("configurable") or {}
        for name in values.keys() & WHOSE:
            value = values[name]
            if isinstance(value, str | int) and value != "":
                found.setdefault(name, str(value))
    return found


def _has_parent(config: Mapping[str, Any]) -> bool:
    return getattr(config.get("callbacks"), "parent_run_id", None) is not None


def _surrounding() -> Mapping[str, Any]:
    """Return the configuration of the run that is open in this context."""
    # Loaded by then, as it is only called from intercepted functions of LangChain.
    from langchain_core.runnables.config import var_child_runnable_config  # noqa: PLC0415

    return var_child_runnable_config.get() or {}
