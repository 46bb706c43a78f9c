"""Tests of byte budgets."""

import re

from hypothesis import given
from hypothesis import strategies as st

from agentotel.privacy import ByteBudget, truncate
from agentotel.privacy.budgets import utf8_length

TEXT = st.text(st.characters(codec="utf-8"), max_size=300)


def test_short_text_is_returned_as_it_is():
    """Within the budget nothing is copied or changed."""
    text = "hällo"
    assert truncate(text, 6) == (text, False)


def test_marker_states_what_is_missing():
    """The cut text ends in the number of bytes that were removed."""
    kept, cut = truncate("x" * 100, 50)
    assert cut
    assert kept == "x" * 26 + "…[truncated 74 bytes]"


def test_bytes_that_were_removed_before_are_counted():
    """A caller that has cut already gets a marker over everything that is missing."""
    assert truncate("abc", 100, already_removed=7) == ("abc…[truncated 7 bytes]", True)


@given(TEXT, st.integers(min_value=-5, max_value=400), st.integers(min_value=0, max_value=50))
def test_the_budget_holds_and_the_marker_is_true(text, max_bytes, removed):
    """Whatever the text, the result fits, is valid UTF-8, and kept plus removed is all there was."""
    kept, cut = truncate(text, max_bytes, removed)
    assert len(kept.encode()) <= max(max_bytes, 0)
    if not cut:
        assert kept == text
        return
    marker = re.search(r"…\[truncated (\d+) bytes\]\Z", kept)
    if marker is None:
        assert text.startswith(kept)
        return
    head = kept[: marker.start()]
    assert text.startswith(head)
    assert len(head.encode()) + int(marker[1]) == len(text.encode()) + removed


@given(TEXT, st.integers(min_value=0, max_value=400))
def test_cutting_twice_changes_nothing(text, max_bytes):
    """What was cut to a budget fits that budget."""
    once, _ = truncate(text, max_bytes)
    assert truncate(once, max_bytes) == (once, False)


def test_text_that_cannot_be_encoded_is_cut_all_the_same():
    """Lone surrogates do not raise."""
    kept, cut = truncate("\ud800" * 100, 50)
    assert cut
    assert len(kept.encode()) <= 50


@given(st.text(alphabet=st.characters(), max_size=50), st.integers(min_value=1, max_value=3000))
def test_length_in_utf8(text, repeat):
    """The length is that of the encoded text, also over several chunks."""
    assert utf8_length(text * repeat) == len((text * repeat).encode("utf-8", "replace"))


def test_a_span_spends_one_budget():
    """Attributes are cut to their own limit and to what the earlier ones have left."""
    span = ByteBudget(attribute_bytes=100, span_bytes=150).for_span()
    assert span.next_bytes == 100
    first, cut_first = span.spend("a" * 500)
    second, cut_second = span.spend("b" * 500)
    third, cut_third = span.spend("c" * 500)
    assert (len(first.encode()), len(second.encode()), third) == (100, 50, "")
    assert (cut_first, cut_second, cut_third) == (True, True, True)
    assert span.next_bytes == 0


def test_spans_do_not_share_their_budget():
    """Each span starts with everything."""
    budget = ByteBudget(attribute_bytes=10, span_bytes=10)
    budget.for_span().spend("x" * 10)
    assert budget.for_span().spend("y" * 10) == ("y" * 10, False)
