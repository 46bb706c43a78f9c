"""The kinds of values that only OpenTelemetry's own variables have: endpoints, headers, extensions."""

from __future__ import annotations

import re
from typing import Final

from agentotel.config.casting import Kind, alternatives, items_of, require, text_of

_EXTENSION: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}"
_ENDPOINT: Final = (
    r"(?i:https?)://(?:[^\s/?#@]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#:@\[\]]+)(?::([0-9]{1,5}))?(?:[/?#]\S*)?"
)
_HEADER: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*=[\x20-\x7e]*"
_MAX_PORT: Final = 65535
_MASK: Final = "***"


def _boolean(raw: object) -> bool:
    text = text_of(raw).lower()
    require(text in {"true", "false"})
    return text == "true"


def _endpoint(raw: object) -> str:
    match = re.fullmatch(_ENDPOINT, text_of(raw))
    require(match is not None and int(match[1] or 0) <= _MAX_PORT)
    return text_of(raw)


def _mask_endpoint(text: str) -> str:
    scheme, separator, rest = text.partition("://") if "://" in text else ("", "", text)
    address, mark, query = rest.partition("?")
    if "@" in query:  # a password with a question mark, or a query with an at-sign: nobody knows
        return f"{scheme}{separator}{_MASK}"
    host = f"{_MASK}@{address.rpartition('@')[2]}" if "@" in address else address
    return f"{scheme}{separator}{host}{mark}{_MASK if mark else ''}"


def _headers(raw: object) -> tuple[str, ...]:
    headers = items_of(raw, ",")
    require(headers and all(re.fullmatch(_HEADER, header) for header in headers))
    return tuple(headers)


def _mask_headers(text: str) -> str:
    return ",".join(f"{item.split('=')[0]}={_MASK}" if "=" in item else _MASK for item in text.split(","))


def _attributes(raw: object) -> tuple[str, ...]:
    pairs = items_of(raw, ",")
    require(all(pair.isprintable() and "=" in pair and pair.partition("=")[0].strip() for pair in pairs))
    return tuple(pairs)


STANDARD_BOOLEAN: Final = Kind("true or false", _boolean)
"""What OpenTelemetry's own switches take: the SDK reads anything but ``true`` as false."""

ENDPOINT: Final = Kind(
    "an address with its scheme, such as http://127.0.0.1:4318", _endpoint, _mask_endpoint
)  # fmt: skip
HEADERS: Final = Kind("headers such as api-key=secret,x-team=blue, URL-encoded", _headers, _mask_headers)
ATTRIBUTES: Final = Kind("attributes such as team=blue,deployment.environment.name=test", _attributes)


def extension(group: str, *known: str) -> Kind:
    """Make the kind of one name that OpenTelemetry knows: `known`, or an installed entry point of `group`."""

    def cast(raw: object) -> str:
        text = text_of(raw)
        if text.lower() in known:
            return text.lower()
        require(_installed(group, text))
        return text

    return Kind(f"{alternatives(known)} (or the name of an installed {group})", cast)


def extensions(group: str, *known: str) -> Kind:
    """Make the kind of several such names, separated by commas; ``none`` stands for no one."""

    def cast(raw: object) -> tuple[str, ...]:
        names = items_of(raw, ",")
        if [name.lower() for name in names] == ["none"]:
            return ()
        require(names and all(name in known or _installed(group, name) for name in names))
        return tuple(dict.fromkeys(names))

    expected = f"{alternatives((*known, 'none'))} (or the name of an installed {group}), separated by commas"
    return Kind(expected, cast)


def _installed(group: str, name: str) -> bool:
    require(re.fullmatch(_EXTENSION, name))
    # Reading the metadata of all installed packages takes long, and only unusual names need it.
    from importlib.metadata import entry_points  # noqa: PLC0415

    return bool(entry_points(group=group, name=name))
