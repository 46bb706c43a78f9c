"""Reads classes, functions and imports from Python sources, without importing or running them."""

from __future__ import annotations

import ast
import os
import tokenize
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SKIPPED_FOLDERS: Final = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})
_PROPERTIES: Final = frozenset({"property", "cached_property", "setter", "getter", "deleter"})
_MOST_LEVELS: Final = 50


@dataclass(slots=True)
class Function:
    """A function or method; `obstacle` says why it cannot be patched."""

    name: str
    line: int
    obstacle: str | None


@dataclass(slots=True)
class Class:
    """A class; `names` are the attributes that are assigned in it or to ``self``."""

    name: str
    qualname: str
    line: int
    module: Module
    bases: list[str]
    functions: dict[str, Function] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Module:
    """One source file: its classes by qualified name, its functions, and what its imported names stand for."""

    name: str
    file: str
    is_package: bool = False
    classes: dict[str, Class] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """The package from which its relative imports count."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


class Program:
    """All modules under the path, and how their classes derive from one another."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self.modules = modules
        self._by_name = {module.name: module for module in modules}

    @property
    def classes(self) -> Iterator[Class]:
        """All classes of all modules."""
        return (cls for module in self.modules for cls in module.classes.values())

    def ancestry(self, cls: Class) -> list[Class]:
        """Return `cls` and its base classes, as far as they stand under the path."""
        found: list[Class] = []
        waiting = [cls]
        while waiting and len(found) < _MOST_LEVELS:
            current = waiting.pop(0)
            if current not in found:
                found.append(current)
                waiting += filter(None, (self._resolve(current, base) for base in current.bases))
        return found

    def _resolve(self, cls: Class, base: str) -> Class | None:
        scope = cls.qualname.rpartition(".")[0]
        module = cls.module
        for candidate in (f"{scope}.{base}" if scope else base, base):
            if candidate in module.classes and module.classes[candidate] is not cls:
                return module.classes[candidate]
        return self._imported(module, base, 0)

    def _imported(self, module: Module, name: str, level: int) -> Class | None:
        first, _, rest = name.partition(".")
        if first not in module.imports or level > _MOST_LEVELS:
            return None
        full = f"{module.imports[first]}.{rest}" if rest else module.imports[first]
        home, _, attribute = full.rpartition(".")
        found = self._by_name.get(home)
        if found is None:
            return None
        return found.classes.get(attribute) or self._imported(found, attribute, level + 1)


def sources(root: Path) -> list[Path]:
    """Return the Python files at or under `root`, without hidden folders and environments."""
    if root.is_file():
        return [root]
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not _is_left_out(Path(folder, name)))
        found += (Path(folder, name) for name in sorted(files) if name.endswith(".py"))
    return found


def _is_left_out(folder: Path) -> bool:
    is_environment = (folder / "pyvenv.cfg").exists()
    return folder.name.startswith(".") or folder.name in _SKIPPED_FOLDERS or is_environment


def read_module(file: Path, root: Path) -> Module:
    """Return what stands in `file`.

    Args:
        file: A Python file.
        root: The path that is searched, from which its module name is told.

    Raises:
        SyntaxError: If it is no Python. Others: whatever reading and parsing raise.
    """
    with tokenize.open(file) as source:
        tree = ast.parse(source.read(), filename=str(file))
    module = Module(_module_name(file, root), str(file), is_package=file.name == "__init__.py")
    _Reader(module).visit(tree)
    return module


def _module_name(file: Path, root: Path) -> str:
    """Return the name under which a file is imported: from the folder above its outermost package."""
    top = file.parent.resolve()
    while (top / "__init__.py").exists() and top.parent != top:
        top = top.parent
    if not root.is_file() and not (root / "__init__.py").exists() and root.resolve() in (top, *top.parents):
        # Folders without __init__.py are packages as well, but a `src` folder is none.
        start = root.resolve() / "src"
        top = start if start in (top, *top.parents) else root.resolve()
    parts = list(file.resolve().relative_to(top).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


class _Reader(ast.NodeVisitor):
    """Collects the classes, functions and imports of one module."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._scope: list[str] = []
        self._class: Class | None = None

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            first = alias.name.partition(".")[0]
            self._module.imports[alias.asname or first] = alias.name if alias.asname else first

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        package = self._module.package.split(".")
        base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
        home = ".".join(filter(None, (base, node.module)))
        for alias in node.names:
            self._module.imports[alias.asname or alias.name] = f"{home}.{alias.name}"

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        qualname = ".".join((*self._scope, node.name))
        bases = [name for base in node.bases if (name := _dotted(base))]
        cls = Class(node.name, qualname, node.lineno, self._module, bases)
        self._module.classes[qualname] = cls
        outer, self._class = self._class, cls
        self._inside(node, node.name)
        self._class = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        function = Function(node.name, node.lineno, _obstacle(node))
        if self._class is not None:
            self._class.functions[node.name] = function
            self._class.names |= _attributes_of_self(node)
        elif not self._scope:
            self._module.functions[node.name] = function
        outer, self._class = self._class, None
        self._inside(node, node.name, "<locals>")
        self._class = outer

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._note_assignment(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._note_assignment(node.target, node.value)

    def _note_assignment(self, target: ast.expr, value: ast.expr | None) -> None:
        if self._class is None or not isinstance(target, ast.Name):
            return
        self._class.names.add(target.id)
        if isinstance(value, ast.Call | ast.Lambda | ast.Name | ast.Attribute):  # functools.partial(...), an alias
            maybe = Function(target.id, target.lineno, None)
            self._class.functions.setdefault(target.id, maybe)

    def _inside(self, node: ast.AST, *scope: str) -> None:
        self._scope += scope
        self.generic_visit(node)
        del self._scope[len(self._scope) - len(scope) :]


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):  # Generic[T]
        return _dotted(node.value)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (outer := _dotted(node.value)):
        return f"{outer}.{node.attr}"
    return ""


def _obstacle(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    for decorator in node.decorator_list:
        name = _dotted(decorator.func if isinstance(decorator, ast.Call) else decorator).rpartition(".")[2]
        if name in _PROPERTIES:
            return "is a property, and reading it is no operation"
        if name == "abstractmethod":
            return "is abstract; the classes that implement it are patched"
    return None


def _attributes_of_self(node: ast.AST) -> set[str]:
    written = (inner for inner in ast.walk(node) if isinstance(inner, ast.Attribute))
    return {found.attr for found in written if isinstance(found.ctx, ast.Store) and _dotted(found.value) == "self"}
