"""Runs a recipe in one of its four ways, and keeps all that its user gets to see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from adapter_contract.recipe import Node, Recipe, Scene

WAYS: Final = ("run", "arun", "stream", "astream")
ASYNC_WAYS: Final = ("arun", "astream")
STREAMED_WAYS: Final = ("stream", "astream")

Look = Callable[[], Any]


@dataclass
class Played:
    """What the user of a recipe's program has seen.

    Attributes:
        answer: What `run` returned; of a stream, its pieces that are text, joined.
        pieces: The pieces of a stream.
        error: What was raised.
        looks: What the caller's `look` gave: for each piece of a stream, and after the run.
    """

    answer: str = ""
    pieces: list[Any] = field(default_factory=list)
    error: BaseException | None = None
    looks: list[Any] = field(default_factory=list)

    def seen(self) -> tuple[Any, ...]:
        """Return what has to be the same with and without observing."""
        error = self.error
        return self.answer, [_type_name(piece) for piece in self.pieces], _type_name(error), str(error or "")

    def again(self) -> None:
        """Raise the error, if there was one."""
        if self.error is not None:
            raise self.error


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def ways_of(recipe: Recipe, among: Iterable[str] = WAYS) -> list[str]:
    """Return those of the ways that the recipe has."""
    return [way for way in among if getattr(recipe, way) is not None]


def tree_of(recipe: Recipe, way: str) -> Node:
    """Return the tree that a way must give."""
    return recipe.stream_tree if way in STREAMED_WAYS and recipe.stream_tree is not None else recipe.tree


def play(recipe: Recipe, way: str, scene: Scene, look: Look = lambda: None) -> Played:
    """Run the recipe to its end, and return what its user has seen: exceptions too.

    Args:
        recipe: Whose program.
        way: One of `WAYS`.
        scene: What the program gets.
        look: Called where the user's own code would run: at each piece of a stream, and after the run.
    """
    if way in ASYNC_WAYS:
        return asyncio.run(play_async(recipe, way, scene, look))
    played = Played()
    try:
        if way == "run":
            played.answer = program_of(recipe, "run")(scene)
        else:
            with closing(program_of(recipe, "stream")(scene)) as stream:
                for piece in stream:
                    _take(played, piece, look)
    except Exception as error:
        played.error = error
    played.looks.append(look())
    return played


async def play_async(recipe: Recipe, way: str, scene: Scene, look: Look = lambda: None) -> Played:
    """Run the recipe inside a running event loop; as `play`, but a cancellation goes on to the caller."""
    played = Played()
    try:
        if way == "arun":
            played.answer = await program_of(recipe, "arun")(scene)
        else:
            async with aclosing(program_of(recipe, "astream")(scene)) as stream:
                async for piece in stream:
                    _take(played, piece, look)
    except Exception as error:
        played.error = error
    played.looks.append(look())
    return played


def play_together(recipe: Recipe, way: str, scenes: Sequence[Scene]) -> list[Played]:
    """Run several scenes at the same time: in threads, or as tasks of one event loop."""
    if way in ASYNC_WAYS:

        async def together() -> list[Played]:
            return await asyncio.gather(*(play_async(recipe, way, scene) for scene in scenes))

        return asyncio.run(together())
    with ThreadPoolExecutor(len(scenes)) as threads:
        return list(threads.map(lambda scene: play(recipe, way, scene), scenes))


def program_of(recipe: Recipe, way: str) -> Callable[[Scene], Any]:
    """Return the recipe's program for a way that it has."""
    function: Callable[[Scene], Any] | None = getattr(recipe, way)
    assert function is not None, f"the recipe has no {way}"
    return function


def _take(played: Played, piece: Any, look: Look) -> None:
    played.pieces.append(piece)
    if isinstance(piece, str):
        played.answer += piece
    played.looks.append(look())
