"""A new beginning in processes that are forked: what the parent has recorded is the parent's to deliver.

The SDK forgets its queues and starts its threads again by itself. Here is what it leaves: locks whose holders are not
there any more, connections that parent and child would write into at the same time, and (before 1.45) the id of the
instance, without which the counters of parent and child would be one series that jumps. All of it is done before the
SDK starts threads that use them: this module has to be imported before providers are made.

This module owns state: what is to be done in forked processes.
"""

from __future__ import annotations

import functools
import os
import threading
import uuid
from copy import copy
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource

from agentotel._base.failopen import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

_FOLLOWED: Final = ("agentotel.", "opentelemetry.")
_CARES_FOR_ITSELF: Final = "agentotel.cost."
"""Holds its lock over a fork."""

_CONTAINERS: Final = (list, tuple, set, frozenset)
_MOST_OBJECTS: Final = 20_000
_LOCKS: Final = (type(threading.Lock()), type(threading.RLock()), threading.Event, threading.Condition)


_actions: dict[str, Callable[[], object]] = {}


def in_child(site: str, action: Callable[[], object]) -> None:
    """Call `action` in every process that is forked from this one, after what has been registered before.

    Args:
        site: For the fail-open guard; another action for the same site takes its place.
        action: It must not wait for anything.
    """
    _actions[site] = action


def _run_actions() -> None:
    for site, action in _actions.items():
        attempt(site, action)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_run_actions)


def begin_anew(roots: Iterable[object]) -> None:
    """Release the locks of threads that were not forked, and leave open connections to the parent.

    Args:
        roots: Objects and modules of ours and of OpenTelemetry, from which everything else of theirs is found.
    """
    for found in _everything(roots):
        for value in _values(found):
            if isinstance(value, _LOCKS):
                value._at_fork_reinit()  # type: ignore[union-attr]  # noqa: SLF001 - what the standard library does
            elif type(value).__name__ == "Session" and hasattr(value, "mount"):
                attempt("forks.connections", _leave_connections, value)


def identify(providers: Iterable[object]) -> None:
    """Give this process a ``service.instance.id`` of its own, where the SDK has not done so.

    Args:
        providers: The providers, and whatever else may hold their resource.
    """
    renewed: dict[int, Resource] = {}
    for found in _everything(providers):
        if hasattr(found, "_handle_fork"):
            return
        for name in ("_resource", "resource"):
            old = getattr(found, "__dict__", {}).get(name)
            if isinstance(old, Resource) and SERVICE_INSTANCE_ID in old.attributes:
                new = renewed.setdefault(id(old), old.merge(instance_resource()))
                setattr(found, name, new)


def instance_resource() -> Resource:
    """Return a resource with an id of this process."""
    return Resource({SERVICE_INSTANCE_ID: str(uuid.uuid4())})


def _leave_connections(session: Any) -> None:
    """Give a session of ``requests`` new pools: a copy of an adapter is one without connections."""
    for prefix, adapter in list(session.adapters.items()):
        session.mount(prefix, copy(adapter))


def _everything(roots: Iterable[object]) -> Iterator[object]:
    """Yield what can be reached from `roots` through objects of ours and of OpenTelemetry."""
    waiting, seen = list(roots), set[int]()
    while waiting and len(seen) < _MOST_OBJECTS:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        waiting.extend(value for value in _values(found) if _is_followed(value))


def _is_followed(value: object) -> bool:
    return _is_followed_kind(cast("Hashable", type(value)))


@functools.lru_cache(maxsize=4096)
def _is_followed_kind(kind: Any) -> bool:
    if issubclass(kind, (*_CONTAINERS, dict)):
        return True
    module = f"{kind.__module__}."
    return module.startswith(_FOLLOWED) and not module.startswith(_CARES_FOR_ITSELF)


def _values(found: object) -> list[Any]:
    """Return what `found` holds."""
    if isinstance(found, dict):
        return list(found.values())
    if isinstance(found, _CONTAINERS):
        return list(found)
    if isinstance(found, ModuleType):
        return [value for value in vars(found).values() if isinstance(value, _LOCKS)]
    attributes = getattr(found, "__dict__", None)
    values = [] if attributes is None else list(attributes.values())
    return [*values, *(getattr(found, name, None) for name in _slots(cast("Hashable", type(found))))]


@functools.lru_cache(maxsize=4096)
def _slots(kind: Any) -> tuple[str, ...]:
    of_each = (getattr(cls, "__slots__", ()) for cls in kind.__mro__)
    return tuple(name for slots in of_each for name in ((slots,) if isinstance(slots, str) else slots))
