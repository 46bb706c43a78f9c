"""Tests of fingerprints."""

from hypothesis import given
from hypothesis import strategies as st

from agentotel.privacy import hash_text


def test_known_value():
    """The fingerprint never changes between versions and machines."""
    assert hash_text("hello") == "a7b6eda801e5347d"


@given(st.text(alphabet=st.characters()), st.text())
def test_same_text_same_fingerprint(first, second):
    """Equal texts have equal fingerprints of 16 hexadecimal digits, different ones different."""
    assert len(hash_text(first)) == 16
    assert int(hash_text(first), 16) >= 0
    if first.encode("utf-8", "replace") != second.encode():
        assert hash_text(first) != hash_text(second)
