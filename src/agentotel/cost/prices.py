"""The cost of a model call: the user's own prices first, then the bundled table; never a guess and never a silent 0."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from agentotel._base.failopen import attempt, report
from agentotel.cost.library import Library, now
from agentotel.cost.rates import PriceTable, Rates, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agentotel.cost.library import Schedule
    from agentotel.model.operations import Usage

_MAX_MODELS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call cost.

    Attributes:
        amount: In units of `currency`, computed exactly and rounded once to a float.
        currency: ISO 4217 code.
        prices: Which table the prices are from, such as ``genai-prices 0.2.3``.
    """

    amount: float
    currency: str
    prices: str


class _Plan(NamedTuple):
    """Where the prices of one model are."""

    rates: Rates | Schedule
    currency: str
    prices: str


class Prices:
    """Computes costs. One per process; safe to use from any thread.

    Args:
        overrides: The user's own prices, from `load_price_file`; they go before the bundled ones.
        loader: Makes the bundled table, once, at the first call or at `preload`. No network is ever used.
    """

    def __init__(self, overrides: PriceTable | None = None, loader: Callable[[], Library] = Library) -> None:
        """Remember where prices come from; nothing is loaded yet."""
        self._overrides = overrides or PriceTable()
        self._loader = loader
        self._library: Library | None = None
        self._loaded = False
        self._preloading = False
        self._lock = threading.Lock()
        self._plans: dict[tuple[str | None, str], _Plan | None] = {}
        if hasattr(os, "register_at_fork"):
            # A process that forks while another thread loads would give its child a lock, and an import, that
            # nobody ever finishes: let it wait for the load.
            lock = self._lock
            os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)

    def preload(self) -> None:
        """Load the bundled table in a background thread, once.

        Call it when a first model call starts: the table is then there before the call has ended. A cost that is
        asked for earlier waits for the same load.
        """
        if not self._preloading:
            self._preloading = True
            threading.Thread(target=self._load, name="agentotel-prices", daemon=True).start()

    def cost(self, provider: str | None, model: str | None, usage: Usage | None) -> Cost | None:
        """Return what a call cost, or None when no price covers it or its tokens are not known.

        Args:
            provider: A value of ``gen_ai.provider.name``; None to go by the model's name alone.
            model: The model that answered, or else the one that was asked for.
            usage: Its tokens; cached ones are part of the input, reasoning ones part of the output.
        """
        if not model or usage is None or usage.input_tokens is None:
            return None
        key = (provider, model)
        plan = self._plans[key] if key in self._plans else self._remember(key)
        if plan is None:
            return None
        rates = plan.rates if isinstance(plan.rates, Rates) else plan.rates(now())
        try:
            amount = None if rates is None else rates.amount(usage)
        except UsageError as error:
            report("cost.usage", error)
            return None
        return None if amount is None else Cost(amount, plan.currency, plan.prices)

    def _remember(self, key: tuple[str | None, str]) -> _Plan | None:
        """Find the prices of a model and keep the answer, also that there are none."""
        plan = attempt("cost.prices", self._find, *key)
        if len(self._plans) >= _MAX_MODELS:
            # Whoever calls so many different models invents their names: forget all rather than keep books.
            self._plans.clear()
            if self._library is not None:
                self._library.forget()
        self._plans[key] = plan
        return plan

    def _find(self, provider: str | None, model: str) -> _Plan | None:
        own = self._overrides.find(provider, model)
        if own is not None:
            return _Plan(own, self._overrides.currency, self._overrides.version)
        library = self._load()
        bundled = library.find(provider, model) if library is not None else None
        return None if library is None or bundled is None else _Plan(bundled, "USD", library.version)

    def _load(self) -> Library | None:
        """Return the bundled table; None when it cannot be loaded, which is reported once."""
        with self._lock:
            if not self._loaded:
                self._loaded = True
                self._library = attempt("cost.load", self._loader)
        return self._library
