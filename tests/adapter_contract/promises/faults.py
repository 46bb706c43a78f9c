"""Errors of agentotel's own, wherever they happen, change nothing for the program."""

from __future__ import annotations

import contextvars
from functools import partial
from typing import TYPE_CHECKING

from adapter_contract import faults, open_operations
from adapter_contract.promises.base import Promises
from adapter_contract.recipe import BROKEN
from agentotel._base import failopen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from adapter_contract.recipe import Scene

    Fault = Callable[[], AbstractContextManager[object]]


class NeverBreaks(Promises):
    """Each guarded place fails, one after another: those of the adapter, of patching and of the recorder."""

    def test_an_error_in_any_guarded_place_changes_nothing(self, way: str) -> None:
        """Whatever place fails that a run passes, on the good path or the bad one, the user gets the same."""
        passed: set[str] = set()
        for scene in (self.scene(), self.scene(city=BROKEN)):
            with self.observed(content=True), faults.sabotage() as saboteur:
                self.play(way, scene)
            assert saboteur.sites, "the run has passed no guarded place: nothing was recorded"
            new = saboteur.sites - passed
            self._assert_unharmed(way, scene, {site: partial(faults.sabotage, site) for site in new})
            passed |= saboteur.sites

    def test_an_error_in_any_method_of_a_recording_changes_nothing(self, way: str) -> None:
        """Whatever the recorder raises, at the start, in the middle and at the end, the user gets the same."""
        methods = ("start", *faults.RECORDING_METHODS)
        broken = {method: partial(faults.broken_recordings, method) for method in methods}
        self._assert_unharmed(way, self.scene(), broken)

    def test_an_error_in_any_function_of_an_adapter_changes_nothing(self, way: str) -> None:
        """Whatever ``request``, ``response``, ``chunk`` and the others raise, the user gets the same."""
        names = faults.functions_of(self.adapters())
        broken = {name: partial(faults.broken_functions, self.adapters(), name) for name in names}
        for scene in (self.scene(), self.scene(city=BROKEN)):
            self._assert_unharmed(way, scene, broken)

    def test_a_program_survives_all_errors_at_once(self, way: str) -> None:
        """With every guarded place failing the user gets the same, and agentotel has counted its errors."""
        broken = {"everything": partial(faults.everything_broken, self.adapters())}
        for scene in (self.scene(), self.scene(city=BROKEN)):
            counted = self._assert_unharmed(way, scene, broken)
            assert counted, "nothing has failed: the faults did not reach what the run passes"

    def _assert_unharmed(self, way: str, scene: Scene, broken: Mapping[str, Fault]) -> Mapping[str, int]:
        """Run the recipe once with each part broken: the user has to get the same. Return the errors counted.

        Each run has a context of its own, which may stay behind dirty.
        """
        alone = self.alone(way, scene)
        with self.observed(tolerant=True, content=True):
            for part, fault in broken.items():
                with open_operations.forgotten(), fault():
                    played = contextvars.copy_context().run(self.play, way, scene)
                assert played.seen() == alone.seen(), f"with an error in {part}"
            return failopen.errors()
