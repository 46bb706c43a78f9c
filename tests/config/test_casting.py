"""One caster per kind: what each accepts, from the environment and from TOML, and what it refuses."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.config import casting

ACCEPTED = [
    *((casting.BOOLEAN, raw, True) for raw in ("on", "TRUE", "yes", "1", True, " on ", 1)),
    *((casting.BOOLEAN, raw, False) for raw in ("off", "False", "NO", "0", False, 0)),
    (casting.whole_number(1, 10), "10", 10),
    (casting.whole_number(1, 10), 3, 3),
    (casting.whole_number(0, 10, "unset"), "Unset", None),
    (casting.number(0, 1), "0.25", 0.25),
    (casting.number(0, 1), 1, 1.0),
    (casting.duration("1ms", "10d"), "250ms", 0.25),
    (casting.duration("1ms", "10d"), "3s", 3.0),
    (casting.duration("1ms", "10d"), "1.5m", 90.0),
    (casting.duration("1ms", "10d"), "2 h", 7200.0),
    (casting.duration("1ms", "10d"), "1W", 604800.0),
    (casting.duration("1ms", "10d"), 90, 90.0),
    (casting.size("1", "10TB"), "16384", 16384),
    (casting.size("1", "10TB"), "512KB", 512_000),
    (casting.size("1", "10TB"), "4KiB", 4096),
    (casting.size("1", "10TB"), "1gb", 10**9),
    (casting.one_of("genai", "guide"), "GUIDE", "guide"),
    (casting.one_of("ON_TOP", also={"true": "ON_TOP"}), "True", "ON_TOP"),
    (casting.some_of("agent", "gen_ai"), "agent, GEN_AI,", frozenset({"agent", "gen_ai"})),
    (casting.some_of("agent", "gen_ai"), "none", frozenset()),
    (casting.some_of("agent", "gen_ai"), ["agent"], frozenset({"agent"})),
    (casting.some_of("agent", "gen_ai"), [], frozenset()),
    (casting.NAMES, "openai, *,requests", frozenset({"openai", "*", "requests"})),
    (casting.BAGGAGE_KEYS, "request.id,tenant.id", frozenset({"request.id", "tenant.id"})),
    (casting.TEXT, "søren's agent", "søren's agent"),
    (casting.PATH, "/tmp/prices.toml", Path("/tmp/prices.toml")),
    (casting.PATTERNS, "a+; b{2};", ("a+", "b{2}")),
    (casting.PATTERNS, ["a;b", "c"], ("a;b", "c")),
    (casting.TARGETS, "agent=a:B.c; tool=d:e;", ("agent=a:B.c", "tool=d:e")),
    (
        casting.TARGETS,
        ["agent=a:B.c", {"kind": "tool", "target": "d:e"}],
        ("agent=a:B.c", {"kind": "tool", "target": "d:e"}),
    ),
]

REFUSED = [
    *((casting.BOOLEAN, raw) for raw in ("maybe", "2", "", [], {}, dt.date(2026, 1, 1))),
    *((casting.whole_number(1, 10), raw) for raw in ("0", "11", "1.0", "\u0661", "1_0", "abc", "9" * 5000, True, [1])),
    *((casting.number(0, 1), raw) for raw in ("1.1", "-0.1", "nan", "inf", "1e-1", "0,5", "1s")),
    *((casting.duration("1s", "1d"), raw) for raw in ("2d", "10ms", "3 weeks", "-3s", "s", "1" * 400)),
    *((casting.size("1KB", "1GB"), raw) for raw in ("1", "2GB", "1XB", "-1KB", "KB")),
    *((casting.one_of("genai", "guide"), raw) for raw in ("genai,guide", "other", 1)),
    *((casting.some_of("agent", "gen_ai"), raw) for raw in ("agent,other", "none,agent", {"agent": True})),
    (casting.NAMES, "two words"),
    (casting.BAGGAGE_KEYS, "request id"),
    (casting.TEXT, "line\nbreak"),
    *((casting.PATH, raw) for raw in ("nul\0", "a\nb", "\x1b[2J", 5, ["a"], "~nobody-has-this-name-x/prices.toml")),
    *((casting.PATTERNS, raw) for raw in ("(", "a*", "[[a]", "a{1000000000000}", "(" * 10_000)),
    *((casting.TARGETS, raw) for raw in (5, {"kind": "tool"}, ["agent=a:B.c", 5], True)),
]


@pytest.mark.parametrize(("kind", "raw", "value"), ACCEPTED)
def test_accepts(kind, raw, value) -> None:
    """A value of the right form becomes what the program works with, of the right type."""
    cast = kind.cast(raw)
    assert cast == value
    assert type(cast) is type(value) or isinstance(cast, Path)


@pytest.mark.parametrize(("kind", "raw"), REFUSED)
def test_refuses(kind, raw) -> None:
    """A value of the wrong form, type or range is refused with ValueError and with nothing else."""
    with pytest.raises(ValueError):
        kind.cast(raw)


@given(st.floats(min_value=0.001, max_value=86_399, allow_nan=False).map(lambda value: round(value, 3)))
def test_a_duration_in_any_unit_is_the_same_duration(seconds) -> None:
    """Milliseconds, seconds and minutes are only ways of writing the same time."""
    kind = casting.duration("0s", "1d")
    assert kind.cast(f"{seconds:.3f}") == pytest.approx(kind.cast(f"{seconds * 1000:.0f}ms"))
    assert kind.cast(f"{seconds:.3f}s") == pytest.approx(kind.cast(f"{seconds / 60:.9f}m"), abs=1e-6)


def test_anything_can_be_written_down_again() -> None:
    """Every TOML value has a text for messages, nested ones too."""
    raw = ["agent=a:B.c", {"kind": "tool", "strict": True}, dt.date(2026, 1, 1), 1.5]
    assert casting.written(raw) == "agent=a:B.c, {kind = tool, strict = on}, 2026-01-01, 1.5"


def test_alternatives_read_as_a_phrase() -> None:
    """What is expected is told in English."""
    assert casting.alternatives(["a"]) == "a"
    assert casting.alternatives(["a", "b", "c"]) == "a, b or c"
