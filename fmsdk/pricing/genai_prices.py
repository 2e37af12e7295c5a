"""Converts the package genai-prices to price lists; the only module that imports it.

A process imports the package only where it is newer than the release behind the lists in
`fmsdk/data/prices`: `pip install --upgrade genai-prices` brings newer prices.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from fmsdk.pricing.price_list import (
    Match,
    Model,
    PeriodPrices,
    PriceList,
    Prices,
    Tier,
    TieredPrice,
    Variant,
)

__all__ = ["convert_provider", "installed_lists", "newer_release"]


@cache
def newer_release(release: str) -> str | None:
    """The installed release of genai-prices, where it is newer than `release`."""
    try:
        own_release = version("genai-prices")
    except PackageNotFoundError:
        return None
    return own_release if _version_numbers(own_release) > _version_numbers(release) else None


@cache
def installed_lists() -> dict[str, PriceList]:
    """The price lists of the installed package, by vendor. They are of its bundled snapshot, which
    an updater that somebody else started in this process does not change."""
    import genai_prices
    from genai_prices.data import providers

    release = genai_prices.__version__
    return {provider.id: convert_provider(provider, release) for provider in providers}


def convert_provider(provider: Any, release: str) -> PriceList:
    """The price list of a `genai_prices.types.Provider`."""
    models: list[Model] = []
    for model in provider.models:
        prices: Any = model.prices
        periods: list[Any] = cast("list[Any]", prices) if isinstance(prices, list) else [model]
        variants = model.price_variants or ()
        models.append(
            Model(
                id=model.id,
                match=_convert_match(model.match),
                periods=tuple(_convert_period(period) for period in periods),
                variants=tuple(
                    Variant(when=dict(variant.when), period=_convert_period(variant))
                    for variant in variants
                ),
                context_window=model.context_window,
            )
        )
    return PriceList(
        vendor=provider.id,
        release=release,
        models=tuple(models),
        fallbacks=tuple(provider.fallback_model_providers or ()),
    )


def _convert_period(period: Any) -> PeriodPrices:
    constraint = getattr(period, "constraint", None)
    prices: Prices = {}
    for key, price in cast("dict[str, Any]", period.prices.__dict__).items():
        if isinstance(price, Decimal):
            prices[key] = price
        elif price is not None:
            tiers = tuple(Tier(tier.start, tier.price) for tier in price.tiers)
            prices[key] = TieredPrice(base=price.base, tiers=tiers)
    return PeriodPrices(
        prices=prices,
        start_date=getattr(constraint, "start_date", None),
        start_time=_utc_time(getattr(constraint, "start_time", None)),
        end_time=_utc_time(getattr(constraint, "end_time", None)),
    )


def _utc_time(value: time | None) -> time | None:
    """A time of day in UTC, without a zone. A time without a zone is in UTC already."""
    if value is None or value.tzinfo is None:
        return value
    return datetime.combine(date(1970, 1, 1), value).astimezone(UTC).time()


def _convert_match(clause: Any) -> Match:
    for name in ("equals", "starts_with", "ends_with", "contains"):
        if hasattr(clause, name):
            return Match(**{name: getattr(clause, name).lower()})
    if hasattr(clause, "regex"):
        return Match(regex=clause.regex)
    if hasattr(clause, "or_"):
        return Match(any_of=tuple(map(_convert_match, clause.or_)))
    return Match(all_of=tuple(map(_convert_match, clause.and_)))


def _version_numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in release.split(".") if number.isdecimal())
