"""One caster per kind of value: from what the user wrote, in the environment or in TOML, to what is used.

Kinds that only OpenTelemetry's own variables have stand in `agentotel.config.standard_casting`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# Expressions are compiled when they are first needed: this module is imported at each start of a program.
_INTEGER: Final = r"[+-]?[0-9]{1,18}"
_QUANTITY: Final = r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([a-z]*)"
_NAME: Final = r"[A-Za-z0-9_*][A-Za-z0-9_.*-]{0,199}"
_BAGGAGE_KEY: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}"

_TRUE: Final = frozenset({"on", "true", "yes", "1"})
_FALSE: Final = frozenset({"off", "false", "no", "0"})
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES: Final = {
    "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip


class Kind(NamedTuple):
    """What a setting may be.

    A tuple, because creating a dataclass costs a starting program four times as much.

    Attributes:
        expected: What is accepted, as a phrase that completes "expected ...".
        cast: Turns the text, or the value from a TOML file, into what the program works with. It raises
            ValueError for anything that does not fit the phrase.
        mask: Hides the secret parts of a text of this kind.
        empty: What the program works with where nothing is set and there is no default.
    """

    expected: str
    cast: Callable[[object], Any]
    mask: Callable[[str], str] | None = None
    empty: Any = None


def written(raw: object) -> str:
    """Return any raw value as the user could have written it, for messages and displays."""
    if isinstance(raw, list):
        return ", ".join(map(written, raw))
    if isinstance(raw, dict):
        return f"{{{', '.join(f'{key} = {written(value)}' for key, value in raw.items())}}}"
    return text_of(raw) if isinstance(raw, (str, int, float)) else str(raw)


def text_of(raw: object) -> str:
    """Return a single value from the environment or from TOML as text.

    Raises:
        ValueError: It is a list, a table or a date.
    """
    if isinstance(raw, bool):
        return "on" if raw else "off"
    require(isinstance(raw, (str, int, float)))
    return str(raw).strip()


def items_of(raw: object, separator: str) -> list[str]:
    """Return the items of a list, or of a text that separates them, without the empty ones."""
    parts = [text_of(item) for item in raw] if isinstance(raw, list) else text_of(raw).split(separator)
    return [part.strip() for part in parts if part.strip()]


def require(condition: object) -> None:
    """Refuse a value; what is expected instead is said by its `Kind`.

    Raises:
        ValueError: The condition does not hold.
    """
    if not condition:
        raise ValueError("does not fit")


def alternatives(words: Iterable[str]) -> str:
    """Return the words as a phrase: ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _boolean(raw: object) -> bool:
    text = text_of(raw).lower()
    require(text in _TRUE | _FALSE)
    return text in _TRUE


def _text(raw: object) -> str:
    text = text_of(raw)
    require(text.isprintable())
    return text


def _path(raw: object) -> Path:
    text = text_of(raw)
    require(isinstance(raw, str) and not re.search(r"[\x00-\x1f\x7f]", text))
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # nobody knows where the home of that user is
        raise ValueError(str(error)) from error


def _targets(raw: object) -> tuple[object, ...]:
    require(isinstance(raw, (str, list)))
    parts = raw if isinstance(raw, list) else [raw]
    require(all(isinstance(part, (str, dict)) for part in parts))
    targets = ([part] if isinstance(part, dict) else items_of(part, ";") for part in parts)
    return tuple(target for group in targets for target in group)


def _patterns(raw: object) -> tuple[str, ...]:
    patterns = items_of(raw, ";")
    for pattern in patterns:
        try:
            expression = re.compile(pattern)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(str(error)) from error
        # Such a pattern would put its replacement between any two characters.
        require(expression.match("") is None)
    return tuple(patterns)


def _names(pattern: str) -> Callable[[object], frozenset[str]]:
    def cast(raw: object) -> frozenset[str]:
        names = items_of(raw, ",")
        require(all(re.fullmatch(pattern, name) for name in names))
        return frozenset(names)

    return cast


BOOLEAN: Final = Kind("on or off", _boolean)
TEXT: Final = Kind("text without control characters", _text)
PATH: Final = Kind("the path of a file", _path)
NAMES: Final = Kind("names, separated by commas", _names(_NAME), empty=frozenset())
BAGGAGE_KEYS: Final = Kind("keys of baggage, separated by commas", _names(_BAGGAGE_KEY), empty=frozenset())
TARGETS: Final = Kind(
    "targets such as agent=shop.bots:*Bot.answer, separated by semicolons", _targets, empty=()
)  # fmt: skip
PATTERNS: Final = Kind(
    "regular expressions that do not match the empty text, separated by semicolons", _patterns, empty=()
)  # fmt: skip


def whole_number(minimum: int, maximum: int, *words: str) -> Kind:
    """Make the kind of whole numbers from `minimum` to `maximum`; each of `words` means None."""

    def cast(raw: object) -> int | None:
        text = text_of(raw)
        if text.lower() in words:
            return None
        require(re.fullmatch(_INTEGER, text))
        require(minimum <= int(text) <= maximum)
        return int(text)

    return Kind(" or ".join([f"a whole number from {minimum} to {maximum}", *words]), cast)


def number(minimum: float, maximum: float, what: str = "a number") -> Kind:
    """Make the kind of decimal numbers from `minimum` to `maximum`."""

    def cast(raw: object) -> float:
        value = _quantity(raw, {"": 1.0}, "")
        require(minimum <= value <= maximum)
        return value

    return Kind(f"{what} from {minimum:g} to {maximum:g}", cast)


def duration(minimum: str, maximum: str) -> Kind:
    """Make the kind of durations, in seconds, between two written ones."""
    low, high = _quantity(minimum, _SECONDS, "s"), _quantity(maximum, _SECONDS, "s")

    def cast(raw: object) -> float:
        seconds = _quantity(raw, _SECONDS, "s")
        require(low <= seconds <= high)
        return seconds

    return Kind(f"a duration from {minimum} to {maximum}, such as 250ms, 3s, 5m or 7d", cast)


def size(minimum: str, maximum: str) -> Kind:
    """Make the kind of sizes, in bytes, between two written ones (1KB is 1000 bytes, 1KiB is 1024)."""
    low, high = _quantity(minimum, _BYTES, "b"), _quantity(maximum, _BYTES, "b")

    def cast(raw: object) -> int:
        count = _quantity(raw, _BYTES, "b")
        require(low <= count <= high)
        return int(count)

    return Kind(f"a size from {minimum} to {maximum}, such as 16384, 512KB or 1GB", cast)


def _quantity(raw: object, units: Mapping[str, float], plain: str) -> float:
    match = re.fullmatch(_QUANTITY, text_of(raw).lower())
    number_and_unit = match.groups() if match else ("", "unknown")
    unit = number_and_unit[1] or plain
    require(unit in units)
    return float(number_and_unit[0]) * units[unit]


def one_of(*choices: str, also: Mapping[str, str] | None = None) -> Kind:
    """Make the kind of a word out of `choices`, in any case; `also` maps further spellings to a choice."""
    spellings = {choice.lower(): choice for choice in choices} | dict(also or {})

    def cast(raw: object) -> str:
        text = text_of(raw).lower()
        require(text in spellings)
        return spellings[text]

    return Kind(alternatives(choices), cast)


def some_of(*choices: str) -> Kind:
    """Make the kind of a set out of `choices`, separated by commas; ``none`` stands for the empty set."""

    def cast(raw: object) -> frozenset[str]:
        words = {item.lower() for item in items_of(raw, ",")}
        require(words <= {*choices, "none"} and ("none" not in words or len(words) == 1))
        return frozenset(words - {"none"})

    return Kind(f"{alternatives((*choices, 'none'))}, separated by commas", cast)
