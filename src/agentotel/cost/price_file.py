"""Reads the user's own price file (``AGENTOTEL_PRICES``): TOML or JSON, every entry judged for itself."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentotel._base.errors import SettingError, printable
from agentotel.cost.rates import PriceTable, Rates, tier

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTING: Final = "AGENTOTEL_PRICES"

_PRICES: Final = ("input", "output", "cache_read", "cache_write", "reasoning", "request")
_TOP_LEVEL: Final = ("currency", "models", "version")
_MAX_FILE_BYTES: Final = 16 * 1024 * 1024
_MAX_PRICE: Final = 10**9
_CURRENCY_LETTERS: Final = 3


def load_price_file(path: str | Path) -> tuple[PriceTable, list[SettingError]]:
    """Return the prices in the file at `path`, and what is wrong with it.

    Never raises: a file that cannot be read gives an empty table and one problem, a bad entry gives a problem and
    the good entries all the same. The form, all prices per million tokens except ``request`` (per call)::

        currency = "USD"             # optional
        version = "2026-11"          # optional, stands in agent.cost.prices; default: name and date of the file

        [models."my-model-*"]        # exact name or glob, any case
        provider = "openai"          # optional: only for calls of this gen_ai.provider.name
        input = 2.5
        output = 10
        cache_read = 0.25            # optional, default: as input
        cache_write = 3.125          # optional, default: as input
        reasoning = 10               # optional, default: as output
        request = 0.005              # optional, per call

    Args:
        path: A file whose name ends in ``.json`` is JSON, any other is TOML.
    """
    path = Path(path)
    try:
        content = _parsed(path)
        dated = datetime.fromtimestamp(path.stat().st_mtime, tz=timezone.utc).date().isoformat()
    except (OSError, ValueError, RecursionError) as error:
        return PriceTable(), [_problem(path, f"a TOML or JSON file with prices ({printable(error)})")]
    return _Reading(path).table(content, default_version=f"{path.name} of {dated}")


def _parsed(path: Path) -> Any:
    """Return what the file holds, numbers as decimals so that 0.1 stays 0.1."""
    with path.open("rb") as file:
        raw = file.read(_MAX_FILE_BYTES + 1)
    if len(raw) > _MAX_FILE_BYTES:
        raise ValueError(f"larger than {_MAX_FILE_BYTES} bytes")
    text = raw.decode("utf-8-sig")
    if path.suffix.lower() == ".json":
        return json.loads(text, parse_float=Decimal)
    return tomllib.loads(text, parse_float=Decimal)


def _problem(path: Path, expected: str) -> SettingError:
    return SettingError(SETTING, str(path), expected)


class _Reading:
    """One way through a parsed file, collecting what is wrong with it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problems: list[SettingError] = []

    def table(self, content: Any, default_version: str) -> tuple[PriceTable, list[SettingError]]:
        """Return the table of what can be used, and the problems."""
        if not isinstance(content, dict):
            return PriceTable(), [_problem(self._path, "a table at the top of the file")]
        self._check_keys(content, _TOP_LEVEL, "")
        models = content.get("models", {})
        if not isinstance(models, dict):
            self._expect("models", 'a table of models ([models."name"])', models)
            models = {}
        rates: dict[tuple[str | None, str], Rates] = {}
        for name, entry in models.items():
            found = self._entry(name, entry)
            if found is not None:
                rates[found[0], name.lower()] = found[1]
        currency = self._currency(content.get("currency", "USD"))
        version = content.get("version", default_version)
        return PriceTable(rates, currency, printable(version)), self._problems

    def _currency(self, value: Any) -> str:
        """Return the currency, US dollars where it is none."""
        if isinstance(value, str) and len(value) == _CURRENCY_LETTERS and value.isascii() and value.isalpha():
            return value.upper()
        self._expect("currency", "a code of three letters, such as USD", value)
        return "USD"

    def _entry(self, name: str, entry: Any) -> tuple[str | None, Rates] | None:
        """Return provider and prices of one model, or None when there is anything wrong with it."""
        where, before = f'models."{printable(name)}"', len(self._problems)
        if not isinstance(entry, dict):
            self._expect(where, "a table with input and output", entry)
            return None
        self._check_keys(entry, ("provider", *_PRICES), f"{where}.")
        provider = entry.get("provider")
        if provider is not None and not isinstance(provider, str):
            self._expect(f"{where}.provider", "text, such as openai", provider)
        prices = {key: self._price(f"{where}.{key}", entry[key]) for key in _PRICES if key in entry}
        if "input" not in prices and "output" not in prices:
            self._expect(where, "at least one of input and output, in currency per million tokens", entry)
        if len(self._problems) > before:
            return None
        complete: Mapping[str, Decimal | None] = {"input": None, "output": None, **prices}
        return provider.lower() if provider else None, Rates((tier(-1, **complete),))

    def _price(self, where: str, value: Any) -> Decimal | None:
        """Return a price; None, and a problem, when it is none."""
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            price = Decimal(value)
            if price.is_finite() and 0 <= price <= _MAX_PRICE:
                return price
        self._expect(where, f"a number from 0 to {_MAX_PRICE}", value)
        return None

    def _check_keys(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        """Point out keys that mean nothing here: a misspelt price would silently not count."""
        for key in table:
            if key not in known:
                self._expect(f"{where}{printable(key)}", f"one of the keys {', '.join(known)}", key)

    def _expect(self, where: str, expected: str, found: Any) -> None:
        self._problems.append(_problem(self._path, f"{where} to be {expected}, found {printable(found, 80)}"))
