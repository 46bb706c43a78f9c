"""Lets a Collector validate its configurations: each one alone, and each overlay on what it is made for.

An overlay says in a comment how it is used (``otelcol --config agent.yaml --config agent-kafka.yaml``). One that says
nothing has to fit at least one configuration of its folder or the one above.
"""

from __future__ import annotations

import re
import tempfile
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from agentotel._base.errors import AgentotelError
from agentotel.ops.kinds import Kind
from agentotel.ops.pack_location import files, pack
from agentotel.ops.programs import Ended, Program
from agentotel.ops.results import Check, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agentotel.ops.folder import Folder
    from agentotel.ops.programs import Programs

COLLECTOR: Final = Program(
    "otelcol",
    ("agentotel-otelcol", "otelcol-contrib", "otelcol"),
    "the Collector's releases have otelcol-contrib, and collector/otelcol/builder.yaml builds a slim one",
)
_COMMENT: Final = re.compile(r"^\s*#(.*)$", re.MULTILINE)
_CONFIG_OPTION: Final = re.compile(r"--config[= ](?:file:)?(\S+\.ya?ml)\b")
_UNKNOWN_TYPE: Final = re.compile(r"unknown type: \"([\w/-]+)\"")
_MODULE: Final = re.compile(r"^\s*(?:-\s+)?gomod:\s*[\"']?([^\"'#\n]*)", re.MULTILINE)
_PINNED: Final = re.compile(r"\S+\.\S+/\S+\s+v\d+\.\d+\.\S+")


def checks(folder: Folder, programs: Programs) -> Iterator[Check]:
    """Yield a check for each configuration and each combination."""
    bases, overlays = folder.of(Kind.COLLECTOR), folder.of(Kind.COLLECTOR_OVERLAY)
    for base in bases:
        yield Check(base, COLLECTOR.name, partial(_validated, folder, programs, [base]))
    combinations = _combinations(folder, {*bases, *overlays})
    for combination in combinations:
        yield Check(" + ".join(combination), COLLECTOR.name, partial(_validated, folder, programs, combination))
    described = {name for combination in combinations for name in combination}
    for overlay in overlays:
        if overlay not in described:
            yield Check(overlay, COLLECTOR.name, partial(_on_any, folder, programs, bases, overlay))
    for manifest in folder.of(Kind.COLLECTOR_MANIFEST):
        yield Check(manifest, "manifest", partial(manifest_outcome, folder.texts[manifest]))


def manifest_outcome(text: str) -> Outcome:
    """Look whether each module of a manifest of the Collector Builder is pinned: more would take a build."""
    loose = [module.strip() for module in _MODULE.findall(text) if not _PINNED.fullmatch(module.strip())]
    return Outcome("failed", f"expected a module and its version: {'; '.join(loose)}") if loose else Outcome("ok")


def _combinations(folder: Folder, known: set[str]) -> list[list[str]]:
    """Return the combinations of files that their comments describe, each once."""
    found: dict[tuple[str, ...], None] = {}
    for name in sorted(known):
        for comment in _COMMENT.findall(folder.texts[name]):
            named = [_resolved(name, mentioned, known) for mentioned in _CONFIG_OPTION.findall(comment)]
            files_ = tuple(one for one in named if one)
            if len(files_) > 1 and len(files_) == len(named):
                found[files_] = None
    return [list(files_) for files_ in found]


def _resolved(name: str, mentioned: str, known: set[str]) -> str | None:
    """Return the file that a comment in `name` means: beside it, above it, or the only one of that name."""
    last = PurePosixPath(mentioned).name
    beside = (str(parent / last) for parent in PurePosixPath(name).parents)
    anywhere = [one for one in sorted(known) if PurePosixPath(one).name == last]
    return next((one for one in beside if one in known), anywhere[0] if len(anywhere) == 1 else None)


def _on_any(folder: Folder, programs: Programs, bases: Sequence[str], overlay: str) -> Outcome:
    near = PurePosixPath(overlay).parents
    candidates = [base for base in bases if PurePosixPath(base).parent in list(near)[:2]]
    outcome = Outcome("not_checked", "there is no configuration to which it could belong")
    for base in candidates:
        outcome = _validated(folder, programs, [base, overlay])
        if outcome.status != "failed":
            return outcome
    return outcome


def _validated(folder: Folder, programs: Programs, names: Sequence[str]) -> Outcome:
    """Ask every Collector that is there, until one of them has all components."""
    usable = programs.usable(COLLECTOR)
    if isinstance(usable, Outcome):
        return usable
    missing = ""
    for path in programs.find(COLLECTOR):
        ended = _validate(folder, programs, path, names)
        missing = _missing_component(ended)
        if not missing:
            return ended.outcome
    return Outcome("not_checked", f"no Collector here has the component {missing}: {COLLECTOR.advice}")


def _validate(folder: Folder, programs: Programs, path: str, names: Sequence[str]) -> Ended:
    options = [f"--config={folder.path / name}" for name in names]
    # Queues on disk need a folder that exists where the Collector will run, not here.
    with tempfile.TemporaryDirectory(prefix="agentotel-ops-") as storage:
        return programs.run([path, "validate", *options], folder.path, {"OTELCOL_STORAGE": storage})


def _missing_component(ended: Ended) -> str:
    """Return the component that the Collector lacks, if the pack is right to name it: else it is a misspelling."""
    unknown = set(_UNKNOWN_TYPE.findall(ended.output)) if ended.status else set()
    return ", ".join(sorted(unknown)) if unknown and unknown <= _types_in_the_pack() else ""


def _types_in_the_pack() -> set[str]:
    try:
        texts = [path.read_text(encoding="utf-8") for path in files(pack()).values() if path.suffix == ".yaml"]
    except (AgentotelError, OSError, ValueError):
        return set()
    return {type_ for text in texts for type_ in re.findall(r"^ {2,4}(\w+)(?:/[\w-]+)?:", text, re.MULTILINE)}
