"""One vendor's price list: which model a name means, and what it charges when.

`scripts/write_price_lists.py` writes the lists in `fmsdk/data/prices` from genai-prices, since
importing that package takes a process 130 to 170 ms of CPU. Matching and choosing follow
genai-prices 0.2.3 (`types.py`); the tests compare every model of every vendor with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

import msgspec

__all__ = [
    "Match",
    "Model",
    "PeriodPrices",
    "PriceList",
    "Tier",
    "TieredPrice",
    "Variant",
    "find_model",
]

_COMPACT_DATE = re.compile(r"-(20\d{2})(\d{2})(\d{2})(?=-|:|$)")


class Tier(msgspec.Struct, frozen=True, array_like=True):
    """A price in US dollars, of requests with more input tokens than `start`."""

    start: int
    price: Decimal


class TieredPrice(msgspec.Struct, frozen=True):
    """A price that depends on the number of input tokens."""

    base: Decimal
    tiers: tuple[Tier, ...]


Prices = dict[str, Decimal | TieredPrice]


class PeriodPrices(msgspec.Struct, frozen=True, omit_defaults=True):
    """Prices from a day on, or between two times of every day (UTC); without either, always."""

    prices: Prices
    start_date: date | None = None
    start_time: time | None = None
    end_time: time | None = None

    def is_active(self, when: datetime) -> bool:
        """Whether these are the prices at `when`, which has a time zone."""
        moment = when.astimezone(UTC)
        if self.start_date is not None:
            return moment.date() >= self.start_date
        if self.start_time is None or self.end_time is None:
            return True
        now = moment.time()
        if self.end_time < self.start_time:
            return now >= self.start_time or now < self.end_time
        return self.start_time <= now < self.end_time


class Variant(msgspec.Struct, frozen=True, omit_defaults=True):
    """Prices in a tier of service: `when` names it ({"service_tier": "flex"})."""

    when: dict[str, str]
    period: PeriodPrices


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition on a model's name; one field is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: tuple[Match, ...] | None = None
    all_of: tuple[Match, ...] | None = None

    def accepts(self, name: str) -> bool:
        """Whether a name in lower case meets the condition."""
        if self.equals is not None:
            return name == self.equals
        if self.starts_with is not None:
            return name.startswith(self.starts_with)
        if self.ends_with is not None:
            return name.endswith(self.ends_with)
        if self.contains is not None:
            return self.contains in name
        if self.regex is not None:
            return re.search(self.regex, name) is not None
        if self.any_of is not None:
            return any(match.accepts(name) for match in self.any_of)
        return all(match.accepts(name) for match in self.all_of or ())


class Model(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model of a vendor. The last active one of `periods` holds, else the first."""

    id: str
    match: Match
    periods: tuple[PeriodPrices, ...] = ()
    variants: tuple[Variant, ...] = ()
    context_window: int | None = None

    def prices(self, when: datetime, tier: Mapping[str, str] | None = None) -> Prices:
        """The prices at `when`. Those of a tier's variants override the standard ones."""
        active = (period for period in reversed(self.periods) if period.is_active(when))
        standard = next(active, self.periods[0]).prices if self.periods else {}
        if tier is None:
            return standard
        tier_prices: Prices = {}
        for variant in self.variants:
            if variant.period.is_active(when) and variant.when.items() <= tier.items():
                tier_prices = {**variant.period.prices, **tier_prices}
        return {**standard, **tier_prices}

    @property
    def changes_by_the_minute(self) -> bool:
        """Whether the price depends on the time of day."""
        periods = (*self.periods, *(variant.period for variant in self.variants))
        return any(period.start_time is not None for period in periods)


class PriceList(msgspec.Struct, frozen=True, omit_defaults=True):
    """A vendor's models: a name means the first that matches it. fallbacks: other vendors whose
    models it offers. release: the version of genai-prices."""

    vendor: str
    release: str
    models: tuple[Model, ...]
    fallbacks: tuple[str, ...] = ()


def find_model(
    name: str, prices: PriceList, read: Callable[[str], PriceList | None]
) -> tuple[Model, bool] | None:
    """The model that a name means, and whether the vendor lists it itself (a fallback may).

    Args:
        read: the list of another vendor; None where there is none.
    """
    name = name.lower()
    for spelling in dict.fromkeys((name, _COMPACT_DATE.sub(_hyphenate_date, name))):
        for model in prices.models:
            if model.match.accepts(spelling):
                return model, True
        for fallback in prices.fallbacks:
            fallback_list = read(fallback)
            for model in fallback_list.models if fallback_list is not None else ():
                if model.match.accepts(spelling):
                    return model, False
    return None


def _hyphenate_date(match: re.Match[str]) -> str:
    """LiteLLM and OpenRouter write gpt-5.2-20251211 for gpt-5.2-2025-12-11."""
    try:
        return f"-{date(int(match[1]), int(match[2]), int(match[3])).isoformat()}"
    except ValueError:
        return match[0]
