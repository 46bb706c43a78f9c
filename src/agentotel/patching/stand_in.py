"""An object that stands in for another one and looks like it from everywhere, special methods included.

wrapt's object proxy has all special methods that exist, whether the real object has them or not, so a stream would
claim a length and an async context. Here a class is made for each type, with just the methods of that type.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NOT_PASSED_ON: Final = frozenset(
    {
        "__class_getitem__",
        "__del__",
        "__getattribute__",
        "__init_subclass__",
        "__new__",
        "__set_name__",
        "__subclasshook__",
    }
)
"""Special methods of a type that are no business of a stand-in: it is made and destroyed in its own way."""


class StandIn:
    """Passes everything on to `_self_real`. Names that begin with ``_self_`` are its own.

    Args:
        real: The object that it stands for.
    """

    def __init__(self, real: Any) -> None:
        self._self_real = real

    @property  # type: ignore[misc]  # what `isinstance` asks
    def __class__(self) -> type:
        """The real type."""
        return type(self._self_real)

    def __getattr__(self, name: str) -> Any:
        """Read an attribute of the real object."""
        return getattr(self._self_real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute of the real object, or one of its own."""
        if name.startswith("_self_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._self_real, name, value)

    def __delattr__(self, name: str) -> None:
        """Delete an attribute of the real object."""
        delattr(self._self_real, name)


def class_for(kind: type, base: type[StandIn], replaced: Mapping[str, Callable[..., Any]]) -> type[StandIn]:
    """Return a subclass of `base` for stand-ins of objects of type `kind`.

    Args:
        kind: The real type.
        base: Whose subclass is wanted.
        replaced: Special methods that do something else than to pass the call on, used where `kind` has them.
    """
    special = [name for name in dir(kind) if name.startswith("__") and name.endswith("__")]
    methods = {
        name: replaced.get(name) or _passed_on(name)
        for name in special
        if name not in _NOT_PASSED_ON and name not in StandIn.__dict__ and callable(getattr(kind, name))
    }
    return type(base.__name__, (base,), methods)


@functools.cache
def _passed_on(name: str) -> Callable[..., Any]:
    """Return a method that calls the one of this name on the real object, found on its type as Python finds it."""

    def call(self: StandIn, *args: Any, **kwargs: Any) -> Any:
        real = self._self_real
        return getattr(type(real), name)(real, *args, **kwargs)

    call.__name__ = name
    return call
