"""Finds the user's own agents, tools, model clients, steps, workflows and pools, and patches them.

This module owns state: a `Discovery` that is installed sees every class that is made and every module that a
target names, and wraps what matches in place. It joins `targets` (what the user asked for), `matching` (what
needs no configuration), `class_creation` and `hooks` (when there is something to see) and `instances`.
"""

from __future__ import annotations

import dataclasses
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, Protocol

from wrapt import FunctionWrapper

from agentotel._base import failopen
from agentotel.patching import hooks, matching, misses, selection
from agentotel.patching.class_creation import ClassCreation, CreatedClass
from agentotel.patching.discovered import Discovered, Status, place_of
from agentotel.patching.module_globs import MatchingImports
from agentotel.patching.targets import is_glob
from agentotel.patching.wrap import wrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from agentotel.model.contract import Call, Intercepted
    from agentotel.model.operations import Operation
    from agentotel.patching.instances import Instances
    from agentotel.patching.targets import Target

_SITE: Final = "patching.discovery"


class MakeCall(Protocol):
    """Makes the map of one method or function: `agentotel.adapters.own_classes.call`."""

    def __call__(self, kind: str, target: str, paths: Mapping[str, str]) -> Call:
        """Return the `Call` for `target`, which is a `kind`, with the paths that the user gave."""


class Discovery:
    """Patches the user's own classes and functions.

    Args:
        targets: What the user named.
        enabled: Whether classes are also taken by their names (``AGENTOTEL_DISCOVER``).
        make_call: Makes the map of one method or function.
        report: Is told, in one line, about each target that turns out to be wrong.
        instances: Follows the agents and pools that are created; None to do without.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        enabled: bool,
        make_call: MakeCall,
        report: Callable[[str], None],
        instances: Instances | None = None,
    ) -> None:
        self._targets = tuple(targets)
        self._enabled = enabled
        self._make_call = make_call
        self._report = report
        self._instances = instances
        self._found: dict[tuple[str, str, str], Discovered] = {}
        self._matched: set[Target] = set()
        self._explained: dict[Target, str] = {}
        self._names_of_main: set[str] = set()
        self._creation = ClassCreation(self._is_interesting, self._on_class)
        self._imports = MatchingImports(self._is_named_by_a_glob, self._on_import)

    def install(self) -> None:
        """Patch what exists, and from now on whatever is defined or imported."""
        if not self._enabled and not self._targets:
            return
        self._creation.install()
        if any(target.module_is_glob for target in self._targets):
            self._imports.install()
        for module in tuple(sys.modules.values()):
            failopen.attempt(_SITE, self._on_existing_module, module)
        exact = {target.module for target in self._targets if not target.module_is_glob}
        for name in sorted(exact - {"__main__"}):  # that one is there, and empty: its classes are seen as they are made
            hooks.when_imported(name, self._on_import)

    def uninstall(self) -> None:
        """Patch nothing new any more. What is patched stays: `observation.stop_observing` switches it off."""
        self._creation.uninstall()
        self._imports.uninstall()

    @property
    def found(self) -> tuple[Discovered, ...]:
        """Everything that was patched, skipped or failed until now."""
        return tuple(self._found.values())

    def unmatched(self) -> list[tuple[Target, str]]:
        """Return each target that has matched nothing until now, with the reason as a phrase."""
        missing = [target for target in self._targets if target not in self._matched]
        return [(target, self._explained.get(target) or self._explain(target)) for target in missing]

    # --- when there is something to see ---

    def _is_interesting(self, module_globals: dict[str, Any]) -> bool:
        names = selection.module_names(module_globals)
        if any(target.matches_module(names) for target in self._targets):
            return True
        # A class of the user's own may override a method of one that a target names.
        return matching.is_users_module(names[0], module_globals.get("__file__"))

    def _is_named_by_a_glob(self, module: str) -> bool:
        return any(target.module_is_glob and fnmatchcase(module, target.module) for target in self._targets)

    def _on_class(self, created: CreatedClass) -> None:
        if self._instances is not None:
            self._instances.complete()
        names = selection.module_names(created.module_globals)
        if names[0] == "__main__":  # it has no file yet when the launcher installs this
            self._names_of_main.update(names)
        self._examine_class(created.cls, names, undecorated=created.undecorated)

    def _on_existing_module(self, module: ModuleType) -> None:
        namespace = selection.namespace_of(module)
        if not self._creation.cares_about(namespace):
            return
        names = selection.module_names(namespace)
        for cls in selection.classes_defined_in(namespace, names[0]):
            self._examine_class(cls, names, undecorated=True)
        if self._is_named_by_a_glob(names[0]):
            self._on_import(module)

    def _on_import(self, module: ModuleType) -> None:
        """Look at everything that targets name in a module whose code has run."""
        namespace = vars(module)
        names = selection.module_names(namespace)
        for target in self._targets:
            if target.matches_module(names):
                for name, value in selection.meant_in_module(target, names[0], namespace):
                    self._examine_value(target, module, name, value)
                if not target.module_is_glob and target not in self._matched:
                    self._explain_once(target)
        if self._instances is not None:
            self._instances.complete()

    # --- what is to be patched ---

    def _examine_value(self, target: Target, module: ModuleType, name: str, value: Any) -> None:
        """Patch a class or function that stands in the namespace of a module that `target` names."""
        if isinstance(value, type):
            self._examine_for_target(target, value, undecorated=True)
            return
        self._matched.add(target)
        self._patch(_Place(module, module.__name__, "", name, value), _Wish.of(target))

    def _examine_class(self, cls: type, names: Sequence[str], *, undecorated: bool) -> None:
        for target in self._targets:
            if any(
                selection.covers(target, base, names if base is cls else (base.__module__,)) for base in cls.__mro__
            ):
                self._examine_for_target(target, cls, undecorated=undecorated)
        if self._enabled:
            self._examine_by_name(cls, undecorated=undecorated)

    def _examine_for_target(self, target: Target, cls: type, *, undecorated: bool) -> None:
        wish = _Wish.of(target)
        if target.kind == "pool":
            self._matched.add(target)
            self._track(cls, "pool", wish.why, undecorated=undecorated)
            return
        methods = list(selection.meant_in_class(target, cls))
        for name, value in methods:
            self._matched.add(target)
            self._patch(_Place(cls, cls.__module__, cls.__qualname__, name, value), wish)
        if methods and target.kind == "agent":
            self._follow(cls, "agent", undecorated=undecorated)

    def _examine_by_name(self, cls: type, *, undecorated: bool) -> None:
        match = matching.match(cls)
        if match is None or matching.is_protocol(cls):
            return
        if match.role == "pool":
            self._track(cls, "pool", match.why, undecorated=undecorated)
            return
        allowed = matching.METHODS[match.role]
        for name in [name for name in cls.__dict__ if name in allowed]:
            place = _Place(cls, cls.__module__, cls.__qualname__, name, cls.__dict__[name])
            self._patch(place, _Wish(match.role, f"{match.why} and it has {name}", {}, explicit=False))
        if match.role == "agent" and any(hasattr(cls, name) for name in allowed):
            self._follow(cls, "agent", undecorated=undecorated)
        elif not any(hasattr(cls, name) for name in allowed):
            reason = f"has none of the methods {', '.join(allowed)}"
            self._record(_Place(cls, cls.__module__, cls.__qualname__, "", cls), match.role, match.why, reason=reason)

    # --- the deed ---

    def _patch(self, place: _Place, wish: _Wish) -> None:
        call = self._make_call(wish.kind, place.target, wish.paths)
        if wish.kind == "agent" and self._instances is not None:
            call = _also_noting(call, self._instances)
        site = f"own_classes.{wish.kind}"
        if _is_observed(place.value, call, site):
            return
        reason = matching.obstacle(place.value)
        status: Status = "failed" if wish.explicit and not matching.is_abstract(place.value) else "skipped"
        if reason is None:
            reason = _put(place, wrap(place.value, call, site))
            status = "failed" if reason else "patched"
        found = self._record(place, wish.kind, wish.why, status=status, reason=reason)
        if found is not None and status == "failed":
            self._report(f"{wish.source}: {wish.why}: {found}" if wish.source else f"{found}")

    def _track(self, cls: type, kind: str, why: str, *, undecorated: bool) -> None:
        self._follow(cls, kind, undecorated=undecorated)
        self._record(_Place(cls, cls.__module__, cls.__qualname__, "", cls), kind, why, status="tracked")

    def _follow(self, cls: type, kind: str, *, undecorated: bool) -> None:
        if self._instances is not None:
            self._instances.track(cls, kind, undecorated=undecorated)

    def _record(
        self, place: _Place, kind: str, why: str, *, status: Status = "skipped", reason: str = ""
    ) -> Discovered | None:
        """Remember what became of a place; return it if that is news."""
        file, line = place_of(place.value, place.module)
        found = Discovered(kind, place.module, place.qualname, place.name, why, file, line, status, reason)
        key = (place.module, place.qualname, place.name)
        is_news = self._found.get(key) != found
        self._found[key] = found
        return found if is_news else None

    # --- what was not found ---

    def _explain_once(self, target: Target) -> None:
        if target not in self._explained:
            self._explained[target] = reason = self._explain(target)
            self._report(f"{target.source}: the target {target} matches nothing: {reason}")

    def _explain(self, target: Target) -> str:
        if target.class_pattern is None and target.matches_module(self._names_of_main):
            return misses.functions_of_main(target)
        for module in tuple(sys.modules.values()):
            namespace = selection.namespace_of(module)
            names = selection.module_names(namespace)
            if not target.matches_module(names):
                continue
            if names[0] == "__main__" and target.class_pattern is None:
                return misses.functions_of_main(target)
            return misses.explain(target, names[0], namespace)
        return misses.never_imported(target)


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """Where something stands: in a class (`qualname`) or in a module."""

    owner: Any
    module: str
    qualname: str
    name: str
    value: Any

    @property
    def target(self) -> str:
        return f"{self.module}:{'.'.join(filter(None, (self.qualname, self.name)))}"


@dataclasses.dataclass(frozen=True, slots=True)
class _Wish:
    """What something is to become, and whether the user named this very thing (then an obstacle is an error)."""

    kind: str
    why: str
    paths: Mapping[str, str]
    explicit: bool
    source: str = ""

    @classmethod
    def of(cls, target: Target) -> _Wish:
        explicit = not is_glob(target.last_pattern)
        return cls(target.kind, f"the target {target}", target.paths, explicit, target.source)


def _is_observed(value: Any, call: Call, site: str) -> bool:
    """Whether calls of `value` are seen already, be it under decorators that others have put on top."""
    while value is not None:
        if isinstance(value, FunctionWrapper) and wrap(value, call, site) is value:
            return True
        value = getattr(value, "__wrapped__", None)
    return False


def _put(place: _Place, wrapped: Any) -> str:
    """Put `wrapped` where the original stands; return the reason if that is impossible, else nothing."""
    try:
        if isinstance(place.owner, type):
            type.__setattr__(place.owner, place.name, wrapped)  # past whatever a metaclass makes of it
        else:
            setattr(place.owner, place.name, wrapped)
    except (TypeError, AttributeError):
        return "cannot be changed: its type is written in C or made immutable"
    return ""


def _also_noting(call: Call, instances: Instances) -> Call:
    request = call.request

    def note_and_request(intercepted: Intercepted) -> Operation | None:
        instances.seen(intercepted.instance)
        return request(intercepted)

    return dataclasses.replace(call, request=note_and_request)
