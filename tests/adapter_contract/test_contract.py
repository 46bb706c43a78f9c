"""The contract holds for a library that is mapped well."""

from __future__ import annotations

from adapter_contract import AdapterContract
from adapter_contract.toy_recipe import RECIPE


class TestToy(AdapterContract):
    recipe = RECIPE
