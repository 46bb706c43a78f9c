"""Messages that name the setting, the value and what was expected, on one line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentotel._base.errors import SettingError, printable


def test_a_setting_error_names_all_three():
    """Setting, value and expectation are in the message and on the exception."""
    error = SettingError("AGENTOTEL_X", "a\nb", "a number")
    assert str(error) == r"AGENTOTEL_X=a\nb: expected a number"
    assert (error.setting, error.value, error.expected) == ("AGENTOTEL_X", "a\nb", "a number")


@given(st.text(max_size=400))
def test_any_text_becomes_one_printable_line_of_bounded_length(text):
    """Whatever a user wrote can stand in a message."""
    shown = printable(text, 100)
    assert shown.isprintable()
    assert len(shown) <= 100 * 10 + 40


def test_ordinary_text_stays_as_it_is():
    """Printable text, also in other scripts, is not escaped."""
    assert printable("Größe 尺寸") == "Größe 尺寸"


def test_long_text_says_how_long_it_was():
    """A megabyte is cut, and its length told."""
    assert printable("x" * 1_000_000, 10) == "xxxxxxxxxx... (1000000 characters)"
