"""Tells what would be patched under a path, and why, by reading the sources: nothing is imported or run.

It follows the same rules as `discovery` as far as text shows them: names, base classes that are imported by
name, methods that stand in the class, and targets. What is made by metaclasses, ``setattr`` or ``type(...)``
it cannot see.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentotel._base.errors import printable
from agentotel.patching import matching
from agentotel.patching.selection import matches_publicly
from agentotel.patching.source_model import Class, Function, Module, Program, read_module, sources
from agentotel.patching.targets import is_glob

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from agentotel.patching.targets import Target

Status = Literal["patched", "tracked", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would be patched, or would not although it looks like it.

    Attributes:
        kind: ``agent``, ``tool``, ``model``, ``step``, ``workflow``, ``pool``; empty for a file that cannot
            be read.
        file: The source file, as found under the path.
        line: Line of the definition; 0 where there is none.
        qualname: The class, as in ``__qualname__``; empty for a function of a module.
        method: The method or function; empty where the class as a whole is meant.
        why: Why it is taken for what it is, as a phrase.
        status: ``patched``, ``tracked`` (a pool), ``skipped`` (rightly not patched), ``failed`` (should be,
            but cannot).
        reason: Why it is skipped or failed.
    """

    kind: str
    file: str
    line: int
    qualname: str
    method: str
    why: str
    status: Status
    reason: str = ""


def discover_path(
    path: str | os.PathLike[str], targets: Sequence[Target] = (), *, enabled: bool = True
) -> list[Finding]:
    """Return what would be patched in a file or under a folder, with near misses and what cannot be read.

    Args:
        path: A Python file, or a folder that is searched (hidden folders and environments are left out).
        targets: What the user named.
        enabled: Whether classes are also taken by their names.

    Raises:
        FileNotFoundError: If there is no such path.
    """
    root = Path(path)
    if not root.exists():
        raise FileNotFoundError(f"there is no file or folder {printable(str(root))}")
    unreadable: list[Finding] = []
    modules = [module for file in sources(root) if (module := _read(file, root, unreadable)) is not None]
    program = Program(modules)
    found = [*_by_target(program, targets)]
    taken = {(finding.file, finding.qualname, finding.method) for finding in found}
    if enabled:
        by_name = (finding for cls in program.classes for finding in _by_name(program, cls))
        found += [finding for finding in by_name if (finding.file, finding.qualname, finding.method) not in taken]
    found.sort(key=lambda finding: (finding.file, finding.line, finding.method))
    return [*found, *_missing_targets(program, targets, found), *unreadable]


def _read(file: Path, root: Path, unreadable: list[Finding]) -> Module | None:
    try:
        return read_module(file, root)
    except (SyntaxError, ValueError, OSError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 0
        reason = f"cannot be read: {type(error).__name__}: {printable(getattr(error, 'msg', None) or error)}"
        unreadable.append(Finding("", str(file), line, "", "", "", "failed", reason))
        return None


def _by_name(program: Program, cls: Class) -> Iterator[Finding]:
    ancestry = program.ancestry(cls)
    for base in ancestry:
        role = matching.role_by_name(base.name)
        if role is None or (role == "pool" and not _is_pool(ancestry)):
            continue
        derived = "" if base is cls else f"derives from {base.name}, whose "
        yield from _findings_of_role(cls, ancestry, role, f"{derived}name ends in {role.capitalize()}")
        return


def _is_pool(ancestry: Sequence[Class]) -> bool:
    names = {name for cls in ancestry for name in (*cls.names, *cls.functions)}
    return not names.isdisjoint(matching.POOL_LIMITS) and not names.isdisjoint(matching.POOL_SIZES)


def _findings_of_role(cls: Class, ancestry: Sequence[Class], role: str, why: str) -> Iterator[Finding]:
    if "Protocol" in {base.rpartition(".")[2] for base in cls.bases}:
        yield _finding(cls, None, role, why, "skipped", "is a Protocol: it describes a class and is none")
    elif role == "pool":
        yield _finding(cls, None, role, why, "tracked")
    else:
        allowed = matching.METHODS[role]
        for name in filter(cls.functions.__contains__, allowed):
            yield _method_finding(cls, cls.functions[name], role, f"{why} and it has {name}", explicit=False)
        if not any(name in base.functions for base in ancestry for name in allowed):
            reason = f"has none of the methods {', '.join(allowed)}"
            yield _finding(cls, None, role, why, "skipped", reason)


def _method_finding(cls: Class, function: Function, kind: str, why: str, *, explicit: bool) -> Finding:
    if function.obstacle is None:
        return _finding(cls, function, kind, why, "patched")
    failed = explicit and "abstract" not in function.obstacle
    return _finding(cls, function, kind, why, "failed" if failed else "skipped", function.obstacle)


def _finding(cls: Class, function: Function | None, kind: str, why: str, status: Status, reason: str = "") -> Finding:
    line, method = (cls.line, "") if function is None else (function.line, function.name)
    return Finding(kind, cls.module.file, line, cls.qualname, method, why, status, reason)


def _by_target(program: Program, targets: Sequence[Target]) -> Iterator[Finding]:
    for target in targets:
        for cls in program.classes:
            yield from _class_by_target(program, cls, target)
        for module in program.modules:
            if target.matches_module((module.name,)) and target.class_pattern is None:
                yield from _functions_by_target(module, target)


def _class_by_target(program: Program, cls: Class, target: Target) -> Iterator[Finding]:
    covered = [base for base in program.ancestry(cls) if target.matches_module((base.module.name,))]
    why = f"the target {target}"
    if target.kind == "pool":
        if any(target.names_class(base.qualname) for base in covered):
            yield _finding(cls, None, "pool", why, "tracked")
        return
    by_method = any(target.names_method_of(base.qualname) for base in covered)
    by_class = any(target.names_class(base.qualname) for base in covered)
    for name, function in cls.functions.items():
        named = by_method and matches_publicly(name, target.last_pattern)
        if named or (by_class and name in matching.METHODS.get(target.kind, ())):
            yield _method_finding(cls, function, target.kind, why, explicit=not is_glob(target.last_pattern))


def _functions_by_target(module: Module, target: Target) -> Iterator[Finding]:
    for name, function in module.functions.items():
        if matches_publicly(name, target.qualified):
            why = f"the target {target}"
            yield Finding(target.kind, module.file, function.line, "", name, why, "patched")


def _missing_targets(program: Program, targets: Sequence[Target], found: Sequence[Finding]) -> Iterator[Finding]:
    matched = {finding.why for finding in found}
    names: Mapping[str, str] = {module.name: module.file for module in program.modules}
    for target in targets:
        why = f"the target {target}"
        if why in matched:
            continue
        file = next((file for name, file in names.items() if target.matches_module((name,))), "")
        reason = (
            f"matches nothing in {file}"
            if file
            else f"names a module that is not under this path (modules here: {_some(list(names))})"
        )
        yield Finding(target.kind, file, 0, "", "", why, "failed", reason)


def _some(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:8])
    return f"{shown}, ..." if len(names) > 8 else shown or "none"  # noqa: PLR2004 - as many as fit on a line
