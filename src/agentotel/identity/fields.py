"""The four ids of an operation: what they may be, and how they become attributes."""

from __future__ import annotations

import os
import random
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agentotel._base.failopen import report
from agentotel.model import names

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS: Final = 256
"""Longest id that is kept: enough for any real one, short enough to ride on every span and log record."""

FIELDS: Final = ("request_id", "user_id", "tenant_id", "session_id")
"""The fields of an `Identity`, in the order of its attributes."""

ATTRIBUTES: Final = {
    "request_id": names.REQUEST_ID,
    "user_id": names.USER_ID,
    "tenant_id": names.TENANT_ID,
    "session_id": names.SESSION_ID,
}
"""The attribute (and baggage key) that each field becomes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an operation is for. Made by `context`, `merged` and `from_baggage`, which clean the values.

    Attributes:
        request_id: The request that the program is serving.
        user_id: The end user.
        tenant_id: The customer that pays.
        session_id: The conversation or browser session that the request belongs to.
    """

    request_id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    session_id: str | None = None
    _attributes: dict[str, str] = field(init=False, repr=False, compare=False)


def attributes(identity: Identity) -> Mapping[str, str]:
    """Return the ids that are known as attributes, by their names in `agentotel.model.names`.

    The mapping is shared by all callers, so that this costs one look-up: copy it before changing it.
    """
    try:
        return identity._attributes  # noqa: SLF001 - the cache of this very function
    except AttributeError:  # nobody has asked before
        known = {attribute: getattr(identity, name) for name, attribute in ATTRIBUTES.items()}
        kept = {attribute: value for attribute, value in known.items() if value is not None}
        object.__setattr__(identity, "_attributes", kept)
        return kept


_random: Final = random.Random()  # noqa: S311 - ids, no secrets
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)  # or parent and child would make the same ids


def new_request_id() -> str:
    """Return a fresh request id: 32 hexadecimal digits.

    From a generator of its own, so that a program that seeds `random` does not repeat its request ids. Asking the
    operating system each time would let go of the interpreter lock, which a busy program waits to get back.
    """
    return f"{_random.getrandbits(128):032x}"


def merged(outer: Identity | None, found: Mapping[str, object]) -> Identity:
    """Complete `outer` by ids that were found on an agent; what `outer` has wins.

    Args:
        outer: What an explicit `context`, a surrounding agent or incoming baggage said.
        found: Values by field name, of any type; they are cleaned.

    Returns:
        `outer` itself when nothing was missing in it, so that its cached attributes are used again.
    """
    if outer is None:
        return completed(clean_fields(found))
    missing = {name: value for name, value in found.items() if getattr(outer, name, "") is None}
    additions = clean_fields(missing)
    if not additions and outer.request_id is not None:
        return outer
    return overridden(outer, additions)


def overridden(outer: Identity | None, fields: Mapping[str, str]) -> Identity:
    """Return `outer` with `fields` (already clean) put in, and a request id made where none is known."""
    if outer is None:
        return completed(fields)
    known = {name: value for name in FIELDS if (value := getattr(outer, name)) is not None}
    return completed({**known, **fields})


def completed(fields: Mapping[str, str]) -> Identity:
    """Return an `Identity` of `fields` (already clean), with a request id made where they have none."""
    if "request_id" in fields:
        return Identity(**fields)
    return Identity(request_id=new_request_id(), **fields)


def clean_fields(values: Mapping[str, object]) -> dict[str, str]:
    """Return the usable ids among `values`, by field name; whatever is no id is left out and reported."""
    cleaned = {name: clean(name, values[name]) for name in FIELDS if values.get(name) is not None}
    return {name: value for name, value in cleaned.items() if value}


def clean(name: str, value: object) -> str | None:
    """Return `value` as an id that is safe on every signal, or None where it is none.

    Numbers and UUIDs become text; characters that cannot be printed are removed and the rest is cut to
    `MAX_CHARACTERS`. Changes are counted and reported once per field, without the value: it may be private.
    """
    text = _as_text(value)
    if text is None:
        report(f"identity.{name}", TypeError(f"expected text or a number, got {type(value).__name__}"))
        return None
    # Cut before looking at the characters: an id of a megabyte must cost no more than one of 256.
    kept = text[:MAX_CHARACTERS]
    if not kept.isprintable():
        kept = "".join(character for character in kept if character.isprintable())
    if len(kept) != len(text):
        expected = f"expected at most {MAX_CHARACTERS} printable characters"
        report(f"identity.{name}", ValueError(f"{expected}, kept {len(kept)} of {len(text)}"))
    return kept.strip() or None


def _as_text(value: object) -> str | None:
    """Return text, numbers and UUIDs as a plain string; None for every other type (a bool is no id)."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and value.bit_length() > MAX_CHARACTERS * 4:
        # Python refuses to print an int of thousands of digits, and such a number is no id.
        return None
    return str(value)
