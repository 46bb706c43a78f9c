"""The trace and the ids go on in processes that the program starts, and come in from the one that has started it.

A process that is started while an operation is open continues its trace: ``subprocess`` by ``TRACEPARENT`` and
``BAGGAGE`` in the child's environment, ``multiprocessing`` by what it hands to the child anyway. An environment that
the program has put together from nothing (``env={...}``) is left as it is; one that it has copied from its own gets the
variables, in a copy. The workers of a pool serve whoever comes next: they belong to nobody.

This module owns state: the original methods.
"""

from __future__ import annotations

import functools
import os
import subprocess
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context, attach, get_current

from agentotel import identity
from agentotel._base.failopen import attempt
from agentotel._base.own_frames import leave_out
from agentotel.distro import defaults
from agentotel.patching import when_imported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_ENV_POSITION: Final = 10
"""Of ``env`` among the positional arguments of `subprocess.Popen`, which is part of its documented signature."""

_CARRIER: Final = "_agentotel_carrier"
_POOL_WORKERS: Final = frozenset({"multiprocessing.pool.worker", "concurrent.futures.process._process_worker"})

_originals: list[tuple[Any, str, Any]] = []


def install() -> None:
    """Continue the trace of the process that started this one, and let those that it starts continue ours."""
    incoming = attempt("child_processes.incoming", identity.context_from_environment, os.environ)  # noqa: TID251 - what a parent sent, no setting
    if incoming is not None:
        attach(incoming)
    if not _originals:
        _replace(subprocess.Popen, "__init__", _carrying_init)
        when_imported("multiprocessing.process", _patch_multiprocessing)


def uninstall() -> None:
    """Put the original methods back, for tests."""
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


def _patch_multiprocessing(module: ModuleType) -> None:
    _replace(module.BaseProcess, "start", _carrying_start)
    _replace(module.BaseProcess, "_bootstrap", _receiving_bootstrap)


def _replace(owner: Any, name: str, made_from: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    _originals.append((owner, name, original))
    setattr(owner, name, made_from(original))


# --- subprocess ---


def _carrying_init(original: Callable[..., None]) -> Any:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it takes the place of one
        if get_current() and len(args) <= _ENV_POSITION:
            environment = attempt("child_processes.environment", _environment, kwargs.get("env"))
            if environment is not None:
                kwargs["env"] = environment
        try:
            original(self, *args, **kwargs)
        except BaseException as error:
            leave_out(error)
            raise

    return __init__


def _environment(given: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the environment for a child that the program wants to have `given`; None leaves it as it is."""
    environment = os.environ if given is None else given  # noqa: TID251 - what the child would inherit
    if not defaults.is_inherited(environment):
        return None
    return identity.environment_for_child(environment)


# --- multiprocessing ---


def _carrying_start(original: Callable[..., None]) -> Any:
    @functools.wraps(original)
    def start(self: Any) -> None:
        if get_current():
            self._config[_CARRIER] = attempt("child_processes.carrier", identity.environment_for_child, {})
        try:
            original(self)
        except BaseException as error:
            leave_out(error)
            raise
        finally:
            self._config.pop(_CARRIER, None)

    return start


def _receiving_bootstrap(original: Callable[..., int]) -> Any:
    @functools.wraps(original)
    def _bootstrap(self: Any, *args: Any, **kwargs: Any) -> int:
        attempt("child_processes.receive", _receive, self)
        return original(self, *args, **kwargs)

    return _bootstrap


def _receive(process: Any) -> None:
    """Make current in a child what it is to continue."""
    carrier = process._config.pop(_CARRIER, None)  # noqa: SLF001 - the part of a process that children get
    target = getattr(process, "_target", None)
    if f"{getattr(target, '__module__', '')}.{getattr(target, '__name__', '')}" in _POOL_WORKERS:
        attach(Context())
    elif carrier and not get_current():
        attach(identity.context_from_environment(carrier) or Context())
