"""Parses what the user wants patched: ``AGENTOTEL_TARGETS`` and the ``targets`` of a configuration file.

The text form is a list separated by ``;`` or line ends; options follow in brackets or after commas::

    agent=shop.bots:*Bot.answer; tool=shop.tools:search_*; model=shop.llm:Client.complete
    agent=shop.bots:*Bot.answer[usage=result.meta.tokens,name=self.title]
    agent=shop.bots:*Bot.answer,usage=result.meta.tokens,name=self.title

The table form, in ``[tool.agentotel]`` of pyproject.toml or in agentotel.toml, is a list of such texts and
tables::

    targets = [
        "agent=shop.bots:*Bot.answer",
        {kind = "tool", target = "shop.tools:search_*", name = "self.title", outcome = "result.ok"},
    ]

Left of the colon stands the module, right of it a function, a class, or a class and its method. Each part may
be a glob (``*``, ``?``, ``[abc]``; upper and lower case differ). Options are paths from ``self`` (the
object), ``arguments`` (of the call, by name) or ``result``, through attributes, keys and positions:
``self.title``, ``result.choices.0.ok``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from agentotel._base.errors import TargetError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["agent", "tool", "model", "step", "workflow", "pool"]
KINDS: tuple[str, ...] = get_args(Kind)

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "name": ("self", "arguments"),
    "id": ("self", "arguments"),
    "usage": ("result", "self"),
    "outcome": ("result", "self"),
}
"""The options of a target, each with where its path may start (a name is needed before there is a result)."""

_EXAMPLE_STEPS: Mapping[str, str] = {"name": "title", "id": "key", "usage": "meta.tokens", "outcome": "ok"}
EXAMPLE = "agent=shop.bots:SupportBot.answer"
_GLOB_NAME = r"[\w*?\[\]!-]+"
_DOTTED = re.compile(rf"{_GLOB_NAME}(\.({_GLOB_NAME}|<locals>))*")
_PATH = re.compile(r"\w+(\.\w+)+")
_BRACKETED_OPTIONS = re.compile(r"(?P<target>.*?)\[(?P<options>[^\[\]]*=[^\[\]]*)\]\s*")
_GLOB_CHARACTERS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Target:
    """What the user wants patched, and where its name, id, usage and outcome stand.

    Attributes:
        kind: Which operation a call of it is; ``pool`` names a class whose fill level is measured.
        module: Glob of the module's full name.
        qualified: Glob of the function, the class, or the class and its method, as in ``__qualname__``.
        name_path: Where the name stands, such as ``self.title``; None: duck typing decides.
        id_path: Where the id of the agent (of the call, for a tool) stands.
        usage_path: Where the token counts stand.
        outcome_path: Where it stands whether the call succeeded.
        source: Which setting it comes from, for messages.
    """

    kind: Kind
    module: str
    qualified: str
    name_path: str | None = None
    id_path: str | None = None
    usage_path: str | None = None
    outcome_path: str | None = None
    source: str = "AGENTOTEL_TARGETS"

    def __str__(self) -> str:
        """Return it as the user would write it, without its options."""
        return f"{self.kind}={self.module}:{self.qualified}"

    @property
    def paths(self) -> dict[str, str]:
        """The options that are set, by their name."""
        candidates = {
            "name": self.name_path,
            "id": self.id_path,
            "usage": self.usage_path,
            "outcome": self.outcome_path,
        }
        return {option: path for option, path in candidates.items() if path is not None}

    @property
    def class_pattern(self) -> str | None:
        """The part before the last dot, which names a class; None where there is no dot."""
        return self.qualified.rpartition(".")[0] or None

    @property
    def last_pattern(self) -> str:
        """The part after the last dot: a method, or without a dot a function or class."""
        return self.qualified.rpartition(".")[2]

    @property
    def module_is_glob(self) -> bool:
        """Whether the module is a pattern rather than a name."""
        return is_glob(self.module)

    def matches_module(self, names: Iterable[str]) -> bool:
        """Whether a module that goes by `names` is meant."""
        return any(fnmatchcase(name, self.module) for name in names)

    def names_method_of(self, class_qualname: str) -> bool:
        """Whether it is written as ``Class.method`` with a class pattern that covers `class_qualname`."""
        return self.class_pattern is not None and fnmatchcase(class_qualname, self.class_pattern)

    def names_class(self, class_qualname: str) -> bool:
        """Whether it covers `class_qualname` itself, without naming a method."""
        return fnmatchcase(class_qualname, self.qualified)


def is_glob(pattern: str) -> bool:
    """Whether `pattern` stands for more than one name."""
    return not _GLOB_CHARACTERS.isdisjoint(pattern)


def parse(value: object, source: str = "AGENTOTEL_TARGETS") -> tuple[list[Target], list[TargetError]]:
    """Read targets in their text or table form. What is wrong is returned, so that the rest still works.

    Args:
        value: The text, or a list of texts and tables.
        source: The setting's name, for messages.

    Returns:
        The good targets, and a problem for each bad one.
    """
    targets: list[Target] = []
    problems: list[TargetError] = []
    for entry in _entries(value):
        parsed = _parse_or_explain(entry, source)
        if isinstance(parsed, TargetError):
            problems.append(parsed)
        elif parsed not in targets:
            targets.append(parsed)
    return targets, problems


def _entries(value: object) -> list[object]:
    if value is None:
        return []
    if isinstance(value, str):
        return [part for part in re.split(r"[;\n]", value) if part.strip()]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [part for item in value for part in (_entries(item) if isinstance(item, str) else [item])]
    return [value]


def _parse_or_explain(entry: object, source: str) -> Target | TargetError:
    try:
        return _parse_entry(entry, source)
    except TargetError as problem:
        return problem


def _parse_entry(entry: object, source: str) -> Target:
    if isinstance(entry, str):
        return _parse_text(entry.strip(), source)
    if isinstance(entry, Mapping):
        return _parse_table(entry, source)
    raise _problem(entry, source, "is neither a text nor a table", f"a text such as {EXAMPLE}")


def _parse_text(text: str, source: str) -> Target:
    bracketed = _BRACKETED_OPTIONS.fullmatch(text)
    if bracketed:
        main, option_text = bracketed["target"], bracketed["options"]
    else:
        main, _, option_text = text.partition(",")
    kind, equals, location = main.partition("=")
    if not equals:
        raise _problem(text, source, "does not say what it is", f"kind=module:name, such as {EXAMPLE}")
    return _make(text, source, kind.strip(), location.strip(), _parse_options(option_text, text, source))


def _parse_options(option_text: str, text: str, source: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(str.strip, option_text.split(",")):
        option, equals, path = part.partition("=")
        if not equals:
            raise _problem(text, source, f"has the option {printable(part.strip())!r} without a value", _option_hint())
        options[option.strip()] = path.strip()
    return options


def _parse_table(table: Mapping[Any, Any], source: str) -> Target:
    rest = {str(key): value for key, value in table.items()}
    kind, location = rest.pop("kind", None), rest.pop("target", None)
    if not isinstance(kind, str) or not isinstance(location, str):
        expected = '{kind = "agent", target = "shop.bots:SupportBot.answer"}'
        raise _problem(dict(table), source, "lacks `kind` or `target` (both are texts)", expected)
    return _make(dict(table), source, kind.strip(), location.strip(), rest)


def _make(entry: object, source: str, kind: str, location: str, options: Mapping[str, object]) -> Target:
    if kind not in KINDS:
        raise _problem(entry, source, f"has the unknown kind {printable(kind)!r}", f"one of {', '.join(KINDS)}")
    module, colon, qualified = location.partition(":")
    if not colon or not _DOTTED.fullmatch(module) or not _DOTTED.fullmatch(qualified):
        raise _problem(entry, source, "does not name a module and something in it", f"module:name, such as {EXAMPLE}")
    for option, path in options.items():
        wrong = problem_of_option(option, path)
        if wrong:
            raise TargetError(f"{source}: the target {printable(entry)!r}: {wrong}")
    paths = {f"{option}_path": str(path) for option, path in options.items()}
    return Target(kind=cast("Kind", kind), module=module, qualified=qualified, source=source, **paths)


def problem_of_option(option: str, path: object) -> str | None:
    """Return what is wrong with an option of a target and what was expected, or None."""
    if option not in OPTIONS:
        return f"unknown option {printable(option)!r}; expected {_option_hint()}"
    roots = OPTIONS[option]
    if isinstance(path, str) and _PATH.fullmatch(path) and path.partition(".")[0] in roots:
        return None
    example = f"{roots[0]}.{_EXAMPLE_STEPS[option]}"
    return f"{option}={printable(path)!r} is no path; expected one from {' or '.join(roots)}, such as {example}"


def _option_hint() -> str:
    return f"options {', '.join(OPTIONS)}, such as usage=result.meta.tokens"


def _problem(entry: object, source: str, what_is_wrong: str, expected: str) -> TargetError:
    return TargetError(f"{source}: the target {printable(entry)!r} {what_is_wrong}; expected {expected}")
