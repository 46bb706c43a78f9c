"""Tests of the user's own price file."""

import json
import os
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel._base.errors import SettingError
from agentotel.cost import PriceTable, load_price_file
from agentotel.model.operations import Usage

GOOD = """
currency = "eur"
version = "2026-11"

[models."My-Model-*"]
input = 2.5
output = 10
cache_read = 0.25

[models."local"]
provider = "vLLM"
input = 0.1
output = 0.2
request = 0.005
"""


def write(tmp_path, text, name="prices.toml"):
    """Write a price file and return its path."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file(tmp_path):
    """Names, globs, providers, currency and version are read, and nothing is wrong."""
    table, problems = load_price_file(write(tmp_path, GOOD))
    assert problems == []
    assert (table.currency, table.version) == ("EUR", "2026-11")
    assert table.find(None, "my-model-7").amount(Usage(1_000_000, 100_000, 400_000)) == 2.6
    assert table.find("vllm", "local").amount(Usage(1_000_000, 1_000_000)) == 0.305
    assert table.find("openai", "local") is None


def test_json_says_the_same(tmp_path):
    """The same table as JSON gives the same prices."""
    content = {"currency": "EUR", "version": "2026-11", "models": {
        "My-Model-*": {"input": 2.5, "output": 10, "cache_read": 0.25},
        "local": {"provider": "vLLM", "input": 0.1, "output": 0.2, "request": 0.005},
    }}  # fmt: skip
    toml, _ = load_price_file(write(tmp_path, GOOD))
    assert load_price_file(str(write(tmp_path, json.dumps(content), "p.json"))) == (toml, [])


def test_the_version_is_the_file_and_its_date_by_default(tmp_path):
    """Without a version of its own the file is named with its date."""
    path = write(tmp_path, '[models."m"]\ninput = 1\noutput = 1')
    os.utime(path, (1_760_000_000, 1_760_000_000))
    table, _ = load_price_file(path)
    assert (table.version, table.currency) == ("prices.toml of 2025-10-09", "USD")


@pytest.mark.parametrize(
    ("entry", "where", "expected"),
    [
        ("input = -1\noutput = 1", 'models."bad".input', "a number from 0"),
        ('input = "2.5"\noutput = 1', 'models."bad".input', "found 2.5"),
        ("input = nan\noutput = 1", 'models."bad".input', "found NaN"),
        ("input = inf\noutput = 1", 'models."bad".input', "a number from 0"),
        ("input = true\noutput = 1", 'models."bad".input', "a number from 0"),
        ("input = 1e40\noutput = 1", 'models."bad".input', "a number from 0"),
        ("inptu = 1\noutput = 1", 'models."bad".inptu', "one of the keys provider, input"),
        ("provider = 7\ninput = 1", 'models."bad".provider', "text, such as openai"),
        ("cache_read = 1", 'models."bad"', "at least one of input and output"),
    ],
)
def test_a_bad_entry_is_named_and_the_good_ones_stay(tmp_path, entry, where, expected):
    """The problem names setting, file, key and what was expected; other models keep their prices."""
    table, (problem,) = load_price_file(write(tmp_path, f'{GOOD}\n[models."bad"]\n{entry}\n'))
    assert isinstance(problem, SettingError)
    for part in ("AGENTOTEL_PRICES=", "prices.toml", where, expected):
        assert part in str(problem)
    assert table.find(None, "bad") is None
    assert table.find(None, "my-model-1") is not None
    assert table.find("vllm", "local") is not None


def test_an_entry_that_is_no_table(tmp_path):
    """A number in the place of a table is named."""
    table, (problem,) = load_price_file(write(tmp_path, "[models]\nbad = 3\ngood = { input = 1, output = 2 }"))
    assert 'models."bad" to be a table with input and output, found 3' in str(problem)
    assert table.find(None, "good") is not None


@pytest.mark.parametrize("currency", ['"dollars"', "5", '"€€€"'])
def test_a_bad_currency(tmp_path, currency):
    """A currency that is none is named, and dollars are assumed."""
    table, (problem,) = load_price_file(write(tmp_path, f'currency = {currency}\n[models."m"]\ninput = 1'))
    assert "currency to be a code of three letters" in str(problem)
    assert table.currency == "USD"
    assert table.find(None, "m") is not None


def test_unknown_keys_at_the_top(tmp_path):
    """A misspelt top-level key is pointed out."""
    _, (problem,) = load_price_file(write(tmp_path, "[model.m]\ninput = 1"))
    assert "model to be one of the keys currency, models, version" in str(problem)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("p.toml", '[models."m"]\ninput = = 1', "line 2"),
        ("p.json", '{"models": {\n"m": }}', "line 2"),
        ("p.json", "[1, 2]", "a table at the top"),
        ("p.json", "[" * 100_000, "recursion"),
        ("p.toml", "models = 5", "a table of models"),
        ("p.toml", "\ud800".encode("utf-8", "surrogatepass"), "utf-8"),
        ("p.toml", b"#" * (16 * 1024 * 1024 + 1), "larger than"),
    ],
    ids=["toml", "json", "list", "deep", "models", "encoding", "huge"],
)
def test_a_file_that_cannot_be_used(tmp_path, name, text, expected):
    """A broken file is an empty table and one message with file, line and reason."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    table, (problem,) = load_price_file(path)
    assert table.rates == {}
    assert name in str(problem)
    assert expected in str(problem)


def test_a_file_that_is_not_there(tmp_path):
    """A missing file and a folder are named with the reason."""
    _, (missing,) = load_price_file(tmp_path / "none.toml")
    _, (folder,) = load_price_file(tmp_path)
    assert "No such file" in str(missing)
    assert "directory" in str(folder)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["models", "input", "output", "provider", "currency", "version", "m"]), inner, max_size=4
    ),
    max_leaves=15,
)  # fmt: skip


@given(content=VALUES)
def test_no_content_ever_raises(content, tmp_path_factory):
    """Whatever is in the file, the result is a table and a list of problems."""
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    table, problems = load_price_file(path)
    assert isinstance(table, PriceTable)
    assert all(isinstance(problem, SettingError) for problem in problems)
    for rates in table.rates.values():
        assert rates.amount(Usage(0, 0)) >= 0


def test_prices_are_decimal(tmp_path):
    """0.1 in the file is a tenth, not the nearest binary fraction."""
    table, _ = load_price_file(write(tmp_path, '[models."m"]\ninput = 0.1\noutput = 0'))
    assert table.find(None, "m").tiers[0].input == int(Decimal("0.1") * 10**12)
