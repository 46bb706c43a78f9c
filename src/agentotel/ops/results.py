"""What a check consists of: something to try on a file, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Status = Literal["ok", "failed", "not_checked"]


class Outcome(NamedTuple):
    """What came of a check.

    Attributes:
        status: ``not_checked`` means that nothing is known: the tool is missing, or was no help.
        message: What is wrong, or why nothing is known; empty where all is well.
    """

    status: Status
    message: str = ""


class Check(NamedTuple):
    """Something to try.

    Attributes:
        file: What it is about, relative to the folder that is checked; several files are joined by `` + ``.
        tool: What tries it.
        run: Tries it. It may take as long as a tool may take.
    """

    file: str
    tool: str
    run: Callable[[], Outcome]


@dataclass(frozen=True, slots=True)
class Result:
    """A check that was made."""

    file: str
    tool: str
    status: Status
    message: str

    def as_dict(self) -> dict[str, str]:
        """Return it for ``--json``."""
        return asdict(self)


def perform(check: Check) -> Result:
    """Make a check."""
    outcome = check.run()
    return Result(check.file, check.tool, outcome.status, outcome.message)
