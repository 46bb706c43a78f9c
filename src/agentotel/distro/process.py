"""What is known about this process before anything is recorded: read once, by whoever comes first.

This module owns state: the settings of the process. It imports nothing of the SDK, which reads environment variables
as it is imported: the unusable ones must be gone by then.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from agentotel._base import failopen
from agentotel.config.load import load
from agentotel.distro import defaults

if TYPE_CHECKING:
    from agentotel.config.load import Loaded
    from agentotel.config.settings import Settings

_logger = logging.getLogger("agentotel")


class Process(NamedTuple):
    """This process.

    Attributes:
        settings: What the user asked for.
        left_out: Why nothing is recorded, None where something is.
    """

    settings: Settings
    left_out: str | None


_current: Process | None = None


def current() -> Process:
    """Return what is known; the first call applies the defaults, reads the settings and names what is wrong."""
    global _current  # noqa: PLW0603 - the module owns this state, as its docstring says
    if _current is None:
        _current = _read()
    return _current


def _read() -> Process:
    defaults.apply()
    is_child = defaults.is_child_process()
    loaded = load()
    defaults.discard(loaded.unusable)
    failopen.configure(strict=loaded.settings.strict)
    _speak_from(loaded.settings.log_level)
    left_out = _reason_to_leave_out(loaded, is_child=is_child)
    if left_out is None:
        for problem in loaded.problems:
            _logger.warning("agentotel: %s", problem)
    return Process(loaded.settings, left_out)


def _speak_from(level: str) -> None:
    """Let agentotel's own messages appear on stderr from this level on.

    Warnings do so in any program: by `logging`'s last resort, or by whatever handlers the program has. Less than that
    is for those who have asked for it, and needs a handler.
    """
    _logger.setLevel(level)
    if _logger.level < logging.WARNING and not _logger.handlers:
        _logger.addHandler(logging.StreamHandler())
        _logger.propagate = False


def _reason_to_leave_out(loaded: Loaded, *, is_child: bool) -> str | None:
    if loaded.settings.sdk_disabled:
        return "OTEL_SDK_DISABLED is set"
    if is_child and not loaded.settings.child_processes:
        return "AGENTOTEL_CHILD_PROCESSES is off and this is a child process"
    return None
