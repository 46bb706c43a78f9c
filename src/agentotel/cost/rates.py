"""Prices of one model, and the exact arithmetic of one call.

Integers are used throughout: `decimal` would depend on the precision that the user's program has set for its own
thread, and floating point would not add up to the invoice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from agentotel.model.operations import Usage

_SCALE: Final = 10**12
_PER_MILLION: Final = 10**6


class UsageError(ValueError):
    """Token counts that contradict each other, so that any cost made from them would be wrong."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices that hold for calls with more than a number of input tokens, for all tokens of the call.

    Attributes:
        above: The number of input tokens; -1 for the base prices, which always hold.
        input: Price of a million input tokens that are not cached, in units of 10^-12; None where there is none.
        output: The same for output tokens that are no reasoning.
        cache_read: The same for input tokens read from a cache.
        cache_write: The same for input tokens written to a cache.
        reasoning: The same for reasoning tokens.
        request: Price of a million calls, in units of 10^-12.
    """

    above: int
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    request: int


def tier(
    above: int,
    *,
    input: Decimal | None,  # noqa: A002 - the name in the price file
    output: Decimal | None,
    cache_read: Decimal | None = None,
    cache_write: Decimal | None = None,
    reasoning: Decimal | None = None,
    request: Decimal | None = None,
) -> Tier:
    """Return a `Tier` from prices per million tokens and per call.

    Cached tokens without a price of their own cost what other input costs, reasoning what other output costs.
    """
    base_input, base_output = _scaled(input), _scaled(output)
    return Tier(
        above=above,
        input=base_input,
        output=base_output,
        cache_read=base_input if cache_read is None else _scaled(cache_read),
        cache_write=base_input if cache_write is None else _scaled(cache_write),
        reasoning=base_output if reasoning is None else _scaled(reasoning),
        request=0 if request is None else int(Fraction(request) * _SCALE * _PER_MILLION),
    )


def _scaled(price: Decimal | None) -> int | None:
    return None if price is None else round(Fraction(price) * _SCALE)


@dataclass(frozen=True, slots=True)
class Rates:
    """All prices of one model.

    Attributes:
        tiers: In ascending order of `Tier.above`; the first one is the base.
    """

    tiers: tuple[Tier, ...]

    def amount(self, usage: Usage) -> float | None:
        """Return what a call costs, in units of the currency.

        None when a kind of token that was used has no price, or a kind that has a price was not counted.

        Raises:
            UsageError: The counts contradict each other.
        """
        total_input, total_output = usage.input_tokens or 0, usage.output_tokens or 0
        cache_read, cache_write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        reasoning = usage.reasoning_tokens or 0
        other_input, other_output = total_input - cache_read - cache_write, total_output - reasoning
        if min(other_input, cache_read, cache_write, other_output, reasoning) < 0:
            raise UsageError(f"cached tokens are part of input, reasoning of output, none is negative: {usage}")
        prices = self._tier(total_input)
        if usage.output_tokens is None and prices.output:
            # The answer was paid for, and its length is not known.
            return None
        counted = (
            (other_input, prices.input),
            (cache_read, prices.cache_read),
            (cache_write, prices.cache_write),
            (other_output, prices.output),
            (reasoning, prices.reasoning),
        )
        total = prices.request
        for tokens, price in counted:
            if tokens:
                if price is None:
                    return None
                total += tokens * price
        return total / (_SCALE * _PER_MILLION)

    def _tier(self, input_tokens: int) -> Tier:
        """Return the prices that hold for a call with so many input tokens."""
        for candidate in reversed(self.tiers):
            if input_tokens > candidate.above:
                return candidate
        return self.tiers[0]


@dataclass(frozen=True, slots=True)
class PriceTable:
    """The user's own prices.

    Attributes:
        rates: By model, as written: a name or a glob, and the provider for which it holds (None: for all).
        currency: ISO 4217 code.
        version: Where the prices come from and of when they are, for the ``agent.cost.prices`` attribute.
    """

    rates: Mapping[tuple[str | None, str], Rates] = field(default_factory=dict)
    currency: str = "USD"
    version: str = ""

    def find(self, provider: str | None, model: str) -> Rates | None:
        """Return the prices of `model`: by its exact name, else by the longest glob; its own provider's first."""
        name, asked = model.lower(), provider.lower() if provider else None
        best: tuple[tuple[bool, int, bool], Rates] | None = None
        for (of_provider, pattern), rates in self.rates.items():
            if of_provider is not None and of_provider != asked:
                continue
            if name == pattern or fnmatchcase(name, pattern):
                rank = (name == pattern, len(pattern), of_provider is not None)
                if best is None or rank > best[0]:
                    best = rank, rates
        return best[1] if best else None
