"""How one variable of the table is keyed and shown."""

from __future__ import annotations

from agentotel.config import casting
from agentotel.config.variable import Variable


def variable(name: str, field: str | None = None, *, secret: bool = False) -> Variable:
    """Return a variable of which only the given parts matter."""
    return Variable(name, field, casting.TEXT, "", "Does something.", "x", "Section", secret=secret)


def test_only_our_own_variables_stand_in_files() -> None:
    """The key in a file is the name without its prefix; the SDK's variables count in the environment only."""
    assert variable("AGENTOTEL_EXIT_TIMEOUT", "exit_timeout_s").file_key == "exit_timeout"
    assert variable("OTEL_SERVICE_NAME").file_key is None


def test_a_variable_without_a_field_is_keyed_by_its_name() -> None:
    """What the SDK applies has no field, and is found by its name."""
    assert variable("AGENTOTEL_DB", "db").key == "db"
    assert variable("OTEL_SERVICE_NAME").key == "OTEL_SERVICE_NAME"


def test_control_characters_are_shown_escaped() -> None:
    """A value cannot break the line or move the cursor of whoever looks at it."""
    assert variable("AGENTOTEL_DB").shown("a\nb\x1b[2J") == "a\\nb\\x1b[2J"


def test_a_secret_of_a_kind_without_a_mask_is_hidden_whole() -> None:
    """Forgetting the mask of a kind hides more, not less."""
    assert variable("AGENTOTEL_KEY", secret=True).shown("hunter2") == "***"
    assert not variable("AGENTOTEL_KEY", secret=True).shown("")
