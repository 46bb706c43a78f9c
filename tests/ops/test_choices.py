"""What the user can choose, and in which form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel._base.errors import SettingError
from agentotel.ops.choices import NAMES, Choices, checked, from_document, is_loopback, validated


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("layout", "host", "host"),
        ("service_name", "shop/web-1", "shop/web-1"),
        ("endpoint", "http://collector.example:4318/", "http://collector.example:4318"),
        ("protocol", "grpc", "grpc"),
        ("bind", "0.0.0.0", "0.0.0.0"),
        ("bind", "::1", "[::1]"),
        ("bind", "[::1]", "[::1]"),
        ("retention", "1y6w", "1y6w"),
        ("log_retention", "7d", "7d"),
        ("log_retention", "24h", "24h"),
        ("trace_retention", "2d12h", "60h"),
        ("grafana_url", "https://grafana.example/sub", "https://grafana.example/sub"),
    ],
)
def test_a_usable_choice_is_kept(name, text, kept):
    """In the form that the files need."""
    assert checked(name, text) == kept


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("layout", "cloud"),
        ("service_name", "two words"),
        ("service_name", "$(id)"),
        ("endpoint", "collector.example:4318"),
        ("endpoint", "http://collector.example:99999"),
        ("endpoint", "ftp://collector.example"),
        ("endpoint", "http://a b"),
        ("protocol", "http/json"),
        ("bind", "localhost"),
        ("retention", "15"),
        ("retention", "0d"),
        ("retention", "d"),
        ("retention", "5d1w"),
        ("log_retention", "23h"),
        ("trace_retention", "59m"),
        ("grafana_url", "https://grafana.example/?orgId=1"),
        ("prometheus_url", "https://monitoring.example/prometheus"),
        ("grafana_url", "https://grafana.example/${HOME}"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_is_expected(name, text):
    """The message has the option, the text and the form."""
    with pytest.raises(SettingError, match=rf"^--{name.replace('_', '-')}=.*: expected ") as raised:
        checked(name, text)
    assert text in str(raised.value)


def test_credentials_are_neither_taken_nor_shown():
    """They do not belong into files that everybody may read, nor into messages."""
    with pytest.raises(SettingError, match=r"//\*\*\*@collector") as raised:
        checked("endpoint", "https://user:sesame@collector.example")
    assert "sesame" not in str(raised.value)


def test_what_is_not_given_is_no_choice():
    """None and an empty text leave what the pack has."""
    assert validated({"bind": None, "retention": "", "protocol": "grpc"}) == Choices(protocol="grpc")


def test_the_first_choice_counts():
    """Later sources fill in what is missing."""
    first, second = Choices(bind="0.0.0.0", retention="3d"), Choices(retention="9d", protocol="grpc")
    assert first.or_else(second) == Choices(bind="0.0.0.0", retention="3d", protocol="grpc")


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.sampled_from(NAMES), inner))
)
def test_any_document_gives_choices_that_are_valid(document):
    """A manifest that somebody has edited never brings anything into the files that an option would refuse."""
    made = from_document(document).made()
    assert {name: checked(name, text) for name, text in made.items()} == made


def test_choices_survive_their_document():
    """What was chosen is chosen the next time."""
    chosen = Choices(bind="[::1]", endpoint="http://collector.example:4318", log_retention="48h")
    assert from_document(chosen.made()) == chosen


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("[::1]", True), ("localhost", True), ("0.0.0.0", False), ("collector.example", False)],
)
def test_addresses_that_only_this_machine_reaches(host, loopback):
    """Everything else may be reached from elsewhere."""
    assert is_loopback(host) is loopback
