"""Tests of finding secrets in text."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel._base.errors import SettingError
from agentotel.privacy import Redactor
from agentotel.privacy.patterns import PATTERNS
from agentotel.privacy.redaction import cut_at_word, is_sensitive_key

REDACTOR = Redactor()

SECRETS = [
    ("private_key", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEow\n-----END RSA PRIVATE KEY-----"),
    ("private_key", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B"),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"),
    ("aws_key", "AKIAIOSFODNN7EXAMPLE"),
    ("aws_key", "AKIAABCDEFGHIJKLMNOP"),
    ("github_token", "ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
    ("github_token", "github_pat_11ABCDEFG0abcdefghij_klmnopqrstuvwxyz"),
    ("gitlab_token", "glpat-abcdefghij1234567890"),
    ("slack_token", "xoxb-123456789012-abcdefghijkl"),
    ("slack_webhook", "hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"),
    ("stripe_key", "sk_live_abcdefghij1234567890"),
    ("anthropic_key", "sk-ant-api03-abcdefghij1234567890"),
    ("openai_key", "sk-proj-abcdefghij_1234567890-abcdefghij"),
    ("openai_key", "sk-abcdefghij1234567890ABCDEFGHIJ"),
    ("google_key", "AIzaSyA1234567890abcdefghijklmnopqrstuv"),
    ("google_key", "ya29.a0AfH6SMBx1234567890abcdefg"),
    ("huggingface_token", "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"),
    ("package_token", "npm_abcdefghijklmnopqrstuvwxyz0123456789"),
    ("sendgrid_key", "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz"),
    ("inference_key", "gsk_abcdefghij1234567890abcdefghij"),
    ("email", "jane.doe+news@mail.example.co.uk"),
    ("email", "käthe@beispiel.de"),
    ("iban", "DE89 3704 0044 0532 0130 00"),
    ("iban", "GB82WEST12345698765432"),
    ("card_number", "4111 1111 1111 1111"),
    ("card_number", "5500-0000-0000-0004"),
    ("card_number", "378282246310005"),
    ("phone", "+49 30 12345678"),
    ("phone", "+1 (415) 555-2671"),
    ("phone", "415-555-2671"),
]

IN_CONTEXT = [
    ("password", 'db.connect(password="', "hunter2 and more", '")'),
    ("password", "DB_PASSWORD=", "hunter2", "\nNEXT=1"),
    ("password", '{"api_key": "', "abc", '"}'),
    ("password", '{\\"client_secret\\": \\"', "abc", '\\"}'),
    ("password", "Server=x;Password=", "p[w]d!", ";Database=y"),
    ("password", "https://x.example/?access_token=", "abc.def", "&page=2"),
    ("password", "aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""),
    ("authorization", "Authorization: Bearer ", "opaque.token", ""),
    ("authorization", '"authorization": "Basic ', "dXNlcjpwYXNz", '"'),
    ("bearer_token", "I sent bearer ", "abcdef123456", " to it"),
    ("url_password", "postgres://user:", "p@ss:w0rd", "@db.internal/shop"),
    ("url_password", "redis://:", "hunter2", "@localhost:6379"),
]

HARMLESS = [
    "basic understanding of bearer certificates, step-by-step",
    "max_tokens: 100, input_tokens=5, the key: value",
    "https://example.com:8080/path?email=none 10.0.0.1 2026-11-22T10:00:00Z",
    "order 1234567812345678, trace 4bf92f3577b34da6a3ce929d0e0e4736, 1732300000000000000 ns",
    "pip install package@1.2.3, sk-learn-something-very-long-indeed",
    "550e8400-e29b-41d4-a716-446655440000 and 3.14159265358979",
    "password reset was asked for; no secret here",
    "DE00370400440532013000 is no IBAN",
]


@pytest.mark.parametrize(("name", "secret"), SECRETS)
@pytest.mark.parametrize("around", ["{}", "it is {}, you know", '{{"text": "{}"}}', "<{}>", "a\n{}\nb"])
def test_secrets_are_replaced(name, secret, around):
    """Each kind of secret is found wherever it stands, counted by its kind, and the rest stays."""
    text, counts = REDACTOR.redact(around.format(secret))
    assert text == around.format(f"[REDACTED:{name}]") or (name == "private_key" and "[REDACTED" in text)
    assert "MIIE" not in text
    assert counts == Counter({name: 1})


@pytest.mark.parametrize(("name", "before", "secret", "after"), IN_CONTEXT)
def test_secrets_that_only_their_context_shows(name, before, secret, after):
    """What stands after ``password=`` and the like is replaced; what it belongs to stays readable."""
    text, counts = REDACTOR.redact(before + secret + after)
    assert text == f"{before}[REDACTED:{name}]{after}"
    assert counts == Counter({name: 1})


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_left_alone(text):
    """What only resembles a secret stays."""
    assert REDACTOR.redact(text) == (text, Counter())


def test_a_card_number_inside_a_longer_row_of_numbers_is_found():
    """What looked like a number and was none does not hide the real one behind it."""
    text, _ = REDACTOR.redact("2345 4111 1111 1111 1111")
    assert "4111" not in text


def test_several_secrets_are_all_counted():
    """Every occurrence is replaced and counted."""
    text, counts = REDACTOR.redact("a@x.org b@x.org AKIAIOSFODNN7EXAMPLE")
    assert text == "[REDACTED:email] [REDACTED:email] [REDACTED:aws_key]"
    assert counts == Counter(email=2, aws_key=1)


PIECES = st.one_of(
    st.sampled_from([secret for _, secret in SECRETS]),
    st.sampled_from([before + secret + after for _, before, secret, after in IN_CONTEXT]),
    st.sampled_from(HARMLESS),
    st.text(max_size=20),
    st.sampled_from(
        [" ", "\n", '"', "'", "\\", ":", "=", "@", "-", ".", "[REDACTED:email]", "Bearer ", "authorization: "]
    ),
)


@given(st.lists(PIECES, max_size=8).map("\n".join))
def test_redacting_twice_changes_nothing(text):
    """The markers are never taken for secrets themselves."""
    once, _ = REDACTOR.redact(text)
    twice, _ = REDACTOR.redact(once)
    assert twice == once


@given(st.text(max_size=50), st.sampled_from(SECRETS), st.text(max_size=50))
def test_no_secret_survives_among_words(before, named, after):
    """With white space around it a secret is found in any text."""
    _, secret = named
    text, counts = REDACTOR.redact(f"{before} {secret} {after}")
    assert secret not in text
    assert counts


ADVERSARIAL = r"""
import json, resource, sys
from agentotel.privacy import Redactor
from agentotel.privacy.patterns import PATTERNS
from agentotel.privacy.redaction import _replace
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
size = 200_000
seeds = json.loads(sys.argv[1])
redactor = Redactor()
for seed in seeds:
    text = (seed * (size // len(seed) + 1))[:size]
    for pattern in PATTERNS:
        _replace(pattern, text + "!")
    print(".", end="")
"""

SEEDS = [
    "a", "1", " ", "-", ".", "@", "A", "=", "/", "\\", '"', "+1", "1 ", "1-", "a.", "a@", "a@a.", "@a.1", "sk-",
    "sk-aaaa-", "eyJ", "eyJaaaaaaaa.", "eyJ.", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\n----", "://", "a://", "a://b:", "a://b:c", "://a:", "password", "password=",
    'password="', "password = \\\\\\", "token:", "authorization: ", "authorization: bearer ", "bearer ",
    "bearer aaaaaaaaa ", "basic a", "glpat-", "glpat-a.", "xox", "hooks.slack.com/services/", "SG.",
    "SG.aaaaaaaaaaaaaaaaaaaa.", "AIza", "AKIA", "ghp_", "github_pat_", "DE89", "DE89 ", "DE89 3704 ", "4111 ",
    "4111-1111-", "4", "42", "+1 (", "+1 (1) ", "555-", "555-555-", "ya29.", "pypi-AgE", "gsk_a-gsk_",
]  # fmt: skip


@pytest.mark.parametrize("part", range(4))
def test_every_pattern_is_linear_on_hostile_text(part):
    """All patterns together get through 200 kB of text made to slow them down, within a limit of CPU time."""
    seeds = [*SEEDS, *(secret for _, secret in SECRETS)][part::4]
    program = subprocess.run(
        [sys.executable, "-c", ADVERSARIAL, json.dumps(seeds)], capture_output=True, text=True, timeout=110
    )
    assert program.returncode == 0, program.stderr[-500:]
    assert program.stdout == "." * len(seeds)


def test_hints_are_lower_case():
    """Hints are compared with the text in lower case."""
    assert all(hint == hint.lower() for pattern in PATTERNS for hint in pattern.hints)


# --- the user's own patterns ---


def test_own_patterns_are_applied_first():
    """A pattern of the user's is found, named and counted."""
    redactor = Redactor({"employee": r"EMP-\d{4}"})
    assert redactor.redact("see EMP-1234") == ("see [REDACTED:employee]", Counter(employee=1))


@pytest.mark.parametrize("expression", ["(", "*a", "[z-a]", "(?P<1>x)"])
def test_own_patterns_that_do_not_compile_are_named(expression):
    """A wrong expression is refused with its name and the reason."""
    with pytest.raises(SettingError, match=r"^AGENTOTEL_REDACT=mine=.* expected a regular expression \("):
        Redactor({"mine": expression}, setting="AGENTOTEL_REDACT")


@pytest.mark.parametrize("expression", ["x*", "", "a|"])
def test_own_patterns_that_match_nothing_are_refused(expression):
    """An expression that matches the empty text would be everywhere."""
    with pytest.raises(SettingError, match="empty text"):
        Redactor({"mine": expression})


def test_text_beyond_the_limit_is_removed_unsearched():
    """What no pattern has seen does not leave, and a secret at the cut is not left in half."""
    redactor = Redactor(max_characters=100)
    text, _ = redactor.redact("word " * 18 + "AKIAIOSFODNN7EXAMPLE " + "tail " * 100)
    assert text.startswith("word " * 18)
    assert "AKIA" not in text
    assert text.endswith(" characters]")
    assert "tail" not in text


def test_cutting_at_a_word():
    """Only a word that was cut is dropped."""
    assert cut_at_word("one two", 100) == "one two"
    assert cut_at_word("one two three", 9) == "one two "
    assert cut_at_word("x" * 2000, 1000) == "x" * 488
    assert cut_at_word("abc", 0) == ""
    assert cut_at_word("abc", -1) == ""


@pytest.mark.parametrize(
    ("key", "sensitive"),
    [
        ("password", True), ("db_password", True), ("X-Api-Key", True), ("apiKey", True), ("clientSecret", True),
        ("Authorization", True), ("access_token", True), ("Set-Cookie", True),
        ("max_tokens", False), ("token_count", False), ("author", False), ("key", False), ("name", False),
    ],
)  # fmt: skip
def test_sensitive_keys(key, sensitive):
    """Keys are recognised in every spelling, and counts of tokens are not taken for tokens."""
    assert is_sensitive_key(key) is sensitive
