"""What the table of settings says about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agentotel._base.errors import printable

if TYPE_CHECKING:
    from agentotel.config.casting import Kind

PREFIX: Final = "AGENTOTEL_"
"""Variables with this prefix are agentotel's own: they may also stand in the files."""


class Variable(NamedTuple):
    """One setting.

    A tuple, because creating a dataclass costs a starting program four times as much.

    Attributes:
        name: The environment variable.
        field: The field of `Settings` that it fills; None where the OpenTelemetry SDK reads the variable
            itself and agentotel only checks its form.
        kind: What it may be.
        default: What is used when nobody says anything, written as a user would; empty for nothing.
        description: What it does, for the documentation.
        example: A value that is worth showing.
        section: The heading under which the documentation lists it.
        secret: Whether its value has parts that must not be shown.
        fallback: The variable whose value is used before the default.
        merged: Whether all sources count together, instead of the first one.
    """

    name: str
    field: str | None
    kind: Kind
    default: str
    description: str
    example: str
    section: str
    secret: bool = False
    fallback: str | None = None
    merged: bool = False

    @property
    def key(self) -> str:
        """The field, or the name where there is no field: what `Loaded.sources` is keyed by."""
        return self.field or self.name

    @property
    def file_key(self) -> str | None:
        """The key in ``agentotel.toml`` and ``[tool.agentotel]``; None where only the environment counts."""
        return self.name.removeprefix(PREFIX).lower() if self.name.startswith(PREFIX) else None

    def shown(self, text: str) -> str:
        """Return a value of this variable as one line that may be shown to anybody."""
        if self.secret and text:
            text = self.kind.mask(text) if self.kind.mask else "***"
        return printable(text)
