"""Frames of wrappers do not show in what the program prints."""

from __future__ import annotations

import sys
import traceback

import pytest

from agentotel._base.own_frames import leave_out


def broken():
    """Raise."""
    raise ValueError


def wrapper():
    """Call it as a wrapper does."""
    try:
        broken()
    except ValueError as error:
        leave_out(error)
        raise


@pytest.mark.skipif(sys.version_info < (3, 11), reason="a bare raise puts the traceback back before Python 3.11")
def test_the_frame_of_the_caller_is_gone():
    """The traceback goes from whoever called the wrapper straight to what raised."""
    with pytest.raises(ValueError) as caught:
        wrapper()
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["test_the_frame_of_the_caller_is_gone", "broken"]


def test_an_error_without_a_traceback_is_left_alone():
    """One that was never raised has none."""
    error = ValueError()
    leave_out(error)
    assert error.__traceback__ is None
