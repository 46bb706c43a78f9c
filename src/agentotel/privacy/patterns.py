"""What secrets and personal data look like, as data.

Every expression takes linear time on any text: it starts only where no character of its own class precedes (the
look-behind), it has no quantifier inside a quantifier that could match the same text in two ways, and it is
searched for only if one of its hints occurs. Where a form alone proves nothing, a check digit decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agentotel.privacy import checks

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of secret.

    Attributes:
        name: What stands in the replacement and on the metric: ``[REDACTED:name]``.
        expression: Finds it. A group called ``secret`` is what is replaced; without one, the whole match.
        hints: Lower-case texts of which one must occur, so that most texts are never searched. Empty: always search.
        end: Given what was found, where the secret in it ends; 0 when it is none.
        overlapping: A real one may begin inside of what only looked like one. Such an expression must be bounded.
    """

    name: str
    expression: re.Pattern[str]
    hints: tuple[str, ...] = ()
    end: Callable[[str], int] | None = None
    overlapping: bool = False


def _token(name: str, form: str, *hints: str, end: Callable[[str], int] | None = None) -> Pattern:
    """Return the pattern of a token that has a prefix of its own."""
    return Pattern(name, re.compile(rf"(?<![A-Za-z0-9]){form}", re.ASCII), hints, end)


_DIGITS = tuple("0123456789")

_QUOTE = r"(?:\\{0,3}[\"'])"
_ASSIGN = rf"{_QUOTE}?\s{{0,4}}(?:=>|:=|[:=])\s{{0,4}}"
_VALUE = (
    r"(?:\\{0,3}\"(?P<double>[^\"\\\r\n]+)"
    r"|\\{0,3}'(?P<single>[^'\\\r\n]+)"
    # A closing bracket belongs to the value only if the value goes on behind it.
    r"|(?P<bare>(?:[^\s\"'\\,;&<>)}\]]|[)}\]](?=[^\s\"'\\,;&<>)}\]]))+))"
)
_SAID = tuple(
    f"{what} {verb}"
    for what in ("password", "passphrase", "passwort", "kennwort", "api key", "api-key", "access key", "secret key")
    for verb in ("is", "was", "ist", "lautet")
)
"""How people write a password into a sentence."""

_SPACE = r"[ .\xa0\u2009\u202f-]"
_SCHEME = r"(?:bearer|basic|digest|token|negotiate|apikey)\s{1,4}"

PATTERNS: Final = (
    # Keys and tokens with a prefix of their own come first, so that the marker names what it was.
    Pattern(
        "private_key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]|-(?!----)){0,20000}"
            r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
        ("private key",),
    ),
    _token("jwt", r"(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){2,4}", "eyj"),
    _token(
        "aws_key",
        r"(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        "akia", "asia", "aroa", "aida", "agpa", "anpa", "anva", "abia", "acca",
    ),
    _token("github_token", r"(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{22,})", "gh", "github_pat_"),
    _token("gitlab_token", r"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-[\w.-]{20,}", "gl"),
    _token("slack_token", r"(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}", "xox", "xapp-"),
    _token("slack_webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{10,}", "hooks.slack.com"),
    _token("stripe_key", r"(?:(?:sk|rk|pk)_(?:live|test)_|whsec_)[A-Za-z0-9]{10,}", "_live_", "_test_", "whsec_"),
    _token("anthropic_key", r"sk-ant-[\w-]{16,}", "sk-ant-"),
    _token("openai_key", r"sk-[\w-]{20,}", "sk-", end=checks.end_if_random),
    _token("google_key", r"(?:AIza[\w-]{35}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,})", "aiza", "gocspx-", "ya29."),
    _token("huggingface_token", r"(?:hf|api_org)_[A-Za-z0-9]{30,}", "hf_", "api_org_"),
    _token("package_token", r"(?:npm_[A-Za-z0-9]{30,}|pypi-AgE[\w-]{50,})", "npm_", "pypi-age"),
    _token("sendgrid_key", r"SG\.[\w-]{16,}\.[\w-]{16,}", "sg."),
    _token(
        "inference_key",
        r"(?:(?:gsk_|xai-|r8_|pplx-|nvapi-|tvly-|lsv2_(?:pt|sk)_|pcsk_|tgp_v1_|jina_)[\w-]{20,}|csk-[A-Za-z0-9]{40,}"
        r"|fw_[A-Za-z0-9]{20,}|(?:fc-|e2b_|sk_)[0-9a-f]{32,}|ABSK[A-Za-z0-9+/]{100,}={0,2})",
        "gsk_", "xai-", "r8_", "pplx-", "nvapi-", "tvly-", "lsv2_", "pcsk_", "tgp_v1_", "jina_", "csk-", "fw_", "fc-",
        "e2b_", "sk_", "absk",
        end=checks.end_if_random,
    ),
    _token(
        "service_token",
        r"(?:(?:shp(?:at|ca|pa|ss)_|sq0(?:atp|csp)-|lin_api_|ntn_|figd_|ATATT3|dckr_pat_|gl(?:sa|c)_|NRAK-|PMAK-"
        r"|sntry[su]_|pscale_(?:tkn|pw|oauth)_|AGE-SECRET-KEY-1|1//0|hv[sbr]\.|dp\.(?:pt|st|sa)\.)[\w-]{20,}"
        r"|(?:do[opr]_v1_|dapi|rubygems_|sbp_|pul-|key-)[0-9a-f]{32,}|secret_[A-Za-z0-9]{43}(?!\w)"
        r"|[0-9a-f]{32}-us\d{1,2}(?!\w)|pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,})",
        "shp", "sq0", "lin_api_", "ntn_", "figd_", "atatt3", "dckr_pat_", "glsa_", "glc_", "nrak-", "pmak-", "sntry",
        "pscale_", "age-secret-key-", "1//0", "hvs.", "hvb.", "hvr.", "dp.", "_v1_", "dapi", "rubygems_", "sbp_",
        "pul-", "key-", "secret_", "-us", "pat", ".atlasv1.",
        end=checks.end_if_random,
    ),
    _token(
        "bot_token",
        r"(?:\d{8,10}:AA[\w-]{33}|[MNO][A-Za-z0-9]{23,25}\.[\w-]{6}\.[\w-]{27,38})(?![\w-])",
        ":aa", ".",
    ),
    _token(
        "webhook",
        r"(?:discord(?:app)?\.com/api/webhooks/\d{15,20}/|[\w-]{1,63}\.webhook\.office\.com/webhookb2/)[\w@/-]{20,}",
        "/api/webhooks/", "webhook.office.com",
    ),
    Pattern(
        "url_signature",
        re.compile(
            r"[?&](?:sig|signature|x-(?:amz|goog)-(?:signature|security-token))=(?P<secret>[\w%+/=.~-]{16,})",
            re.IGNORECASE,
        ),
        ("sig", "-token="),
    ),
    Pattern(
        "url_password",
        re.compile(
            r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s:/@\"'<>]{0,256}:"
            r"(?P<secret>(?!\[REDACTED:)[^\s/\"'<>]{1,512})@"
        ),
        ("://",),
    ),
    Pattern(
        "authorization",
        re.compile(
            rf"authorization{_ASSIGN}{_QUOTE}?(?:{_SCHEME})?"
            rf"(?P<secret>(?!\[REDACTED:|{_SCHEME})[^\s\"'\\,;<>]+)",
            re.IGNORECASE,
        ),
        ("authorization",),
        checks.end_unless_code,
    ),
    Pattern(
        "cookie",
        re.compile(
            rf"(?<![A-Za-z0-9])cookie{_ASSIGN}{_QUOTE}?(?P<secret>[\w.-]{{1,128}}=[^\s;,\"'\\]+"
            r"(?:; {0,4}[\w.-]{1,128}(?:=[^\s;,\"'\\]*)?){0,64})",
            re.IGNORECASE,
        ),
        ("cookie",),
    ),
    Pattern(
        "bearer_token",
        re.compile(r"(?<![A-Za-z0-9])(?:bearer|basic)\s{1,4}(?P<secret>[A-Za-z0-9._~+/=-]{8,})", re.IGNORECASE),
        ("bearer", "basic"),
        checks.end_if_random,
    ),
    Pattern(
        "password",
        re.compile(
            r"(?:passw(?:or)?d|passphrase|passwort|pwd|secret|credential|api[_-]?key|access[_-]?key|account[_-]?key"
            r"|secret[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key"
            r"|(?:(?<![A-Za-z0-9])|access[_-]?|auth[_-]?|refresh[_-]?|session[_-]?|id[_-]?|bot[_-]?|api[_-]?)token)"
            rf"{_ASSIGN}(?!{_QUOTE}?\[REDACTED:){_VALUE}",
            re.IGNORECASE,
        ),
        ("pass", "pwd", "secret", "credential", "key", "token"),
        checks.end_unless_code,
    ),
    Pattern(
        "password",
        re.compile(
            rf"(?:{'|'.join(_SAID)}):?\s{{1,4}}[\"'`]?(?P<secret>(?!\[REDACTED:)[^\s\"'`\\]{{6,}})",
            re.IGNORECASE,
        ),
        _SAID,
        checks.end_if_guessed_well,
    ),
    # On a command line: options that say what they are, and ``-u name:password`` (but not ``-u uid:gid``).
    Pattern(
        "password",
        re.compile(
            r"--(?:[a-z]{1,32}-){0,4}(?:password|passwd|passphrase|secret|token|api-?key|access-key)\s{1,4}[\"']?"
            r"(?P<secret>(?!\[REDACTED:|-)[^\s\"'`\\]{6,})",
            re.IGNORECASE,
        ),
        ("-passw", "-passphrase", "-secret", "-token", "-api", "-access-key"),
        checks.end_if_guessed_well,
    ),
    Pattern(
        "password",
        re.compile(
            r"(?:-u|--user)(?<!\S-u)(?<!\S--user)\s{1,4}[\"']?[\w.@-]{1,128}:(?P<secret>(?!\[REDACTED:|\d+\b)[^\s\"'\\]+)",
        ),
        ("-u ", "-user "),
        checks.end_if_guessed_well,
    ),
    # Personal data.
    Pattern(
        "email",
        re.compile(r"(?<![\w.+%-])(?!git@)[\w.+%-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}"),
        ("@",),
    ),
    Pattern(
        "iban",
        re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}", re.ASCII),
        _DIGITS,
        checks.iban_end,
        overlapping=True,
    ),
    Pattern(
        "card_number",
        re.compile(
            # Not inside of a hexadecimal number: trace ids and hashes hold many rows of digits.
            r"(?<![A-Za-z0-9.])(?:4\d{15}(?:\d{3})?|5\d{15,18}|6\d{15,18}|2[2-7]\d{14}|35\d{14}|3[47]\d{13}|3[0689]\d{12}"
            rf"|[2-6]\d{{3}}({_SPACE})\d{{4}}\1\d{{4}}\1\d{{4}}(?:\1\d{{3}})?|3\d{{3}}({_SPACE})\d{{6}}\2\d{{4,5}})(?![A-Za-z0-9])",
            re.ASCII,
        ),
        _DIGITS,
        checks.luhn_end,
        overlapping=True,
    ),
    Pattern(
        "phone",
        re.compile(
            r"(?=[+(0-9])(?:"  # most characters fail here, at once
            # International, also with dots throughout: one dot alone makes a signed decimal number.
            r"(?<![\w+])\+[1-9]\d{0,2}[ -]?(?:\(\d{1,4}\)[ -]?)?\d(?:[ /-]?\d){6,12}(?!\w|[.,]\d)"
            r"|(?<![\w+])\+[1-9]\d{0,2}\.(?:\d{1,4}(?:\.\d{2,4}){2,5}|\d{9,12})(?![\d.])"
            # North America, China.
            r"|(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}(?![\w-])"
            r"|(?<![\w.+-])1[3-9]\d([ -])\d{4}\1\d{4}(?![\w-])"
            # Elsewhere, with the zeros before an area or country code: not in tables, no dates, no postal codes.
            r"|(?<![\w.,+/:-])(?<!\d )(?!\d\d([ /-])\d\d\2(?:19|20)\d\d(?!\d)|\d{5}-\d{4}(?!\d))"
            r"(?:(?=\d{2,5}[ /-])0[1-9](?:[ /-]?\d){7,10}|00[1-9]\d{0,2}[ /-][1-9(](?:\)?[ /-]?\d){6,11})"
            r"(?!\w|[.,:/-]\d| \d))",
            re.ASCII,
        ),
        _DIGITS,
    ),
    Pattern(
        "phone",
        re.compile(
            r"(?<![A-Za-z])(?:(?:tele)?phone|telefon|tel|mobile|mobil|handy|cell|fax|whatsapp)"
            rf"(?:[ _-]?(?:number|nummer|no|nr))?\.?{_ASSIGN}{_QUOTE}?"
            r"(?P<secret>\+?\(?\d(?:[ ()./-]{0,2}\d){6,14})(?!\w)",
            re.IGNORECASE | re.ASCII,
        ),
        ("phone", "tel", "mobil", "handy", "cell", "fax", "whatsapp"),
    ),
)  # fmt: skip
"""In the order in which they are applied."""

SENSITIVE_KEYS: Final = frozenset({
    "access_key", "account_key", "api_key", "apikey", "auth", "authorization", "bearer", "card_number", "client_secret",
    "connection_string", "cookie", "credential", "credentials", "cvc", "cvv", "mobile_number", "passphrase", "passwd",
    "password", "passwort", "phone_number", "private_key", "proxy_authorization", "pwd", "secret", "secret_key",
    "set_cookie", "subscription_key", "telephone", "token", "x_api_key",
})  # fmt: skip
"""Keys of structured data whose whole value is masked; a key that ends in one of them (``db_password``) as well."""
