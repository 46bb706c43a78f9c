"""Puts aside what versions of the SDK before 1.30 leave open, with or without us: streams of their HTTP servers."""

from __future__ import annotations

import gc
import sys
import warnings

_WARNINGS = ("ignore:Unclosed <MemoryObject:ResourceWarning", "ignore:Exception ignored in. <function MemoryObject")


def ignored():
    """Return the marks for a module of tests; none where it is run as a program, without pytest."""
    pytest = sys.modules.get("pytest")
    return [] if pytest is None else [pytest.mark.filterwarnings(warning) for warning in _WARNINGS]


def collect(_=None):
    """Let them be found now, after the test that is to blame, and not in somebody else's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
