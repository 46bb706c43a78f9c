"""Lets parts of agentotel fail on purpose: each guarded place, each method of a recording, each function of an adapter.

All that adapters, patching and telemetry do for a program runs through ``failopen.attempt``. While a `Saboteur` is at
work, the code of that one function is exchanged for a copy that first asks it; whoever has imported the function, or
keeps it in a partial, is reached by that. This module owns no state but puts the saboteur into ``failopen``'s globals.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import fields
from inspect import isfunction
from typing import TYPE_CHECKING, Any, Final

from agentotel import patching
from agentotel._base import failopen
from agentotel.model.contract import Call, Native, Note, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from dataclasses import Field

    from agentotel.model.contract import Adapter, Observer

RECORDING_METHODS: Final = tuple(
    name for name, value in vars(Recording).items() if isfunction(value) and name[0] != "_"
)
"""What a recording is asked for, each of which can fail."""


class InjectedFault(Exception):  # noqa: N818 - "error" is what agentotel makes of it
    """What a sabotaged part raises."""


class Saboteur:
    """Decides which guarded places fail, and remembers which were passed.

    Args:
        target: The place that fails; None for none, ``*`` for all.
    """

    def __init__(self, target: str | None = None) -> None:
        self.target = target
        self.sites: set[str] = set()

    def __call__(self, site: str, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """Do what the guard was asked to do, or fail."""
        self.sites.add(site)
        if self.target not in {site, "*"}:
            return function(*args)
        if _restores_context(site):
            function(*args)
        raise InjectedFault(f"at {site}")


def _restores_context(site: str) -> bool:
    """Tell whether the part has to do its work before it fails: it gives back what belongs to the program."""
    return site == "recorder.suspend"


def _attempt_sabotaged(site: str, function: Any, *args: Any) -> Any:
    # This code runs as that of `failopen.attempt`, with the globals of that module.
    try:
        return _saboteur(site, function, args)  # type: ignore[name-defined]  # noqa: F821 - as above
    except Exception as error:
        report(site, error)  # type: ignore[name-defined]  # noqa: F821
        if _strict:  # type: ignore[name-defined]  # noqa: F821
            raise
        return None


@contextmanager
def sabotage(target: str | None = None) -> Iterator[Saboteur]:
    """Let one guarded place (or with ``*`` all of them) fail whenever it is passed.

    Args:
        target: The place's name, as `failopen.errors` counts it; None to learn only which ones there are.
    """
    saboteur = Saboteur(target)
    original = failopen.attempt.__code__
    vars(failopen)["_saboteur"] = saboteur
    failopen.attempt.__code__ = _attempt_sabotaged.__code__
    try:
        yield saboteur
    finally:
        failopen.attempt.__code__ = original


@contextmanager
def broken_recordings(method: str) -> Iterator[None]:
    """Let one method of all recordings fail, or ``start`` of the observer itself."""
    real = patching.observer()
    assert real is not None, "nobody observes"
    patching.observe(_BrokenObserver(real, method))
    try:
        yield
    finally:
        patching.observe(real)


class _BrokenObserver:
    def __init__(self, real: Observer, method: str) -> None:
        self._real = real
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def start(self, operation: Any, within: Any = None) -> Any:
        if self._method == "start":
            raise InjectedFault("start")
        within = within.real if isinstance(within, _BrokenRecording) else within
        recording = self._real.start(operation, within)
        return None if recording is None else _BrokenRecording(recording, self._method)


class _BrokenRecording:
    def __init__(self, real: Any, method: str) -> None:
        self.real = real
        self.operation = real.operation
        self._method = method

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.real, name)
        if name != self._method:
            return value

        def work_and_fail(*args: Any) -> Any:
            if name != "activate":  # what it would have made current, nobody would put back
                value(*args)
            raise InjectedFault(name)

        return work_and_fail


@contextmanager
def broken_functions(adapters: Sequence[Adapter], name: str) -> Iterator[None]:
    """Let one function of all parts of adapters fail, such as ``request``: whether or not a guard stands around it.

    Libraries stay patched for the life of a process, so the parts themselves are changed, though they are frozen.
    """
    with ExitStack() as stack:
        for adapter in adapters:
            for part in (*adapter.calls, *adapter.notes, *adapter.natives):
                original = getattr(part, name, None)
                if original is not None:
                    object.__setattr__(part, name, _fail)
                    stack.callback(object.__setattr__, part, name, original)
        yield


def _is_of_functions(field: Field[Any]) -> bool:
    """Tell by its annotation whether a field of the contract holds a function."""
    return "Callable[" in str(field.type) or "Inject" in str(field.type)


def functions_of(adapters: Sequence[Adapter]) -> list[str]:
    """Return the names of the functions that the parts of adapters have."""
    parts = [part for adapter in adapters for part in (*adapter.calls, *adapter.notes, *adapter.natives)]
    return [name for name in _FUNCTIONS if any(getattr(part, name, None) is not None for part in parts)]


_FUNCTIONS: Final = tuple(
    dict.fromkeys(field.name for part in (Call, Note, Native) for field in fields(part) if _is_of_functions(field))
)


def _fail(*_: object) -> Any:
    raise InjectedFault("in an adapter")


@contextmanager
def everything_broken(adapters: Sequence[Adapter]) -> Iterator[None]:
    """Let all of it fail at once: what stands in no guard, and then all that does."""
    with sabotage("*"), broken_functions(adapters, "chunk"):
        yield
