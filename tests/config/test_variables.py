"""The table: complete, consistent with the settings, and every default and example in it is usable."""

from __future__ import annotations

from dataclasses import fields

import pytest

from agentotel.config import Settings
from agentotel.config.variables import VARIABLES
from agentotel.distro.defaults import DEFAULTS


def test_every_field_of_the_settings_has_one_variable() -> None:
    """The table and the settings name the same fields, each of them once."""
    named = [variable.field for variable in VARIABLES if variable.field]
    assert sorted(named) == sorted(field.name for field in fields(Settings))


def test_every_variable_stands_in_the_table_once() -> None:
    """No name is stated twice, neither a variable nor a key of the files."""
    names = [variable.name for variable in VARIABLES]
    keys = [variable.file_key for variable in VARIABLES if variable.file_key]
    assert len(names) == len(set(names))
    assert len(keys) == len(set(keys))


def test_a_fallback_stands_before_the_variables_that_use_it() -> None:
    """The loader takes variables in their order, so what is fallen back on must be known by then."""
    for position, variable in enumerate(VARIABLES):
        if variable.fallback:
            assert variable.fallback in {earlier.name for earlier in VARIABLES[:position]}


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_default_and_example_are_usable(variable) -> None:
    """What the documentation shows can be copied into a terminal: the caster accepts it."""
    variable.kind.cast(variable.example)
    if variable.default:
        variable.kind.cast(variable.default)
    assert variable.example != variable.default


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_descriptions_are_sentences(variable) -> None:
    """Every variable says in a sentence what it does and in a phrase what it expects."""
    assert variable.description.endswith(".")
    assert variable.kind.expected
    assert not variable.kind.expected.endswith(".")


def test_the_defaults_are_those_that_the_distro_sets() -> None:
    """What the table promises for a variable of OpenTelemetry is what the distro puts into the environment."""
    table = {variable.name: variable.default for variable in VARIABLES}
    shared = DEFAULTS.keys() & table.keys()
    assert {name: table[name] for name in shared} == {name: DEFAULTS[name] for name in shared}
    assert "OTEL_EXPORTER_OTLP_TIMEOUT" in shared


def test_what_holds_secrets_is_marked_secret() -> None:
    """Headers and endpoints, and only they, can hold credentials; nothing secret becomes a field."""
    secret = [variable for variable in VARIABLES if variable.secret]
    assert {variable.name.rpartition("_")[2] for variable in secret} == {"HEADERS", "ENDPOINT"}
    assert all(variable.secret for variable in VARIABLES if variable.kind.mask)
    assert all(variable.field is None for variable in secret)
