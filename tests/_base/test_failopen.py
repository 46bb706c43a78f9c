"""The one guard."""

from __future__ import annotations

import asyncio
import logging

import pytest

from agentotel._base import failopen


@pytest.fixture(autouse=True)
def _lenient():
    """Errors are swallowed, as in production, and counted from zero."""
    failopen.reset()
    failopen.configure(strict=False)
    yield
    failopen.configure(strict=False)
    failopen.reset()


def fail():
    """Fail as a mapper of ours might."""
    raise ValueError("broken\nsecond line")


def test_a_result_passes_through():
    """What the function returns is what the guard returns."""
    assert failopen.attempt("site", int, "5") == 5


def test_an_error_is_swallowed_counted_and_logged_once(caplog):
    """The second error at the same site is counted without a word."""
    for _ in range(3):
        assert failopen.attempt("openai.request", fail) is None
    assert failopen.errors() == {"openai.request": 3}
    assert len(caplog.records) == 1
    assert "openai.request" in caplog.text


def test_strict_mode_raises():
    """With AGENTOTEL_STRICT the same error is loud."""
    failopen.configure(strict=True)
    with pytest.raises(ValueError, match="broken"):
        failopen.attempt("site", fail)
    assert failopen.errors() == {"site": 1}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_what_belongs_to_the_program_passes(kind):
    """Interrupts, exits and cancellations are never swallowed or counted."""

    def interrupt():
        raise kind

    with pytest.raises(kind):
        failopen.attempt("site", interrupt)
    assert failopen.errors() == {}


def test_the_stack_is_shown_only_to_those_who_debug(caplog):
    """A user sees one line; with DEBUG on the logger there is a traceback."""
    with caplog.at_level(logging.WARNING, "agentotel"):
        failopen.attempt("one", fail)
    assert "Traceback" not in caplog.text
    with caplog.at_level(logging.DEBUG, "agentotel"):
        failopen.attempt("two", fail)
    assert "Traceback" in caplog.text
