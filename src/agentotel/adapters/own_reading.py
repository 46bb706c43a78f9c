"""Reads values from objects and results of unknown classes: by attribute or key, typed, and never failing.

The objects are the user's. A property may raise or return anything, so every read is guarded by itself, and a
value of the wrong type counts as absent.
"""

from __future__ import annotations

import enum
import functools
import inspect
import uuid
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MethodType
from typing import Any, Final

from agentotel.model.operations import Usage

MISSING: Final = object()
"""Says that a value is absent, where None would be a value."""

_PRIMITIVES: Final = (str, bytes, int, float, type(None))
_NOT_PLAIN: Final = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR

_USAGE: Final = ("usage", "token_usage", "usage_metadata")
_INPUT: Final = ("input_tokens", "prompt_tokens", "prompt_token_count")
_OUTPUT: Final = ("output_tokens", "completion_tokens", "candidates_token_count")
_CACHE_READ: Final = ("cache_read_tokens", "cached_tokens", "cached_content_token_count")
_CACHE_WRITE: Final = ("cache_write_tokens", "cache_creation_tokens")
_REASONING: Final = ("reasoning_tokens",)
_INPUT_DETAILS: Final = ("prompt_tokens_details", "input_tokens_details")
_OUTPUT_DETAILS: Final = ("completion_tokens_details", "output_tokens_details")
_FINISH: Final = ("stop_reason", "finish_reason")


def read(source: Any, name: str) -> Any:
    """Return the key (of a mapping) or attribute `name`, or `MISSING`. What the user's property raises is ignored."""
    kind: Any = type(source)
    if kind is dict:
        return source.get(name, MISSING)
    try:
        if _is_plain(kind):
            return getattr(source, name, MISSING)
        found = source.get(name, MISSING) if isinstance(source, Mapping) else MISSING
        return getattr(source, name, MISSING) if found is MISSING else found
    except Exception:  # noqa: BLE001 - the user's property failed: that is no error of ours, and no reason to stop
        return MISSING


@functools.lru_cache(maxsize=1024)  # classes made at run time may come without end
def _is_plain(kind: Any) -> bool:
    """Tell whether objects of `kind` have nothing but attributes: they are no mappings, nor stand for one."""
    own_ways = getattr(kind, "__getattribute__", None) is not object.__getattribute__ or hasattr(kind, "__getattr__")
    return type(kind) is type and not own_ways and not issubclass(kind, Mapping)


def present(source: Any, names: frozenset[str]) -> AbstractSet[str]:
    """Return those of `names` under which `read` may find something in `source`: all of them where that is not known.

    One look at what an object has costs less than looking for each name that it does not have.
    """
    kind: Any = type(source)
    if kind is dict:
        return names.intersection(source)
    if not _is_plain(kind):
        return names
    own = getattr(source, "__dict__", None)
    found: set[str] = own.keys() & names if type(own) is dict else set()
    for base in kind.__mro__:
        if base is not object:
            found |= base.__dict__.keys() & names
    return found


def follow_path(path: str, roots: Mapping[str, Any]) -> Any:
    """Follow a path such as ``result.choices.0.meta`` from one of `roots`, or return `MISSING`."""
    root, *steps = path.split(".")
    value = roots.get(root, MISSING)
    for step in steps:
        if value is MISSING or value is None:
            return MISSING
        value = _item(value, step) if step.isdigit() else read(value, step)
    return value


def _item(value: Any, position: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(position, value.get(int(position), MISSING))
    if isinstance(value, Sequence) and int(position) < len(value):
        return value[int(position)]
    return MISSING


def first_text(source: Any, names: Iterable[str]) -> str | None:
    """Return the first of `names` that is a text and not empty."""
    for name in names:
        value = read(source, name)
        if value is not MISSING and value is not None and (text := text_of(value)):
            return text
    return None


def first_identifier(source: Any, names: Iterable[str]) -> str | None:
    """Return the first of `names` that can be an id: a text, a whole number or a UUID."""
    for name in names:
        value = read(source, name)
        if value is not MISSING and value is not None and (identifier := identifier_of(value)):
            return identifier
    return None


def first_count(source: Any, names: Iterable[str]) -> int | None:
    """Return the first of `names` that is a count. Each may also be a method without arguments that gives one."""
    for name in names:
        value = read(source, name)
        if value is not MISSING and value is not None and (count := count_of(_called(value))) is not None:
            return count
    return None


def text_of(value: Any) -> str | None:
    """Return `value` if it is a text (or an enumeration's member that stands for one)."""
    if type(value) is str:
        return value
    if value is MISSING or value is None:
        return None
    if isinstance(value, enum.Enum):
        value = value.value
    return value if isinstance(value, str) else None


def identifier_of(value: Any) -> str | None:
    """Return `value` as a text if it can be an id."""
    if type(value) is str or value is None:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value))
    return str(value) if isinstance(value, uuid.UUID) else text_of(value)


def count_of(value: Any) -> int | None:
    """Return `value` if it is a whole number that is not negative."""
    if value is MISSING or value is None or isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return int(value) if isinstance(value, int) and value >= 0 else None


def number_of(value: Any) -> float | None:
    """Return `value` if it is a number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def length_of(value: Any) -> int | None:
    """Return the length of a list, tuple or mapping, and of nothing else."""
    return len(value) if isinstance(value, list | tuple | Mapping) else None


def _called(value: Any) -> Any:
    """Return what a plain method without arguments returns; anything else as it is.

    Only a method that the user wrote as a getter qualifies: no coroutine, no generator, no argument but
    ``self``.
    """
    if not isinstance(value, MethodType):
        return value
    code = getattr(value, "__code__", None)
    if code is None or code.co_argcount != 1 or code.co_kwonlyargcount or code.co_flags & _NOT_PLAIN:
        return MISSING
    try:
        return value()
    except Exception:  # noqa: BLE001 - as in `read`
        return MISSING


def finish_reasons_of(result: Any) -> tuple[str, ...]:
    """Return why the answer ended, from the result or from its ``choices``."""
    if isinstance(result, _PRIMITIVES):
        return ()
    reason = first_text(result, _FINISH)
    if reason is not None:
        return (reason,)
    choices = read(result, "choices")
    if not isinstance(choices, list | tuple):
        return ()
    return tuple(found for choice in choices if (found := first_text(choice, _FINISH)) is not None)


def usage_of(result: Any) -> Usage | None:
    """Return the token counts that stand in a result, under ``usage`` or at its top. None where there are none."""
    if isinstance(result, _PRIMITIVES):
        return None
    for name in _USAGE:
        usage = counts_of(read(result, name))
        if usage is not None:
            return usage
    return counts_of(result)


def counts_of(container: Any, extra: bool = False) -> Usage | None:  # noqa: FBT001, FBT002 - a private refinement
    """Return the counts that stand directly in `container`.

    Args:
        container: A dict or object that names tokens as OpenAI, Anthropic or Google do.
        extra: Accept plain ``input`` and ``output`` as well: for a place that the user said holds the counts.
    """
    if container is MISSING or isinstance(container, _PRIMITIVES):
        return None
    given = _first_count(container, (*_INPUT, "input") if extra else _INPUT)
    produced = _first_count(container, (*_OUTPUT, "output") if extra else _OUTPUT)
    if given is None and produced is None:
        return None
    usage = Usage(
        input_tokens=given,
        output_tokens=produced,
        cache_read_tokens=_first_count(container, _CACHE_READ, _INPUT_DETAILS, "cached_tokens"),
        cache_write_tokens=_first_count(container, _CACHE_WRITE),
        reasoning_tokens=_first_count(container, _REASONING, _OUTPUT_DETAILS, "reasoning_tokens"),
    )
    _add_what_stands_apart(usage, container)
    return usage


def _add_what_stands_apart(usage: Usage, container: Any) -> None:
    """Add up what Anthropic (cached input) and Google (thoughts) count beside the input and output."""
    cache_read = count_of(read(container, "cache_read_input_tokens"))
    cache_write = count_of(read(container, "cache_creation_input_tokens"))
    thoughts = count_of(read(container, "thoughts_token_count"))
    if cache_read is not None or cache_write is not None:
        usage.cache_read_tokens, usage.cache_write_tokens = cache_read, cache_write
        usage.input_tokens = (usage.input_tokens or 0) + (cache_read or 0) + (cache_write or 0)
    if thoughts is not None:
        usage.reasoning_tokens = thoughts
        usage.output_tokens = (usage.output_tokens or 0) + thoughts


def _first_count(container: Any, names: Iterable[str], details: Iterable[str] = (), detail: str = "") -> int | None:
    """Return the first of `names` that is a count, else what `detail` says in the first of `details`."""
    for name in names:
        count = count_of(read(container, name))
        if count is not None:
            return count
    inner = (read(container, name) for name in details)
    return next((count for found in inner if (count := count_of(read(found, detail))) is not None), None)


def arguments_of(function: Any, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by their names; positional ones without a name stand in ``args``.

    Args:
        function: The original function, from whose code the names are taken.
        instance: What it was called on; then the function's first parameter is not among `args`.
        args: Positional arguments.
        kwargs: Keyword arguments.
    """
    if not args:
        return {**kwargs}
    names = _parameter_names(function)[0 if instance is None else 1 :]
    named = dict(zip(names, args, strict=False))
    if len(args) > len(names):
        named["args"] = args[len(names) :]
    named.update(kwargs)
    return named


def _parameter_names(function: Any) -> tuple[str, ...]:
    original = inspect.unwrap(function) if hasattr(function, "__wrapped__") else function
    code = getattr(getattr(original, "__func__", original), "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount]
