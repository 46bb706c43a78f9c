"""Replaces secrets and personal data in text by ``[REDACTED:kind]``."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import SettingError
from agentotel.privacy.patterns import PATTERNS, SENSITIVE_KEYS, Pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_WORD: Final = 512

_HARMLESS_LETTERS: Final = 16
"""No built-in pattern matches a single word of so few letters: roles, types and most keys need no search."""

_VALUE_GROUPS: Final = ("secret", "double", "single", "bare")
_SENSITIVE_ENDINGS: Final = tuple(f"_{key}" for key in SENSITIVE_KEYS)


class Redactor:
    """Finds the secrets of `agentotel.privacy.patterns` and of the user's own patterns.

    Args:
        patterns: The user's own regular expressions by name; the name stands in the replacement.
        max_characters: Text beyond this is removed before anything is searched, because what no pattern has seen
            must not leave, and because a user's expression may be slow.
        setting: The setting that the patterns come from, for the message.

    Raises:
        SettingError: An expression does not compile, or matches the empty text.
    """

    def __init__(
        self,
        patterns: Mapping[str, str] | None = None,
        *,
        max_characters: int = 1_048_576,
        setting: str = "AGENTOTEL_REDACT",
    ) -> None:
        """Compile the user's patterns."""
        own = [_compiled(name, expression, setting) for name, expression in (patterns or {}).items()]
        self._only_built_in = not own
        self._patterns = (*own, *PATTERNS)
        self._max_characters = max_characters

    def redact(self, text: str) -> tuple[str, Counter[str]]:
        """Return `text` without secrets, and how often each kind was replaced."""
        counts: Counter[str] = Counter()
        if len(text) <= _HARMLESS_LETTERS and text.isalpha() and self._only_built_in:
            return text, counts
        if len(text) > self._max_characters:
            kept = cut_at_word(text, self._max_characters)
            text = f"{kept}…[truncated {len(text) - len(kept)} characters]"
        lower = text.lower()
        for pattern in self._patterns:
            if not pattern.hints or any(hint in lower for hint in pattern.hints):
                text, replaced = _replace(pattern, text)
                if replaced:
                    counts[pattern.name] += replaced
        return text, counts


def cut_at_word(text: str, limit: int) -> str:
    """Return the first `limit` characters of `text` without the word at their end, if that may have been cut.

    Half a secret has the form of none: it would not be found, and still be half a secret.
    """
    if len(text) <= limit:
        return text
    kept = text[: max(limit, 0)]
    end = kept[-_LONGEST_WORD:]
    if not end or end[-1].isspace():
        return kept
    return kept[: len(kept) - len(end.rsplit(maxsplit=1)[-1])]


def is_sensitive_key(key: str) -> bool:
    """Tell whether a value under `key` is masked whatever it is: ``password``, ``X-Api-Key``, ``db_password``."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])|[-. ]", "_", key[:128]).lower()
    return name in SENSITIVE_KEYS or name.endswith(_SENSITIVE_ENDINGS)


def _compiled(name: str, expression: str, setting: str) -> Pattern:
    """Return a user's pattern, or say what is wrong with it."""
    try:
        compiled = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise SettingError(setting, f"{name}={expression}", f"a regular expression ({error})") from error
    if compiled.search(""):
        raise SettingError(setting, f"{name}={expression}", "an expression that does not match the empty text")
    return Pattern(re.sub(r"\W", "_", name)[:64] or "custom", compiled)


def _replace(pattern: Pattern, text: str) -> tuple[str, int]:
    """Return `text` with all matches of `pattern` replaced, and their number."""
    marker = f"[REDACTED:{pattern.name}]"
    pieces: list[str] = []
    done = position = count = 0
    while (match := pattern.expression.search(text, position)) is not None:
        start, end = _secret(match)
        if pattern.end is not None:
            end = start + pattern.end(text[start:end])
        if end <= start:
            position = match.start() + 1 if pattern.overlapping else match.end()
            continue
        pieces += (text[done:start], marker)
        done = position = end
        count += 1
    return "".join((*pieces, text[done:])) if count else text, count


def _secret(match: re.Match[str]) -> tuple[int, int]:
    """Return where the secret is: the group that stands for it, else the whole match."""
    for group in _VALUE_GROUPS:
        if group in match.re.groupindex and match.group(group) is not None:
            return match.span(group)
    return match.span()
