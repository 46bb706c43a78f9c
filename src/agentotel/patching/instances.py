"""Knows when an agent or a pool of the user's own classes is created and gone, and how full the pools are.

State: each `Instances` remembers the living agents (by id, with a finaliser) and weak references to the
pools.

How creation is seen depends on who writes ``__init__``:

- A class with an ``__init__`` of its own: it is wrapped. ``@dataclass`` and attrs keep such a one.
- A class that certainly gets none (no decorator, no annotations): one is added that goes on to the next in
  line.
- Anything else may be given an ``__init__`` by a decorator, which an added one would suppress. Here
  ``__post_init__`` and ``__attrs_post_init__`` are added, which the generated ones call. Where none was
  generated, the class is completed as soon as its module has been imported or an instance is seen at work.
"""

from __future__ import annotations

import inspect
import sys
import threading
import weakref
from abc import ABCMeta
from functools import partial, wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, Protocol

from agentotel._base import failopen
from agentotel.patching import collected, matching

if TYPE_CHECKING:
    from collections.abc import Callable

_SITE: Final = "patching.instances"
_AFTER_INIT: Final = ("__post_init__", "__attrs_post_init__")
_ANNOTATIONS: Final = frozenset({"__annotations__", "__annotate__", "__annotate_func__"})
_MOST_INCOMPLETE: Final = 200
_MARK: Final = "_agentotel_instances"


class Listener(Protocol):
    """Whoever counts: the distro's wiring, or a fake in a test. Its methods run inside the fail-open guard."""

    def created(self, cls: type, instance: object, *, tracked: bool) -> object:
        """Note that an agent exists now.

        Args:
            cls: Its class.
            instance: The agent itself, completely initialised. Keep no strong reference.
            tracked: Whether `closed` is going to be called (not for classes without weak references).

        Returns:
            Whatever `closed` needs, without a reference to the instance.
        """

    def closed(self, token: object) -> None:
        """Note that the agent for which `created` returned `token` is gone. May run in any thread."""

    def pool_created(self, name: str, pool: weakref.ref[Any]) -> None:
        """Note that a pool exists now; its fill level is in `Instances.pool_readings`."""


class Instances:
    """Follows the instances of the classes that are given to `track`.

    Args:
        listener: Who is told.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._alive: dict[int, weakref.finalize[Any, Any]] = {}
        self._under_construction: set[tuple[int, int]] = set()
        self._incomplete: dict[int, tuple[type, str]] = {}
        self._pools: list[weakref.ref[Any]] = []
        self._lock = threading.Lock()

    def track(self, cls: type, kind: str, *, undecorated: bool) -> None:
        """Follow the instances of `cls` that are made from now on.

        Args:
            cls: A class of the user's.
            kind: ``agent`` or ``pool``.
            undecorated: Whether no decorator is going to see the class any more.
        """
        if isinstance(cls.__dict__.get("__init__"), FunctionType):
            self._wrap(cls, "__init__", kind)
        elif "__init__" in cls.__dict__:
            return  # some descriptor: whatever it is, it is not ours to replace
        elif undecorated and _is_sure_to_get_no_init(cls):
            self._add(cls, "__init__", kind)
        else:
            for name in _AFTER_INIT:
                self._wrap_or_add(cls, name, kind)
            self._postpone(cls, kind)

    def complete(self) -> None:
        """Add what is missing to classes whose modules have been imported completely. Cheap when there are none."""
        if not self._incomplete:
            return
        with self._lock:
            waiting, self._incomplete = self._incomplete, {}
        for cls, kind in waiting.values():
            if _is_being_imported(cls):
                self._postpone(cls, kind)
            else:
                self._complete(cls, kind)

    def seen(self, instance: object) -> None:
        """Note that an agent is at work: one of an incomplete class is counted now, late rather than never."""
        found = self._incomplete.pop(id(type(instance)), None) if self._incomplete else None
        if found is not None and self._complete(*found) and id(instance) not in self._alive:
            self._announce(instance, found[1])

    def _postpone(self, cls: type, kind: str) -> None:
        """Remember to complete a class; a program that makes classes without end loses the oldest ones."""
        with self._lock:
            while len(self._incomplete) >= _MOST_INCOMPLETE:
                self._incomplete.pop(next(iter(self._incomplete)))
            self._incomplete[id(cls)] = (cls, kind)

    def pool_readings(self) -> list[tuple[str, int, int]]:
        """Read all living pools now.

        Returns:
            Name, size and maximal size; pools of one name are added up, those that cannot be read are left
            out.
        """
        totals: dict[str, tuple[int, int]] = {}
        for reference in tuple(self._pools):
            pool = reference()
            reading = None if pool is None else failopen.attempt(f"{_SITE}.pool", read_pool, pool)
            if reading is not None:
                size, limit = totals.get(reading[0], (0, 0))
                totals[reading[0]] = (size + reading[1], limit + reading[2])
        return [(name, size, limit) for name, (size, limit) in totals.items()]

    def _complete(self, cls: type, kind: str) -> bool:
        """Make sure that creation is seen; return whether it was not until now."""
        generated = cls.__dict__.get("__init__")
        if generated is None:
            self._add(cls, "__init__", kind)
            return True
        calls_ours = "__post_init__" in _names_used_by(generated) or "__attrs_post_init__" in _names_used_by(generated)
        if calls_ours or not isinstance(generated, FunctionType):
            return False
        self._wrap(cls, "__init__", kind)
        return True

    def _wrap_or_add(self, cls: type, name: str, kind: str) -> None:
        if isinstance(cls.__dict__.get(name), FunctionType):
            self._wrap(cls, name, kind)
        elif name not in cls.__dict__:
            self._add(cls, name, kind)

    def _wrap(self, cls: type, name: str, kind: str) -> None:
        original: Callable[..., Any] = cls.__dict__[name]
        if hasattr(original, _MARK):
            return

        @wraps(original)
        def initialise(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return follow(self, original, args, kwargs)

        follow = partial(self._follow, kind)
        setattr(initialise, _MARK, True)
        type.__setattr__(cls, name, initialise)  # past whatever a metaclass makes of it

    def _add(self, cls: type, name: str, kind: str) -> None:
        """Add a method that goes on to the next class in line.

        The class is looked up in each call: ``@dataclass(slots=True)`` copies the function into another one.
        """

        def initialise(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            return follow(self, _next_in_line(self, name, initialise), args, kwargs)

        follow = partial(self._follow, kind)
        _dress(initialise, cls, name)
        type.__setattr__(cls, name, initialise)  # past whatever a metaclass makes of it

    def _follow(
        self,
        kind: str,
        instance: Any,
        original: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """Run `original`, which is the user's, and announce the instance when the outermost of its kind is done."""
        key = (threading.get_ident(), id(instance))
        if key in self._under_construction:
            return original(instance, *args, **kwargs)
        self._under_construction.add(key)
        try:
            result = original(instance, *args, **kwargs)
        finally:
            self._under_construction.discard(key)
        failopen.attempt(_SITE, self._announce, instance, kind)
        return result

    def _announce(self, instance: Any, kind: str) -> None:
        if kind == "pool":
            self._announce_pool(instance)
            return
        identity = id(instance)
        if identity in self._alive:
            return  # somebody called __init__ again
        tracked = _accepts_weak_references(instance)
        token = failopen.attempt(f"{_SITE}.created", partial(self._created, instance, tracked=tracked))
        if tracked:
            finalizer = weakref.finalize(instance, self._close, identity, token)
            finalizer.atexit = False
            self._alive[identity] = finalizer

    def _created(self, instance: Any, *, tracked: bool) -> object:
        return self._listener.created(type(instance), instance, tracked=tracked)

    def _close(self, identity: int, token: object) -> None:
        self._alive.pop(identity, None)
        collected.later(f"{_SITE}.closed", self._listener.closed, token)

    def _announce_pool(self, pool: Any) -> None:
        if not _accepts_weak_references(pool) or any(known() is pool for known in self._pools):
            return
        reference = weakref.ref(pool, self._forget_pool)
        self._pools.append(reference)
        failopen.attempt(f"{_SITE}.pool_created", self._listener.pool_created, pool_name(pool), reference)

    def _forget_pool(self, reference: weakref.ref[Any]) -> None:
        self._pools = [known for known in self._pools if known is not reference]


def pool_name(pool: object) -> str:
    """Return the pool's own name, or that of its class."""
    name = failopen.attempt(f"{_SITE}.pool", getattr, pool, "name", None)
    return name if isinstance(name, str) and name else type(pool).__name__


def read_pool(pool: object) -> tuple[str, int, int] | None:
    """Read name, size and maximal size of a pool; None where it does not tell them as whole numbers."""
    size = _first_number(pool, matching.POOL_SIZES)
    limit = _first_number(pool, matching.POOL_LIMITS)
    return None if size is None or limit is None else (pool_name(pool), size, limit)


def _first_number(pool: object, names: tuple[str, ...]) -> int | None:
    for name in names:
        value = failopen.attempt(f"{_SITE}.pool", getattr, pool, name, None)
        if callable(value):
            value = failopen.attempt(f"{_SITE}.pool", value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _accepts_weak_references(instance: object) -> bool:
    return type(instance).__weakrefoffset__ != 0


def _is_sure_to_get_no_init(cls: type) -> bool:
    """Whether nobody is going to generate an ``__init__``: no fields, or a metaclass that has dealt with them."""
    return type(cls) not in {type, ABCMeta} or _ANNOTATIONS.isdisjoint(cls.__dict__)


def _is_being_imported(cls: type) -> bool:
    """Whether the module of `cls` still runs, so that a decorator may not have seen the class yet."""
    if cls.__module__ == "__main__":
        return True
    specification = getattr(sys.modules.get(cls.__module__), "__spec__", None)
    return bool(getattr(specification, "_initializing", False))


def _names_used_by(function: object) -> tuple[str, ...]:
    return getattr(getattr(function, "__code__", None), "co_names", ())


def _next_in_line(instance: Any, name: str, function: object) -> Callable[..., Any]:
    """Return what a call of `name` would reach if `function` were not there, as an unbound function."""
    mro = type(instance).__mro__
    holder = next((base for base in mro if base.__dict__.get(name) is function), None)
    position = 0 if holder is None else mro.index(holder)
    following = next((base for base in mro[position + 1 :] if name in base.__dict__), None)
    if holder is None or following is None:
        return _nothing
    if following is object:
        return _object_init
    return partial(_call_bound, getattr(super(holder, instance), name))


def _call_bound(method: Callable[..., Any], _: object, /, *args: Any, **kwargs: Any) -> Any:
    return method(*args, **kwargs)


def _nothing(_: object, /, *_args: Any, **_kwargs: Any) -> None:
    """Stand in for a ``__post_init__`` that the user's classes do not have."""


def _object_init(instance: object, /, *args: Any, **kwargs: Any) -> None:
    """Do as ``object`` does for a class without ``__init__``, down to the text of its error."""
    cls = type(instance)
    if (args or kwargs) and cls.__new__ is object.__new__:
        raise TypeError(f"{cls.__name__}() takes no arguments")


def _dress(function: Any, cls: type, name: str) -> None:
    """Let an added method look like what it stands for to whoever inspects it."""
    function.__name__ = name
    function.__qualname__ = f"{cls.__qualname__}.{name}"
    function.__module__ = cls.__module__
    if name == "__init__":
        failopen.attempt(_SITE, _imitate_inherited, function, cls)
    setattr(function, _MARK, True)


def _imitate_inherited(function: Any, cls: type) -> None:
    inherited = next(base.__dict__["__init__"] for base in cls.__mro__[1:] if "__init__" in base.__dict__)
    function.__doc__ = inherited.__doc__
    if inherited is object.__init__:
        only_self = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        function.__signature__ = inspect.Signature([only_self])
    else:
        function.__dict__.update(getattr(inherited, "__dict__", {}))  # pydantic marks its own one, and looks for it
        function.__signature__ = inspect.signature(inherited)
