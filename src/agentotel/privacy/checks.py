"""Check digits and other tests for text whose form alone does not prove that it is a secret.

Each takes the candidate and returns where the secret ends in it; 0 when it is none.
"""

from __future__ import annotations

import re
from typing import Final

_IBAN_LENGTHS: Final = {
    country: int(length)
    for length, countries in {
        "15": "NO", "16": "BE", "18": "DK FI FO GL NL SD", "19": "MK SI", "20": "AT BA EE KZ LT LU MN XK",
        "21": "CH HR LI LV", "22": "BG BH CR DE GB GE IE ME RS VA", "23": "AE GI IL IQ OM SO TL",
        "24": "AD CZ ES MD PK RO SA SE SK TN VG", "25": "LY PT ST", "26": "IS TR", "27": "BI DJ FR GR IT MC MR SM",
        "28": "AL AZ BY CY DO GT HN HU LB NI PL SV", "29": "BR EG PS QA UA", "30": "JO KW MU YE", "31": "MT SC",
        "32": "LC", "33": "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Length of an IBAN by country, from the registry of ISO 13616."""


def luhn_end(candidate: str) -> int:
    """Accept a payment card number: its last digit is the Luhn check digit of the others."""
    digits = [int(character) for character in candidate if character.isdigit()]
    doubled = [2 * digit - 9 if digit > 4 else 2 * digit for digit in digits[-2::-2]]  # noqa: PLR2004 - digit sum
    return len(candidate) if (sum(doubled) + sum(digits[-1::-2])) % 10 == 0 else 0


def iban_end(candidate: str) -> int:
    """Accept an IBAN: as long as its country says, and 1 modulo 97; words that follow it are not part of it."""
    length = _IBAN_LENGTHS.get(candidate[:2], 0)
    places = [place for place, character in enumerate(candidate) if character != " "]
    if not 0 < length <= len(places):
        return 0
    end = places[length - 1] + 1
    iban = candidate[:end].replace(" ", "")
    number = int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4]))
    followed = candidate[end : end + 1].isalnum()
    return end if number % 97 == 1 and not followed else 0


def end_if_random(candidate: str) -> int:
    """Accept what does not look like words: it holds a digit, a base64 padding, or upper case within a word."""
    looks_random = re.search(r"\d|=$|[a-z][A-Z]|[A-Z]{2}[a-z]", candidate)
    return len(candidate) if looks_random else 0


_PLACEHOLDERS: Final = frozenset({
    "a", "an", "any", "bool", "bytes", "false", "int", "nil", "no", "none", "null", "optional", "required", "str",
    "string", "the", "true", "undefined", "yes",
})  # fmt: skip
"""What stands after ``password:`` or ``token =`` in code and prose, and is none."""

_CODE: Final = re.compile(
    r"(?:os|self|cls|settings|config|options|args|request|response|process\.env)\.\w|(?:Optional|Annotated|Union)\[|getenv\("
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\($|\$\{|\$\(|\{\{"
)


def end_unless_code(candidate: str) -> int:
    """Accept what may be a secret: no type, no constant, no reference to where the secret comes from."""
    word = candidate.rstrip(".,:!?*|").lower()
    return 0 if word in _PLACEHOLDERS or _CODE.match(candidate) else len(candidate)


def end_if_guessed_well(candidate: str) -> int:
    """Accept what looks like a password even though prose surrounds it: random, and no code."""
    candidate = candidate.rstrip(".,;:)")
    return end_if_random(candidate) and end_unless_code(candidate)
