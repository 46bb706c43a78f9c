"""Tests of the arithmetic of one call."""

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentotel.cost.rates import PriceTable, Rates, UsageError, tier
from agentotel.model.operations import Usage

FULL = Rates(
    (
        tier(
            -1,
            input=Decimal("2.5"),
            output=Decimal(10),
            cache_read=Decimal("0.25"),
            cache_write=Decimal("3.125"),
            reasoning=Decimal(12),
            request=Decimal("0.005"),
        ),
    )
)
PLAIN = Rates((tier(-1, input=Decimal(2), output=Decimal(8)),))
TOKENS = st.integers(min_value=0, max_value=10**9)


def test_every_class_of_tokens_has_its_price():
    """Cached tokens are not priced as input as well, nor reasoning as output as well."""
    usage = Usage(1_000_000, 500_000, 400_000, 100_000, 200_000)
    expected = 0.5 * 2.5 + 0.4 * 0.25 + 0.1 * 3.125 + 0.3 * 10 + 0.2 * 12 + 0.005
    assert FULL.amount(usage) == pytest.approx(expected, rel=1e-15)


def test_classes_without_a_price_cost_what_they_are_part_of():
    """Without a price for cached tokens they are input, and reasoning is output."""
    assert PLAIN.amount(Usage(1000, 100, 400, 100, 50)) == PLAIN.amount(Usage(1000, 100))


def test_nothing_used_costs_nothing():
    """A call without tokens is free where calls have no price."""
    assert PLAIN.amount(Usage(0, 0)) == 0.0


@pytest.mark.parametrize(
    "usage",
    [
        Usage(10, 1, 11),
        Usage(10, 1, 6, 5),
        Usage(10, 1, 0, 0, 2),
        Usage(-1, 1),
        Usage(10, -1),
        Usage(10, 1, -5),
    ],
)
def test_contradicting_counts_are_refused(usage):
    """More cached than input, more reasoning than output and negative numbers give an error, not a wrong cost."""
    with pytest.raises(UsageError):
        FULL.amount(usage)


def test_tokens_without_a_price_are_not_free():
    """Output of a model that has an input price only makes the cost unknown; without output it is known."""
    embeddings = Rates((tier(-1, input=Decimal("0.02"), output=None),))
    assert embeddings.amount(Usage(1000, 5)) is None
    assert embeddings.amount(Usage(1_000_000)) == 0.02


def test_output_that_was_not_counted_is_not_free():
    """Where output has a price its number must be known."""
    assert PLAIN.amount(Usage(1000, None)) is None


def test_tiers_hold_for_the_whole_call():
    """Above a number of input tokens all tokens cost the tier's price; exactly at it they do not."""
    tiered = Rates(
        (
            tier(-1, input=Decimal(1), output=Decimal(10)),
            tier(200_000, input=Decimal(2), output=Decimal(20)),
            tier(500_000, input=Decimal(4), output=Decimal(40)),
        )
    )
    assert tiered.amount(Usage(200_000, 1000)) == 0.21
    assert tiered.amount(Usage(200_001, 1000)) == 0.420002
    assert tiered.amount(Usage(600_000, 0)) == 2.4


@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
def test_the_amount_is_exact(other_input, cache_read, cache_write, other_output, reasoning):
    """The result is the nearest float to the exact sum, whatever precision the program has set for decimals."""
    usage = Usage(other_input + cache_read + cache_write, other_output + reasoning, cache_read, cache_write, reasoning)
    exact = Fraction(1, 200) + sum(
        Fraction(tokens) * Fraction(price) / 10**6
        for tokens, price in [
            (other_input, "2.5"), (cache_read, "0.25"), (cache_write, "3.125"), (other_output, 10), (reasoning, 12),
        ]
    )  # fmt: skip
    with decimal.localcontext() as careless:
        careless.prec = 2
        assert FULL.amount(usage) == float(exact)


@given(st.lists(st.tuples(TOKENS, TOKENS), max_size=5))
def test_more_tokens_never_cost_less(counts):
    """Every additional token raises the cost or leaves it."""
    for read, written in counts:
        assert FULL.amount(Usage(read + 1, written + 1)) >= FULL.amount(Usage(read, written))


def test_finding_prices_in_a_table():
    """The exact name goes before a glob, the longer glob before the shorter, the own provider before all."""

    def of(number):
        return Rates((tier(-1, input=Decimal(number), output=None),))

    table = PriceTable(
        {
            (None, "gpt-*"): of(1),
            (None, "gpt-4*"): of(2),
            (None, "gpt-4o"): of(3),
            ("azure", "gpt-4o"): of(4),
        }
    )
    assert table.find("openai", "gpt-3") == of(1)
    assert table.find("openai", "gpt-4-turbo") == of(2)
    assert table.find("openai", "GPT-4o") == of(3)
    assert table.find("Azure", "gpt-4o") == of(4)
    assert table.find(None, "gpt-4o") == of(3)
    assert table.find("openai", "llama") is None
