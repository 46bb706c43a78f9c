"""Tells when a module whose name matches is imported, for targets that name modules by a glob.

This module owns state: while installed, a finder stands first in ``sys.meta_path``. It finds nothing itself:
it asks the finders after it, and for a matching module has their loader call back when it has executed the
module.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from agentotel._base import failopen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_SITE: Final = "patching.module_globs"


class MatchingImports:
    """Calls `on_import` with each matching module, right after its code has run.

    Args:
        matches: Whether a module of this full name matters. Asked at every import, so keep it cheap.
        on_import: Runs inside the fail-open guard.
    """

    def __init__(self, matches: Callable[[str], bool], on_import: Callable[[ModuleType], None]) -> None:
        self._matches = matches
        self._on_import = on_import
        self._in_progress = threading.local()

    def install(self) -> None:
        """Begin to watch imports."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        """Stop watching imports."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the finders after this one find, prepared; None for every module that does not match."""
        if getattr(self._in_progress, "name", None) == fullname or not failopen.attempt(_SITE, self._matches, fullname):
            return None
        self._in_progress.name = fullname  # another finder of this kind may ask from the first one again
        try:
            spec = self._ask_the_others(fullname, path, target)
        finally:
            self._in_progress.name = None
        if spec is not None:
            failopen.attempt(_SITE, self._prepare, spec.loader)
        return spec

    def _ask_the_others(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        for finder in tuple(sys.meta_path):
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec: ModuleSpec | None = finder.find_spec(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def _prepare(self, loader: Any) -> None:
        """Have this one loader call back. It stays what it is, so that whoever asks it for sources finds it."""
        if loader is None or isinstance(loader, type):  # namespace packages, built-in and frozen modules
            return
        original = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.__dict__.pop("exec_module", None)
            original(module)
            failopen.attempt(_SITE, self._on_import, module)

        loader.exec_module = exec_module
