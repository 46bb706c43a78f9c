"""What all promises share: the recipe, its model server, and which tests apply to which of its ways."""

from __future__ import annotations

import ssl
import unittest
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from unittest.mock import patch

from adapter_contract import observed, playing
from adapter_contract.recipe import Scene
from adapter_contract.tree import count_of
from adapter_contract.weather import WeatherModel
from agentotel import patching

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from adapter_contract.observed import Observed
    from adapter_contract.playing import Look, Played
    from adapter_contract.recipe import Node, Recipe

T = TypeVar("T", bound="Callable[..., Any]")


def about(*ways: str, kind: str | None = None, conversation: bool = False) -> Callable[[T], T]:
    """Say what a test is about: it is only there for recipes that have it.

    Args:
        ways: The ways that it runs; all of them if none is given.
        kind: A kind of operation that the recipe's tree has to have.
        conversation: Whether the library has to have a place for a conversation id.
    """

    def mark(test: T) -> T:
        vars(test).update(ways=ways or playing.WAYS, kind=kind, conversation=conversation)
        return test

    return mark


class Promises:
    """A part of the contract."""

    recipe: ClassVar[Recipe]
    model: ClassVar[WeatherModel]
    _held: ClassVar[ExitStack]
    _recorded: ClassVar[dict[tuple[str, bool], Observed]]
    _alone: ClassVar[dict[tuple[str, Scene], Played]]

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Leave out the tests that the recipe has nothing for, and let those be skipped that it names."""
        super().__init_subclass__(**arguments)
        if "recipe" not in vars(cls):
            return
        tests = {name for name in dir(cls) if name.startswith("test_")}
        unknown = cls.recipe.skip.keys() - tests
        if unknown:
            raise TypeError(f"{cls.__name__}: the recipe skips what is no test of the contract: {sorted(unknown)}")
        for name in tests:
            test = getattr(cls, name)
            if reason := cls.recipe.skip.get(name):
                setattr(cls, name, _skipped(test, reason))
            elif not _applies(test, cls.recipe):
                setattr(cls, name, None)

    @classmethod
    def setup_class(cls) -> None:
        """Patch the libraries and start the model."""
        cls._recorded, cls._alone = {}, {}
        cls._held = ExitStack()
        # Certificates take most of the time of making a client, and nothing here is encrypted.
        cls._held.enter_context(patch.object(ssl.SSLContext, "load_verify_locations", lambda *_, **__: None))
        for adapter in cls.adapters():
            patching.patch_adapter(adapter)
        cls.model = cls._held.enter_context(WeatherModel(cls.recipe.decide or (lambda _: None)))

    @classmethod
    def teardown_class(cls) -> None:
        """Stop the model."""
        cls._held.close()

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Run each test once per way that it is about and the recipe has."""
        if "way" in metafunc.fixturenames:
            ways = getattr(metafunc.function, "ways", playing.WAYS)
            metafunc.parametrize("way", playing.ways_of(self.recipe, ways))

    @classmethod
    def adapters(cls) -> list[Any]:
        """Return the adapters of the recipe, from the top to the bottom."""
        return [cls.recipe.adapter, *cls.recipe.below]

    def scene(self, **changes: Any) -> Scene:
        """Return the default scene with changes."""
        return Scene(self.model.url, **changes)

    def play(self, way: str, scene: Scene | None = None, look: Look = lambda: None) -> Played:
        """Run the recipe in one of its ways."""
        return playing.play(self.recipe, way, scene or self.scene(), look)

    def observed(self, **options: bool) -> AbstractContextManager[Observed]:
        """Record what happens inside; see `adapter_contract.observed`."""
        return observed.observed(self.adapters(), **options)

    def alone(self, way: str, scene: Scene | None = None) -> Played:
        """Return what the user gets while nobody observes: played once, as the model always answers the same."""
        key = way, scene or self.scene()
        if key not in self._alone:
            self._alone[key] = self.play(*key)
        return self._alone[key]

    def record(self, way: str, *, content: bool = False) -> Observed:
        """Return what was recorded of the default scene: played once, for all tests that only read."""
        key = way, content
        if key not in self._recorded:
            with self.observed(content=content) as seen:
                self.play(way).again()
            self._recorded[key] = seen
        return self._recorded[key]

    def tree(self, way: str) -> Node:
        """Return the tree that a way must give."""
        return playing.tree_of(self.recipe, way)


def _applies(test: Any, recipe: Recipe) -> bool:
    kind = getattr(test, "kind", None)
    if kind is not None and not count_of(recipe.tree, kind):
        return False
    if getattr(test, "conversation", False) and not recipe.has_conversation:
        return False
    return bool(playing.ways_of(recipe, getattr(test, "ways", playing.WAYS)))


def _skipped(test: Any, reason: str) -> Callable[[Any], None]:
    def skipped(self: Any) -> None:
        raise unittest.SkipTest(reason)

    skipped.__name__, skipped.__doc__ = test.__name__, test.__doc__
    return skipped
