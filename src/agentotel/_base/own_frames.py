"""Keeps the frames of wrappers out of the tracebacks that the program prints, catches and logs.

On Python 3.10 they cannot be left out: there a bare ``raise`` puts the traceback back that was caught.
"""

from __future__ import annotations


def leave_out(error: BaseException) -> None:
    """Drop the newest caller from the traceback of `error`: call it first in the ``except`` block that caught it.

    A bare ``raise`` that follows adds no entry for the frame again.
    """
    traceback = error.__traceback__
    if traceback is not None:
        error.__traceback__ = traceback.tb_next
