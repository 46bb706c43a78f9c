"""The name of a service that was given none: the program's own name."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITH_VALUE: Final = frozenset({"-W", "-X", "--check-hash-based-pycs"})


def from_command_line(arguments: Sequence[str]) -> str | None:
    """Return a service name for a command line, such as ``my_agent`` for ``python my_agent.py --fast``.

    Use it where neither ``OTEL_SERVICE_NAME`` nor ``OTEL_RESOURCE_ATTRIBUTES`` names the service: a backend full of
    ``unknown_service`` helps nobody.

    Args:
        arguments: The whole command line of the interpreter, as in ``sys.orig_argv``.

    Returns:
        The script without its suffix, the module after ``-m``, or None (``-c``, standard input, no script).
    """
    remaining = iter(arguments[1:])
    for argument in remaining:
        if argument == "-m":
            return next(remaining, None)
        if argument.startswith("-m") and not argument.startswith("--"):
            return argument[2:]
        if argument in {"-c", "-"} or (argument.startswith("-c") and not argument.startswith("--")):
            return None
        if argument in _WITH_VALUE:
            next(remaining, None)
        elif not argument.startswith("-"):
            path = PurePath(argument)
            return path.parent.name if path.stem == "__main__" and path.parent.name else path.stem or None
    return None
