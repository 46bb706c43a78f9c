"""Runs a recipe as a program of its own: ``python -m adapter_contract.program FILE CLASS WAY URL [OPTIONS]``.

FILE is the module with the test, CLASS the class in it that has the recipe, URL the base URL of a model that is
running. The answer goes to stdout: the text of a run, a line per piece of a stream. What the program raises ends it
with a traceback and status 1, as with any program.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import sys
from contextlib import aclosing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter_contract.faults import sabotage
from adapter_contract.playing import WAYS, ways_of
from adapter_contract.recipe import Recipe, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence


def recipe_of(file: str, class_name: str) -> Recipe:
    """Return the recipe of a class in a test module."""
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    assert spec is not None, file
    assert spec.loader is not None, file
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    recipe: Recipe = getattr(module, class_name).recipe
    return recipe


def perform(recipe: Recipe, way: str, scene: Scene) -> None:
    """Run the recipe in one of its ways, and print what its user gets."""
    if way == "run":
        assert recipe.run is not None
        print(recipe.run(scene), flush=True)
    elif way == "stream":
        assert recipe.stream is not None
        for piece in recipe.stream(scene):
            _print(piece)
    else:
        asyncio.run(_perform_async(recipe, way, scene))


async def _perform_async(recipe: Recipe, way: str, scene: Scene) -> None:
    if way == "arun":
        assert recipe.arun is not None
        print(await recipe.arun(scene), flush=True)
        return
    assert recipe.astream is not None
    pieces: Any = recipe.astream(scene)
    async with aclosing(pieces):
        async for piece in pieces:
            _print(piece)


def _print(piece: object) -> None:
    """Print text as it is, and of anything else its type: its words may hold ids and times."""
    print(piece if isinstance(piece, str) else f"{type(piece).__module__}.{type(piece).__qualname__}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m adapter_contract.program", description=__doc__)
    parser.add_argument("file")
    parser.add_argument("class_name")
    parser.add_argument("way", choices=(*WAYS, "any"), help="any takes the one in which most can go wrong")
    parser.add_argument("url")
    parser.add_argument("--city", default="Bern")
    parser.add_argument("--conversation", default="conversation-1")
    parser.add_argument("--tool-fails", action="store_true")
    parser.add_argument("--break-everything", action="store_true", help="let every guarded place of agentotel fail")
    given = parser.parse_args(arguments)
    scene = Scene(given.url, city=given.city, conversation=given.conversation, tool_fails=given.tool_fails)
    recipe = recipe_of(given.file, given.class_name)
    way = ways_of(recipe, reversed(WAYS))[0] if given.way == "any" else given.way
    with sabotage("*") if given.break_everything else nullcontext():
        perform(recipe, way, scene)


if __name__ == "__main__":
    main()
