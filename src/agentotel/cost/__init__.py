"""What a model call costs: a bundled, dated price table, the user's own prices before it, and exact arithmetic."""

from agentotel.cost.budgets import Budgets
from agentotel.cost.price_file import load_price_file
from agentotel.cost.prices import Cost, Prices
from agentotel.cost.rates import PriceTable, Rates, Tier

__all__ = ["Budgets", "Cost", "PriceTable", "Prices", "Rates", "Tier", "load_price_file"]
