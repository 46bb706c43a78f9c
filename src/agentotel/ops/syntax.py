"""Whether YAML and JSON files can be parsed at all, with no key twice."""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from agentotel.ops.folder import JSON_ENDING, is_yaml
from agentotel.ops.results import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentotel.ops.folder import Folder

_NO_PARSER: Final = Outcome("not_checked", "no YAML parser is installed: pip install 'agentotel[ops]'")
_MERGE_KEY: Final = "<<"


def checks(folder: Folder) -> Iterator[Check]:
    """Yield a check for every file."""
    for name, why in folder.unreadable.items():
        yield Check(name, "syntax", partial(Outcome, "failed", f"cannot be read: {why}"))
    for name, text in folder.texts.items():
        if name.endswith(JSON_ENDING):
            yield Check(name, "json", partial(json_outcome, text))
        elif is_yaml(name):
            yield Check(name, "yaml", partial(yaml_outcome, text))


def json_outcome(text: str) -> Outcome:
    """Parse JSON."""
    repeated: list[str] = []

    def note_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated.extend({key for key in keys if keys.count(key) > 1})
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=note_repeated)
    except (ValueError, RecursionError) as error:
        return Outcome("failed", f"no JSON: {error}")
    return Outcome("failed", f"stands there twice: {', '.join(sorted(repeated))}") if repeated else Outcome("ok")


def yaml_outcome(text: str) -> Outcome:
    """Parse YAML, if there is a parser: it is an extra, because nothing but this needs it."""
    if find_spec("yaml") is None:
        return _NO_PARSER
    yaml = import_module("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        repeated = [key for document in yaml.compose_all(text, loader) for key in _repeated(document)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Outcome("failed", f"no YAML: {error}")
    return Outcome("failed", "; ".join(repeated)) if repeated else Outcome("ok")


def _repeated(document: Any) -> Iterator[str]:
    """Yield the keys that a mapping has twice: parsers differ in which of them they take, or refuse the file."""
    pending, seen = [document], set()
    while pending:
        node = pending.pop()
        if id(node) in seen or isinstance(getattr(node, "value", None), str | None):
            continue
        seen.add(id(node))
        if node.id == "sequence":
            pending += node.value
            continue
        keys: set[str] = set()
        for key, value in node.value:
            if key.id == "scalar" and key.value in keys and key.value != _MERGE_KEY:
                yield f"line {key.start_mark.line + 1}: {key.value} stands there twice"
            keys.add(str(key.value))
            pending.append(value)
