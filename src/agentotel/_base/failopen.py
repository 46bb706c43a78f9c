"""The one guard between agentotel and the program: what fails inside it is logged once, counted and forgotten.

This module owns state: the number of errors per site and whether errors are re-raised (strict).
It catches `Exception` only. `KeyboardInterrupt`, `SystemExit`, `GeneratorExit` and `asyncio.CancelledError`
belong to the program and pass through.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

T = TypeVar("T")

_logger = logging.getLogger("agentotel")
_lock = threading.Lock()
_errors: Counter[str] = Counter()
_strict = False


def attempt(site: str, function: Callable[..., T], *args: Any) -> T | None:
    """Call ``function(*args)`` and return its result, or None when it raised.

    Args:
        site: Where the call stands, such as ``openai.request``: the key under which its errors are counted,
            and what the log names. Keep the number of different sites small.
        function: What to call. Never the user's own function: that one stands outside every guard.
        args: Its arguments.

    Raises:
        Exception: Whatever `function` raised, in strict mode only.
    """
    try:
        return function(*args)
    except Exception as error:
        report(site, error)
        if _strict:
            raise
        return None


def report(site: str, error: BaseException) -> None:
    """Count an error of ours at `site`, and log it when it is the first one there."""
    with _lock:
        _errors[site] += 1
        first = _errors[site] == 1
    if first:
        _logger.warning(
            "agentotel: %s failed and was skipped (the program is not affected; logged once, then counted): %s: %s",
            site,
            type(error).__name__,
            str(error)[:500],
            exc_info=error if _logger.isEnabledFor(logging.DEBUG) else None,
        )


def errors() -> Mapping[str, int]:
    """Return how often each site has failed since the start (or the last `reset`)."""
    with _lock:
        return dict(_errors)


def configure(*, strict: bool) -> None:
    """Say whether errors are re-raised: loud in tests and with ``AGENTOTEL_STRICT``, silent in production."""
    global _strict  # noqa: PLW0603 - the module owns this state, as its docstring says
    _strict = strict


def is_strict() -> bool:
    """Tell whether errors are re-raised."""
    return _strict


def reset() -> None:
    """Forget all counts, for tests."""
    with _lock:
        _errors.clear()
