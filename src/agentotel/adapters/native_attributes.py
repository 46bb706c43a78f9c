"""Values out of the attributes that libraries put on their own spans: whatever stands there, nothing here raises.

Libraries set what they like: numbers as text, lists as JSON, nothing where something was promised. Each reader takes
the names under which a value may stand, the best one first, and gives the first value that is of the right kind.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Attributes = Mapping[str, Any]
"""The attributes of a native span; the values may be anything."""

_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "azure_openai": "azure.ai.openai",
    "az.ai.openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "google-gla": "gcp.gemini",
    "google-cloud": "gcp.vertex_ai",
    "google-vertex": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "grok": "x_ai",
    "xai": "x_ai",
    "mistral": "mistral_ai",
}
"""What libraries call providers, and the value of ``gen_ai.provider.name`` that is meant."""


def text(attributes: Attributes, *names: str) -> str | None:
    """Return the first of `names` that is a text with something in it."""
    return next((value for value in _present(attributes, names) if isinstance(value, str) and value), None)


def texts(attributes: Attributes, *names: str) -> tuple[str, ...] | None:
    """Return the first of `names` that is a text or a list of texts; the list may be written as JSON."""
    for value in _present(attributes, names):
        found = decoded(value)
        items = found if isinstance(found, list | tuple) else (value,)
        chosen = tuple(item for item in items if isinstance(item, str) and item)
        if chosen:
            return chosen
    return None


def count(attributes: Attributes, *names: str) -> int | None:
    """Return the first of `names` that is a whole number and not negative."""
    for value in _present(attributes, names):
        found = _number_of(value)
        if found is not None and found >= 0 and found == int(found):
            return int(found)
    return None


def whole(attributes: Attributes, *names: str) -> int | None:
    """Return the first of `names` that is a whole number, such as a seed."""
    for value in _present(attributes, names):
        found = _number_of(value)
        if found is not None and found == int(found):
            return int(found)
    return None


def number(attributes: Attributes, *names: str) -> float | None:
    """Return the first of `names` that is a number."""
    return next((found for value in _present(attributes, names) if (found := _number_of(value)) is not None), None)


def flag(attributes: Attributes, *names: str) -> bool | None:
    """Return the first of `names` that says yes or no."""
    return next((value for value in _present(attributes, names) if isinstance(value, bool)), None)


def provider(attributes: Attributes, *names: str) -> str | None:
    """Return the first of `names` that names a provider, as ``gen_ai.provider.name`` spells it."""
    called = text(attributes, *names)
    return _PROVIDERS.get(called.lower(), called) if called else None


def host(attributes: Attributes, *names: str) -> str | None:
    """Return the first of `names` that is a host; of a whole URL (some libraries set one) only its host."""
    address = text(attributes, *names)
    return (_of_url(address, lambda url: url.hostname) if address and "://" in address else address) or None


def port(attributes: Attributes, *names: str) -> int | None:
    """Return the first of `names` that is a port, or the one that stands in a URL."""
    for value in _present(attributes, names):
        found = _of_url(value, lambda url: url.port) if isinstance(value, str) and "://" in value else _number_of(value)
        if found is not None and found == int(found) and found > 0:
            return int(found)
    return None


def decoded(value: Any) -> Any:
    """Return what a text says as JSON, if it is a JSON object or list; anything else as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _present(attributes: Attributes, names: tuple[str, ...]) -> Iterator[Any]:
    return (value for name in names if (value := attributes.get(name)) is not None)


def _number_of(value: Any) -> int | float | None:
    if isinstance(value, str):
        try:
            value = float(value) if not value.isdecimal() else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _of_url(address: str, part: Callable[[Any], Any]) -> Any:
    try:
        return part(urlsplit(address))
    except ValueError:
        return None
