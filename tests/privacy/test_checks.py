"""Tests of check digits."""

import pytest

from agentotel.privacy.checks import end_if_guessed_well, end_if_random, end_unless_code, iban_end, luhn_end


@pytest.mark.parametrize("number", ["4111 1111 1111 1111", "378282246310005", "6011-1111-1111-1117", "30569309025904"])
def test_real_card_numbers(number):
    """The usual test numbers of the card companies are accepted, and one wrong digit is noticed."""
    assert luhn_end(number) == len(number)
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert luhn_end(wrong) == 0


@pytest.mark.parametrize(
    "iban",
    ["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"],
)
def test_real_ibans(iban):
    """The examples of the registry are accepted, and swapped digits are noticed."""
    assert iban_end(iban) == len(iban)
    assert iban_end(iban + " AND MORE") == len(iban)
    assert iban_end(iban[:2] + iban[3] + iban[2] + iban[4:]) == 0


def test_no_ibans():
    """Unknown countries, too short texts and text that goes on are none."""
    assert iban_end("ZZ89370400440532013000") == 0
    assert iban_end("DE8937040044") == 0
    assert iban_end("DE89370400440532013000X") == 0


@pytest.mark.parametrize(
    ("text", "random"),
    [("understanding", False), ("step-by-step", False), ("abc1", True), ("dXNlcg==", True), ("camelCase", True)],
)
def test_words_are_not_random(text, random):
    """Plain words are told from tokens."""
    assert bool(end_if_random(text)) is random


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("hunter2", True), ("correct", True), ("p[w]d!", True), ("a.b", True), ("None", False), ("str", False),
        ("required.", False), ("os.environ[", False), ("self.password", False), ("tokenizer.next(", False),
        ("${KEY}", False),
    ],
)  # fmt: skip
def test_code_is_no_secret(text, secret):
    """Types, constants and references to where a secret comes from are told from secrets."""
    assert bool(end_unless_code(text)) is secret


@pytest.mark.parametrize(("text", "end"), [("hunter2.", 7), ("hunter2", 7), ("required", 0), ("self.token1", 0)])
def test_a_password_in_prose_is_not_a_word(text, end):
    """It ends before the punctuation of the sentence, and has to look random."""
    assert end_if_guessed_well(text) == end
