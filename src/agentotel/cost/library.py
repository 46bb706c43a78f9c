"""The bundled price table: genai-prices, read without its network update and without its unbounded caches."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from agentotel.cost.rates import Rates, tier

if TYPE_CHECKING:
    from collections.abc import Callable

    Schedule = Callable[[datetime], Rates | None]

_PROVIDERS: Final = {
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "gcp.gen_ai": "google",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "x_ai": "x-ai",
    "fireworks_ai": "fireworks",
}
"""Values of ``gen_ai.provider.name`` that the library does not know, or takes for another provider."""

_PRICE_OF: Final = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok",
}
"""Our names of token classes, and the library's name of their price per million."""


class Library:
    """The bundled prices. Making one imports genai-prices, which takes about 0.2 s: do it once, not at start-up."""

    def __init__(self) -> None:
        """Import the library and its data."""
        # Imported here, not above: a program that never calls a model must not pay for it.
        from genai_prices import data, data_snapshot  # noqa: PLC0415

        self._providers = data.providers
        self._snapshot_class = data_snapshot.DataSnapshot
        self.version = f"genai-prices {version('genai-prices')}"
        self.forget()

    def forget(self) -> None:
        """Drop what the library remembers of earlier look-ups: it keeps every name that it was ever asked for.

        Also the reason why a snapshot of our own is used: the global one may be replaced by the program at any
        time, through the library's network update, and then `version` would not be true.
        """
        self._snapshot = self._snapshot_class(providers=self._providers, from_auto_update=False)

    def find(self, provider: str | None, model: str) -> Rates | Schedule | None:
        """Return the prices of `model`, or their schedule where they depend on the time; None when none covers it.

        Args:
            provider: A value of ``gen_ai.provider.name``; None to go by the model's name alone.
            model: As the API calls it; a provider in front (``openai/gpt-4o``) is understood.
        """
        for provider_id, name in _candidates(provider, model):
            try:
                _, info = self._snapshot.find_provider_model(name, None, provider_id, None)
            except LookupError:
                continue
            return _rates(info.prices) if not isinstance(info.prices, list) else _schedule(info)
        return None


def _candidates(provider: str | None, model: str) -> list[tuple[str | None, str]]:
    """Return the pairs of provider and model to look up, the most literal first."""
    known = _PROVIDERS.get(provider, provider) if provider else None
    pairs = [(known, model)]
    prefix, slash, rest = model.partition("/")
    if slash and prefix == "models":
        pairs.append((known, rest))
    elif slash and rest:
        pairs.append((_PROVIDERS.get(prefix, prefix), rest))
    return pairs


def _schedule(info: Any) -> Schedule:
    """Return a function from a time to prices: prices change on a date, and some by the time of day."""
    compiled = {id(conditional.prices): _rates(conditional.prices) for conditional in info.prices}
    return lambda at: compiled.get(id(info.get_prices(at)))


def _rates(price: Any) -> Rates | None:
    """Return the library's prices of one model as ours, or None when it has none per token."""
    values = {ours: getattr(price, theirs, None) for ours, theirs in _PRICE_OF.items()}
    if values["input"] is None and values["output"] is None:
        return None
    per_thousand_requests = getattr(price, "requests_kcount", None)
    per_request = _at(per_thousand_requests, 0)
    starts = {tier.start for value in values.values() for tier in getattr(value, "tiers", ())}
    return Rates(
        tuple(
            tier(
                above,
                **{name: _at(value, above + 1) for name, value in values.items()},
                request=None if per_request is None else per_request / 1000,
            )
            for above in (-1, *sorted(starts))
        )
    )


def _at(value: Any, input_tokens: int) -> Decimal | None:
    """Return a price, which may be tiered by the number of input tokens, at such a number."""
    if value is None or isinstance(value, Decimal):
        return value
    applicable: list[Decimal] = [tier.price for tier in value.tiers if input_tokens > tier.start]
    base: Decimal = value.base
    return applicable[-1] if applicable else base


def now() -> datetime:
    """Return the present time in UTC, as the library compares it."""
    return datetime.now(tz=timezone.utc)
