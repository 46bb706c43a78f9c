"""Tests of finding secrets in text."""

import json
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import assume, given
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
    ("inference_key", "tvly-dev-abcdefghij1234567890"),
    ("inference_key", "lsv2_pt_0123456789abcdef0123456789abcdef_0123456789"),
    ("inference_key", "fc-0123456789abcdef0123456789abcdef"),
    ("inference_key", "ABSK" + "QmVkcm9ja0" * 11 + "="),
    ("service_token", "dop_v1_" + "0123456789abcdef" * 4),
    ("service_token", "shpat_0123456789abcdef0123456789abcdef"),
    ("service_token", "dapi0123456789abcdef0123456789abcdef"),
    ("service_token", "dckr_pat_abcdefghij1234567890_ABCDEF"),
    ("service_token", "hvs.abcdefghij1234567890ABCDEFGHIJ"),
    ("service_token", "glsa_abcdefghij1234567890ABCDEFGHIJKL_0123abcd"),
    ("service_token", "ATATT3xFfGF0abcdefghij1234567890=ABCDEF12".partition("=")[0]),
    ("service_token", "1//0abcdefghij1234567890-abcdefghij_1234567890"),
    ("service_token", "0123456789abcdef0123456789abcdef-us12"),
    ("bot_token", "123456789:AAabcdefghij1234567890abcdefghij-_1"),
    ("webhook", "discord.com/api/webhooks/123456789012345678/abcdefghij1234567890abcdefghij"),
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
    ("phone", "(415) 555-2671"),
    ("phone", "1-415-555-2671"),
    ("phone", "+1.415.555.2671"),
    ("phone", "+1.4155552671"),
    ("phone", "+49 (0) 30 123456"),
    ("phone", "+49 30/1234567"),
    ("phone", "030 12345678"),
    ("phone", "0171-1234567"),
    ("phone", "030/123 45 67"),
    ("phone", "020 7946 0958"),
    ("phone", "07700 900123"),
    ("phone", "+44 (0)20 7946 0958"),
    ("phone", "06 12 34 56 78"),
    ("phone", "+33 6 12 34 56 78"),
    ("phone", "044 668 18 00"),
    ("phone", "0041 44 668 18 00"),
    ("phone", "03-1234-5678"),
    ("phone", "138-0013-8000"),
    ("phone", "+91 98765 43210"),
    ("phone", "+55 (11) 91234-5678"),
    ("phone", "+39 06 6982"),
    ("card_number", "4111.1111.1111.1111"),
    ("card_number", "4111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111\N{NO-BREAK SPACE}1111"),
    ("card_number", "3782 822463 10005"),
    ("card_number", "2223003122003222"),
    ("card_number", "30569309025904"),
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
    ("url_signature", "https://a.example/b?sv=1&sig=", "abcdefghij1234567890%3D", "&se=2"),
    ("cookie", "Cookie: ", "session=abc123; csrf=def456", ""),
    ("cookie", "Set-Cookie: ", "sid=abc123; Path=/; HttpOnly", "\nNext: 1"),
    ("password", "my password is ", "hunter2!", ""),
    ("password", "Das Passwort lautet: ", "geheim123", " und mehr"),
    ("password", "tool --db-password ", "hunter2hunter", " --verbose"),
    ("password", "curl -u admin:", "hunter2", " https://a.example/"),
    ("phone", '"phone": "', "4155552671", '"'),
    ("phone", "Tel.: ", "(0171) 1234567", "."),
    ("phone", "phone_number=", "00491711234567", ""),
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
    "00-1186879e512288276843f01b014513a0-60776875262398d4-01",
    "1186879e-5122-8827-6843-12b1b014513a 0d8d8f28-88da-0072-8414-6a534439f256",
    "commit 27a4a708877694f497a435309333562824699bb5",
    "20160130194622 2505672624927 4041586337305 978-1-002-61567-7 02063-6875",
    "01.02.2026 10:15, 01-02-2026 10:15, 02/03/2026, 05 12 2026 10 30, +861.326108, +12.5, +1250000",
    "01 02 03 04 05 06 07 08 and 100 200 3000 and 0453 8269 6548 4807 7231",
    "token: str | None = None, password: Optional[str] = None, api_key=None",
    "token = tokenizer.next_token(), secret_key = os.environ['KEY'], password=${PASSWORD}",
    "docker run -u 1000:1000 --max-tokens 100000 --token count",
    "the password is required, the api key is missing",
    "git clone git@github.com:acme/shop.git",
    "cookie: a small cake; fc-barcelona-gegen-real-madrid key-value-stores-are-good",
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
    """With white space around it a secret is found in any text; but a phone number not in a table of numbers."""
    kind, secret = named
    assume(kind != "phone" or not (before[-1:].isdecimal() or after[:1].isdecimal()))
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
    "--a-", "--token ", "-u a:", " -u a:b", "cookie: a=b; ", "cookie: a=b;a;", "cookie: a", "password is ", "0171 ",
    "01 ", "0041 ", "00", "138-", "+1.1.", "+1.11", "phone: 1 ", "tel: (1", "phone phone: 1(", "?sig=", "&sig=a",
    "dop_v1_", "key-0", "a-.webhook.office.com/webhookb2/", "-", "a0-us", "M.a.", "1:AA", "1//0", "ABSK", "pat",
    "a.atlasv1.", "sk_", "hvs.",
    "4111-1111-", "4", "42", "+1 (", "+1 (1) ", "555-", "555-555-", "ya29.", "pypi-AgE", "gsk_a-gsk_",
]  # fmt: skip


@pytest.mark.parametrize("part", range(6))
def test_every_pattern_is_linear_on_hostile_text(part):
    """All patterns together get through 200 kB of text made to slow them down, within a limit of CPU time."""
    seeds = [*SEEDS, *(secret for _, secret in SECRETS)][part::6]
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
        ("Authorization", True), ("access_token", True), ("Set-Cookie", True), ("phoneNumber", True), ("cvv", True),
        ("max_tokens", False), ("token_count", False), ("author", False), ("key", False), ("name", False),
    ],
)  # fmt: skip
def test_sensitive_keys(key, sensitive):
    """Keys are recognised in every spelling, and counts of tokens are not taken for tokens."""
    assert is_sensitive_key(key) is sensitive
