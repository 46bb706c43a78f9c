"""What is patched is there, and looks as it did before."""

from __future__ import annotations

import inspect
import pickle
import pkgutil
from typing import TYPE_CHECKING, Any

import wrapt

from adapter_contract.playing import ways_of
from adapter_contract.promises.base import Promises
from agentotel import patching
from agentotel._base.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator


class KeepsFaces(Promises):
    """The functions of the library that an adapter intercepts."""

    def test_all_that_the_adapter_patches_is_there(self) -> None:
        """Nothing that the adapter names is missing in the installed version, and patching it has not failed."""
        self.alone(ways_of(self.recipe)[0])
        reports = patching.patch_adapter(self.recipe.adapter)
        bad = [
            f"{report.target} is {report.status}: {report.reason}"
            for report in reports
            if report.status in {"failed", "missing"} and not report.optional
        ]
        assert not bad, bad

    def test_what_is_patched_looks_as_before(self) -> None:
        """Signature, names, documentation and kind of each patched function are those of the original."""
        for target, patched, original in self._patched():
            assert _face(patched) == _face(original), target

    def test_what_is_patched_is_pickled_as_before(self) -> None:
        """Each patched function that could be pickled still can, and comes back as itself."""
        for target, patched, original in self._patched():
            if _can_be_pickled(original):
                assert pickle.loads(pickle.dumps(patched)) == patched, target

    def _patched(self) -> Iterator[tuple[str, Any, Any]]:
        """Yield target, patched function and original, as programs get them from their class or module."""
        self.alone(ways_of(self.recipe)[0])
        adapter = self.recipe.adapter
        targets = [call.target for call in adapter.calls] + [note.target for note in adapter.notes]
        for target in targets:
            try:
                found = patching.resolve(target)
            except TargetError:  # of a version that is not installed; the test above knows
                continue
            if not isinstance(found.original, wrapt.FunctionWrapper):
                continue
            original = found.original.__wrapped__
            if isinstance(found.owner, type):
                original = original.__get__(None, found.owner)
            yield target, getattr(found.owner, found.name), original


def _face(function: Any) -> tuple[Any, ...]:
    """Return what programs and libraries look at."""
    names = ("__name__", "__qualname__", "__module__", "__doc__")
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction, inspect.isroutine)
    return (
        str(inspect.signature(function)),
        *(getattr(function, name, None) for name in names),
        *(kind(function) for kind in kinds),
        function.__class__,
    )


def _can_be_pickled(function: Any) -> bool:
    """Tell whether the original can: it is found by its name, where the patched one now stands."""
    try:
        return callable(pkgutil.resolve_name(f"{function.__module__}:{function.__qualname__}"))
    except (ImportError, AttributeError, ValueError):
        return False
