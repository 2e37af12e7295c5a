"""The price table: what a vendor's model charges in a tier at a time. fmsdk's dated overrides take
precedence over the vendors' price lists.

Knows models, tiers and dates; what was used is in `bill`. Only the list of one vendor is read. A
tier that the list does not price has no price: the standard price would make a wrong bill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache

import msgspec

from fmsdk import catalog
from fmsdk.data import read_table
from fmsdk.pricing.datafile import MONEY, per_second
from fmsdk.pricing.genai_prices import installed_lists, newer_release
from fmsdk.pricing.kinds import unit_prices
from fmsdk.pricing.price_list import Model, PriceList, Prices, TieredPrice, find_model

__all__ = ["Rates", "context_window", "max_output_tokens", "rates_for", "release"]

_STANDARD_TIERS = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only"})
_TIER_KEYS = ("service_tier", "processing", "speed")
# The units that a `Usage` counts.
_UNITS = ("_mtok", "input_audio_hours", "requests_kcount", "_searches_kcount")
# Groq bills at least 10 s of speech to text; genai-prices has this in its code, not in its table.
_MINIMUM_SECONDS = {
    ("groq", "whisper-large-v3"): Decimal(10),
    ("groq", "whisper-large-v3-turbo"): Decimal(10),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What one model charges, in one tier, at one time.

    bands: (start, prices) by falling start. A request with more input tokens than `start` pays
        these prices for all of its tokens: US dollars a single unit (token, second, request) by
        kind of line ("input", "cache read", "output audio", …).
    source: where the prices come from, and their date.
    minimum_seconds: the minimum of audio that is billed.
    """

    bands: tuple[tuple[int, Mapping[str, Decimal]], ...]
    source: str
    minimum_seconds: Decimal = Decimal(0)

    def at(self, input_tokens: int) -> Mapping[str, Decimal]:
        """The prices of a request with so many input tokens."""
        for start, prices in self.bands:
            if input_tokens > start:
                return prices
        return self.bands[-1][1]


class _Override(msgspec.Struct, frozen=True):
    provider: str
    models: tuple[str, ...]
    prices: dict[str, Decimal]
    source: str
    retrieved: str


class _Overrides(msgspec.Struct, frozen=True):
    snapshots: dict[str, str]
    rows: tuple[_Override, ...]


@dataclass(frozen=True, slots=True)
class _Listing:
    """A model in a vendor's price list. is_own: the vendor lists it itself, not a fallback.
    changes_by_the_minute: its price depends on the time of day."""

    model: Model
    release: str
    is_own: bool
    changes_by_the_minute: bool


def rates_for(
    provider_id: str, model: str, tier: str | None = None, when: datetime | None = None
) -> Rates | None:
    """What `model` of the vendor `provider_id` charges in `tier` at `when` (None: now; naive
    times are UTC). None where the vendor, the model or the tier's price is unknown."""
    if when is None:
        moment = datetime.now(UTC)
    else:
        moment = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    listing = _find(provider_id, model)
    by_the_minute = listing is not None and listing.changes_by_the_minute
    valid = moment.replace(second=0, microsecond=0) if by_the_minute else moment.date()
    return _rates(provider_id, model, (tier or "").lower(), valid)


def context_window(provider_id: str, model: str) -> int | None:
    """The most tokens that go into a hosted model (for most, prompt and answer together);
    None if unknown."""
    listing = _find(provider_id, model)
    return None if listing is None else listing.model.context_window


@lru_cache(maxsize=4096)
def max_output_tokens(provider_id: str, model: str) -> int | None:
    """The most tokens of a hosted model's answer; None if unknown."""
    names = [model]
    if (listing := _find(provider_id, model)) is not None:
        names.append(listing.model.id)
    for name in names:
        facts = catalog.facts(provider_id, name)
        if facts is not None and facts.max_output is not None:
            return facts.max_output
    return None


def release() -> str:
    """The price table's name, version and date."""
    lists = _price_list("openai")
    return "".join(_release_and_snapshot(lists.release if lists else ""))


@lru_cache(maxsize=4096)
def _rates(provider_id: str, model: str, tier: str, valid: date) -> Rates | None:
    listing = _find(provider_id, model)
    overrides = read_table("price_overrides.json", _Overrides).rows
    override = next(
        (row for row in overrides if row.provider == provider_id and model in row.models), None
    )
    standard = tier in _STANDARD_TIERS
    if override is not None and not standard:
        return None  # The list's price of the tier would be based on the overridden figure.
    if not isinstance(valid, datetime):
        valid = datetime(valid.year, valid.month, valid.day, 12, tzinfo=UTC)
    list_prices = None
    if listing is not None:
        list_prices = _tier_prices(listing, None if standard else tier, valid)
    if list_prices is None and override is None:
        return None
    prices: dict[str, Decimal | TieredPrice] = {**(list_prices or {})}
    sources: list[str] = []
    if override is not None:
        prices.update(override.prices)
        sources.append(f"fmsdk overrides ({override.source}, retrieved {override.retrieved})")
    if listing is not None:
        name, snapshot = _release_and_snapshot(listing.release)
        at_tier = "" if standard else f", {tier} tier"
        sources.append(f"{name} ({provider_id}/{listing.model.id}{at_tier}{snapshot})")
    priced_model = listing.model.id if listing is not None else model
    minimum = _MINIMUM_SECONDS.get((provider_id, priced_model), Decimal(0))
    starts = {-1}
    for value in prices.values():
        if not isinstance(value, Decimal):
            starts.update(tier.start for tier in value.tiers)
    bands = tuple(
        (start, unit_prices(_prices_above(prices, start), provider_id))
        for start in sorted(starts, reverse=True)
    )
    return Rates(bands, " over ".join(sources), minimum)


def _tier_prices(listing: _Listing, tier: str | None, when: datetime) -> Prices | None:
    """The price list's prices, or None where it has none for the tier at that time."""
    model = listing.model
    if tier is None:
        return _countable(model.prices(when))
    for key in _TIER_KEYS:
        context = {key: tier}
        if listing.is_own and any(
            variant.when == context and variant.period.is_active(when) for variant in model.variants
        ):
            return _countable(model.prices(when, context))
    return None


def _countable(prices: Prices) -> Prices:
    return {key: value for key, value in prices.items() if key.endswith(_UNITS)}


def _prices_above(prices: Mapping[str, Decimal | TieredPrice], start: int) -> dict[str, Decimal]:
    """US dollars a unit, for requests with more than `start` input tokens."""
    result: dict[str, Decimal] = {}
    for key, value in prices.items():
        price = value
        if not isinstance(price, Decimal):
            tier_prices = [tier.price for tier in price.tiers if tier.start <= start]
            price = tier_prices[-1] if tier_prices else price.base
        scale = -3 if key.endswith("_kcount") else -6
        is_hourly = key.endswith("_hours")
        result[key] = per_second(price) if is_hourly else price.scaleb(scale, MONEY)
    return result


@lru_cache(maxsize=4096)
def _find(provider_id: str, model: str) -> _Listing | None:
    prices = _price_list(provider_id)
    match = None if prices is None else find_model(model, prices, _price_list)
    if prices is None or match is None:
        return None
    found, is_own = match
    return _Listing(found, prices.release, is_own, found.changes_by_the_minute)


@cache
def _price_list(vendor: str) -> PriceList | None:
    """The vendor's list of this release of fmsdk, or of a newer genai-prices that is installed."""
    if not vendor.replace("-", "").replace("_", "").isalnum():
        return None
    try:
        prices = read_table(f"prices/{vendor}.json", PriceList)
    except FileNotFoundError:
        return None
    if newer_release(prices.release) is not None:
        return installed_lists().get(vendor)
    return prices


def _release_and_snapshot(release: str) -> tuple[str, str]:
    newest = read_table("price_overrides.json", _Overrides).snapshots.get(release)
    return f"genai-prices {release}", f", snapshot {newest}" if newest else ""
