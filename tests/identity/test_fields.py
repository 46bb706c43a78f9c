"""Tests of the ids themselves."""

import dataclasses
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel._base import failopen
from agentotel.identity import Identity, attributes, merged, new_request_id
from agentotel.identity.fields import MAX_CHARACTERS, clean, clean_fields

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.integers()),
    st.characters(categories=["Cc", "Cs"]),
    st.just("x" * 1_000_000),
    st.just(10**5000),
    st.builds(object),
)


def test_attributes_hold_only_what_is_known():
    """Unknown ids are absent, known ones stand under the names of the model."""
    identity = Identity(request_id="r", tenant_id="t")
    assert attributes(identity) == {"request.id": "r", "tenant.id": "t"}


def test_attributes_are_built_once():
    """The same mapping is returned each time, so that a span costs one look-up."""
    identity = Identity(user_id="u")
    assert attributes(identity) is attributes(identity)


def test_an_identity_is_a_value():
    """Identities are equal by their ids, usable as keys and cannot be changed."""
    assert {Identity(user_id="u"), Identity(user_id="u")} == {Identity(user_id="u")}
    with pytest.raises(dataclasses.FrozenInstanceError):
        Identity().user_id = "other"
    assert repr(Identity(user_id="u")) == ("Identity(request_id=None, user_id='u', tenant_id=None, session_id=None)")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("u-1", "u-1"),
        (42, "42"),
        (1.5, "1.5"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("  padded ", "padded"),
        ("Zoë 李", "Zoë 李"),
    ],
)
def test_usable_values_become_text_without_a_report(value, expected):
    """Text, numbers and UUIDs are ids."""
    assert clean("user_id", value) == expected
    assert failopen.errors() == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\nb\x00c\x1b[31m", "abc[31m"),
        ("\ud800id", "id"),
        ("x" * 300, "x" * MAX_CHARACTERS),
        (b"bytes", None),
        (True, None),
        ({"id": 1}, None),
        pytest.param(10**5000, None, id="too many digits"),
        ("\n\n", None),
    ],
)
def test_unusable_values_are_cleaned_and_reported(value, expected):
    """Control characters, huge values and wrong types are repaired or left out, and counted."""
    assert clean("user_id", value) == expected
    assert failopen.errors() == {"identity.user_id": 1}


def test_the_report_does_not_show_the_value(caplog):
    """One warning names the field and what was expected; the value may be private."""
    for _ in range(3):
        clean("user_id", "secret-person\n" * 100)
    (record,) = [record for record in caplog.records if record.name == "agentotel"]
    assert "identity.user_id" in record.getMessage()
    assert "256 printable characters" in record.getMessage()
    assert "secret-person" not in record.getMessage()


@given(ANYTHING)
def test_cleaning_never_raises_and_always_gives_a_safe_id(value):
    """Whatever comes, an id is short, printable and can be encoded."""
    text = clean("session_id", value)
    if text is not None:
        assert 0 < len(text) <= MAX_CHARACTERS
        assert text.isprintable()
        assert json.loads(json.dumps(text.encode().decode())) == text


def test_unknown_fields_are_ignored():
    """Only the four fields count, and empty ids count as none."""
    assert clean_fields({"user_id": "", "shoe_size": 42, "tenant_id": "t"}) == {"tenant_id": "t"}


def test_request_ids_are_unique_hex():
    """A made request id is 32 hexadecimal digits and never repeats."""
    made = {new_request_id() for _ in range(100)}
    assert len(made) == 100
    assert all(len(value) == 32 and int(value, 16) >= 0 for value in made)


def test_explicit_ids_win_over_found_ones():
    """What a context said is kept; what it left open is taken from the agent."""
    outer = Identity(request_id="r", user_id="explicit")
    result = merged(outer, {"user_id": "found", "tenant_id": "t", "session_id": None})
    assert result == Identity(request_id="r", user_id="explicit", tenant_id="t")


def test_merging_nothing_new_keeps_the_object():
    """With nothing to add the outer identity itself is used on, with its cached attributes."""
    outer = Identity(request_id="r", user_id="u")
    assert merged(outer, {"user_id": "other", "tenant_id": None}) is outer


def test_merging_without_a_context_makes_a_request_id():
    """An agent that is called outside any context gets a request id of its own."""
    result = merged(None, {"user_id": 7})
    assert result.user_id == "7"
    assert len(result.request_id) == 32


def test_merging_a_bad_found_id_keeps_the_rest():
    """A field of the wrong type on an agent is left out."""
    result = merged(Identity(request_id="r"), {"user_id": object(), "tenant_id": "t"})
    assert result == Identity(request_id="r", tenant_id="t")
