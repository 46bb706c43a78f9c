"""What discovery found, one record per method, function or class: for the doctor and for messages."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["patched", "tracked", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Discovered:
    """One thing of the user's that was patched, or why it was not.

    Attributes:
        kind: ``agent``, ``tool``, ``model``, ``step``, ``workflow`` or ``pool``.
        module: Full name of its module.
        qualname: The class, as in ``__qualname__``; empty for a function of a module.
        method: The method or function; empty where the class as a whole is meant.
        why: Why it was taken for what it is, as a phrase.
        file: Source file, where known.
        line: Line of the definition, where known.
        status: ``patched``; ``tracked`` (a pool whose fill level is read); ``skipped`` (rightly not patched);
            ``failed`` (should have been patched).
        reason: Why it was skipped or failed, as a phrase that goes on after the name.
    """

    kind: str
    module: str
    qualname: str
    method: str
    why: str
    file: str | None
    line: int | None
    status: Status
    reason: str = ""

    @property
    def name(self) -> str:
        """Where it is, as one would write it in a target."""
        return f"{self.module}:{'.'.join(filter(None, (self.qualname, self.method)))}"

    def __str__(self) -> str:
        """Return it as one line for a human being."""
        return f"{self.name} {self.reason}" if self.reason else f"{self.name} ({self.kind}: {self.why})"


def place_of(value: Any, module: str) -> tuple[str | None, int | None]:
    """Return file and line of the definition of `value`, without reading any file.

    Args:
        value: A function, a descriptor or partial of one, or anything else.
        module: Name of the module to name where `value` does not know its own file.
    """
    function = inspect.unwrap(value) if callable(value) else value
    for inner in ("__func__", "func"):
        function = getattr(function, inner, function)
    code = getattr(function, "__code__", None)
    if code is not None:
        return code.co_filename, code.co_firstlineno
    return getattr(sys.modules.get(module), "__file__", None), None
