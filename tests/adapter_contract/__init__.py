"""The contract that every adapter's test inherits: `AdapterContract` is what it promises, `Recipe` what it needs.

A test states a recipe and inherits::

    from adapter_contract import MODEL, AdapterContract, Node, Recipe, Scene

    def run(scene: Scene) -> str:
        import acme                       # never at the top: programs are started from this file too
        ...

    class TestAcme(AdapterContract):
        recipe = Recipe(ADAPTER, tree=Node("agent", "invoke_agent helper", (...)), run=run)
"""

from __future__ import annotations

import sys

_pytest = sys.modules.get("pytest")  # programs of recipes do without it
if _pytest is not None:
    _pytest.register_assert_rewrite(f"{__name__}.promises", f"{__name__}.observed")

from adapter_contract.contract import AdapterContract  # noqa: E402 - its asserts are to be rewritten
from adapter_contract.recipe import (  # noqa: E402 - the same
    BROKEN,
    CLAUDE,
    HOLD,
    MODEL,
    PAUSE,
    Node,
    Recipe,
    Scene,
    ToolBroke,
    answer_about,
)

__all__ = [
    "BROKEN",
    "CLAUDE",
    "HOLD",
    "MODEL",
    "PAUSE",
    "AdapterContract",
    "Node",
    "Recipe",
    "Scene",
    "ToolBroke",
    "answer_about",
]
