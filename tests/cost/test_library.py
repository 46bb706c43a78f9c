"""Tests of the bundled prices against the library that they come from."""

import random
from datetime import datetime, timedelta, timezone
from functools import cache

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import calc_price, data, data_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st

from agentotel.cost.library import Library, now
from agentotel.cost.rates import Rates
from agentotel.model.operations import Usage


@cache
def library():
    """Return one library for all tests: loading takes its time."""
    return Library()


@cache
def all_models():
    """Return provider and id of every model in the bundled data that is found by its own id."""
    snapshot = data_snapshot.DataSnapshot(providers=data.providers, from_auto_update=False)
    found = []
    for provider in data.providers:
        for model in provider.models:
            try:
                snapshot.find_provider_model(model.id, None, provider.id, None)
            except LookupError:
                continue
            found.append((provider.id, model.id))
    return found


def ours(provider, model, usage, at):
    """Return our amount at a time."""
    rates = library().find(provider, model)
    rates = rates if rates is None or isinstance(rates, Rates) else rates(at)
    return None if rates is None else rates.amount(usage)


def theirs(provider, model, usage, at):
    """Return the library's amount at a time."""
    counts = TheirUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    result = calc_price(counts, model, provider_id=provider, genai_request_timestamp=at)
    return float(result.total_price)


TIMES = st.integers(0, 3 * 365 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=minutes)
)


@st.composite
def usages(draw):
    """Make token counts that do not contradict each other, also around the limits of tiers."""
    total = draw(st.one_of(
        st.integers(0, 3_000_000), st.sampled_from([0, 1, 128_000, 200_000, 200_001, 272_000, 272_001, 1_000_000])
    ))  # fmt: skip
    read = draw(st.integers(0, total))
    written = draw(st.integers(0, total - read))
    output = draw(st.integers(0, 200_000))
    return Usage(total, output, read, written, draw(st.integers(0, output)))


@settings(max_examples=300, deadline=None)
@given(st.data(), usages(), TIMES)
def test_any_usage_of_any_model_costs_what_the_library_says(drawn, usage, at):
    """For random usages, models and times we agree with the library, or say that we do not know."""
    provider, model = drawn.draw(st.sampled_from(all_models()))
    amount = ours(provider, model, usage, at)
    if amount is not None:
        assert amount == pytest.approx(theirs(provider, model, usage, at), rel=1e-12, abs=1e-15)


def test_every_model_of_the_table_agrees_with_the_library():
    """Each model is priced as the library prices it; unknown are only those that have no price per token."""
    chance = random.Random(7)
    at = datetime(2026, 6, 1, 3, tzinfo=timezone.utc)
    unknown = 0
    for provider, model in all_models():
        total = chance.choice([900, 150_000, 250_000, 1_200_000])
        usage = Usage(total, 1000, total // 3, total // 5, 400)
        amount = ours(provider, model, usage, at)
        if amount is None:
            unknown += 1
        else:
            assert amount == pytest.approx(theirs(provider, model, usage, at), rel=1e-12), (provider, model)
    assert len(all_models()) > 500
    assert unknown < len(all_models()) * 0.2


@pytest.mark.parametrize(
    ("provider", "model", "same_as"),
    [
        ("openai", "gpt-4o-2024-08-06", ("openai", "gpt-4o")),
        ("openai", "openai/gpt-4o", ("openai", "gpt-4o")),
        (None, "gpt-4o", ("openai", "gpt-4o")),
        (None, "openai/gpt-4o", ("openai", "gpt-4o")),
        ("openai", "anthropic/claude-3-5-sonnet-20241022", ("anthropic", "claude-3-5-sonnet")),
        ("litellm", "anthropic/claude-3-5-sonnet-20241022", ("anthropic", "claude-3-5-sonnet")),
        ("azure.ai.openai", "gpt-4o", ("azure", "gpt-4o")),
        ("azure.ai.inference", "gpt-4o", ("azure", "gpt-4o")),
        ("gcp.gemini", "gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("gcp.gen_ai", "models/gemini-2.5-pro", ("google", "gemini-2.5-pro")),
        ("mistral_ai", "mistral-large-latest", ("mistral", "mistral-large-latest")),
        ("x_ai", "grok-3", ("x-ai", "grok-3")),
    ],
)
def test_names_as_apis_and_conventions_write_them(provider, model, same_as):
    """Dated names, prefixes and the conventions' provider names lead to the same prices."""
    usage, at = Usage(1000, 100, 200), now()
    amount = ours(provider, model, usage, at)
    assert amount is not None
    assert amount > 0
    assert amount == ours(*same_as, usage, at)


def test_a_fine_tuned_model_has_its_own_price():
    """The price of a fine-tuned model is not that of its base."""
    usage = Usage(1000, 100)
    tuned = ours("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", usage, now())
    assert tuned > ours("openai", "gpt-4o-mini", usage, now())


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "my-own-model"),
        ("ollama", "llama3"),
        ("nobody", "gpt-4o"),
        (None, "???"),
        ("openai", "/"),
        ("openai", "x/"),
    ],
)
def test_unknown_models_have_no_price(provider, model):
    """What no price covers is None, never zero and never a guess."""
    assert library().find(provider, model) is None


def test_models_without_prices_are_unknown_not_free():
    """A model that is in the table without any price per token is not said to cost nothing."""
    assert ours("groq", "whisper-large-v3", Usage(1000, 100), now()) is None


def test_prices_that_change_with_the_time():
    """The price is that of the time of the call."""
    for provider in data.providers:
        for model in provider.models:
            if isinstance(model.prices, list) and (provider.id, model.id) in all_models():
                usage = Usage(100_000, 1000)
                days = [datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(days=30 * step) for step in range(36)]
                amounts = {ours(provider.id, model.id, usage, day) for day in days} - {None}
                if len(amounts) > 1:
                    return
    pytest.fail("no model whose price changes")


def test_the_version_names_the_table():
    """The version says which release of the data the prices are from."""
    assert library().version.startswith("genai-prices ")
    assert library().version[-1].isdigit()


def test_a_snapshot_that_the_program_has_set_is_not_used():
    """A network update of the library by the program does not change our prices behind their version."""
    before = ours("openai", "gpt-4o", Usage(1000, 100), now())
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot(providers=[], from_auto_update=True))
    try:
        library().forget()
        assert ours("openai", "gpt-4o", Usage(1000, 100), now()) == before
    finally:
        data_snapshot.set_custom_snapshot(None)
