"""The price table: what a vendor's model charges in a tier at a time, fmsdk's dated overrides
going before the vendors' price lists.

It knows models, tiers and dates; what was used is `bill`'s business. Only the list of the vendor
asked for is read. A tier without a price of its own has none: the standard price would be a wrong
bill.
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

_STANDARD_TIERS = frozenset({"", "auto", "default", "on_demand", "standard"})
_TIER_KEYS = ("service_tier", "processing", "speed")
# What a `Usage` can tell the number of.
_UNITS = ("_mtok", "input_audio_hours", "requests_kcount", "_searches_kcount")
# Groq bills at least 10 s of speech to text; genai-prices has this in code, not in its table.
_MINIMUM_SECONDS = {
    ("groq", "whisper-large-v3"): Decimal(10),
    ("groq", "whisper-large-v3-turbo"): Decimal(10),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What one model charges, in one tier, at one time.

    bands: (start, prices) by falling start; a request with more input tokens than `start` pays
        the whole of itself at these prices: US dollars a single unit (token, second, request) by
        kind of line ("input", "cache read", "output audio", …).
    source: where the prices come from and their date.
    minimum_seconds: the least audio that is billed.
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
    """A model in a vendor's price list. `is_own`: the vendor lists it itself, not a fallback."""

    model: Model
    release: str
    is_own: bool


def rates_for(
    provider_id: str, model: str, tier: str | None = None, when: datetime | None = None
) -> Rates | None:
    """What `model` of the vendor `provider_id` charges in `tier` at `when` (None: now; naive
    times are UTC). None where the vendor, the model or the tier's price is not known."""
    moment = datetime.now(UTC) if when is None else _utc(when)
    listing = _find(provider_id, model)
    by_the_minute = listing is not None and listing.model.changes_by_the_minute
    valid = moment.replace(second=0, microsecond=0) if by_the_minute else moment.date()
    return _rates(provider_id, model, (tier or "").lower(), valid)


def context_window(provider_id: str, model: str) -> int | None:
    """The most tokens that go into a hosted model (for most, prompt and answer together);
    None where not known."""
    listing = _find(provider_id, model)
    return None if listing is None else listing.model.context_window


def max_output_tokens(provider_id: str, model: str) -> int | None:
    """The most tokens a hosted model answers with; None where not known."""
    names = [model]
    if (listing := _find(provider_id, model)) is not None:
        names.append(listing.model.id)
    for name in names:
        known = catalog.facts(provider_id, name)
        if known is not None and known.max_output is not None:
            return known.max_output
    return None


def release() -> str:
    """The price table's name, version and date."""
    lists = _price_list("openai")
    return "".join(_dated_release(lists.release if lists else ""))


@lru_cache(maxsize=4096)
def _rates(provider_id: str, model: str, tier: str, valid: date) -> Rates | None:
    listing = _find(provider_id, model)
    overrides = read_table("price_overrides.json", _Overrides).rows
    override = next(
        (row for row in overrides if row.provider == provider_id and model in row.models), None
    )
    standard = tier in _STANDARD_TIERS
    if override is not None and not standard:
        return None  # The tier's price in the table below would stand on the figure overridden.
    listed = None
    if listing is not None:
        listed = _listed_prices(listing, None if standard else tier, _noon(valid))
    if listed is None and override is None:
        return None
    prices: dict[str, Decimal | TieredPrice] = {**(listed or {})}
    sources: list[str] = []
    if override is not None:
        prices.update(override.prices)
        sources.append(f"fmsdk overrides ({override.source}, retrieved {override.retrieved})")
    if listing is not None:
        name, dated = _dated_release(listing.release)
        at_tier = "" if standard else f", {tier} tier"
        sources.append(f"{name} ({provider_id}/{listing.model.id}{at_tier}{dated})")
    priced_model = listing.model.id if listing is not None else model
    minimum = _MINIMUM_SECONDS.get((provider_id, priced_model), Decimal(0))
    return Rates(_bands(prices, provider_id), " over ".join(sources), minimum)


def _listed_prices(listing: _Listing, tier: str | None, when: datetime) -> Prices | None:
    """The price list's prices, or None where the tier has none of its own at that time."""
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


def _bands(
    prices: Mapping[str, Decimal | TieredPrice], provider_id: str
) -> tuple[tuple[int, Mapping[str, Decimal]], ...]:
    starts = {-1}
    for value in prices.values():
        if not isinstance(value, Decimal):
            starts.update(tier.start for tier in value.tiers)
    bands: list[tuple[int, Mapping[str, Decimal]]] = []
    for start in sorted(starts, reverse=True):
        listed = {key: _per_unit(key, value, start) for key, value in prices.items()}
        bands.append((start, unit_prices(listed, provider_id)))
    return tuple(bands)


def _per_unit(key: str, value: Decimal | TieredPrice, start: int) -> Decimal:
    if not isinstance(value, Decimal):
        reached = [tier.price for tier in value.tiers if tier.start <= start]
        value = reached[-1] if reached else value.base
    if key.endswith("_hours"):
        return per_second(value)
    return value.scaleb(-3 if key.endswith("_kcount") else -6, MONEY)


@lru_cache(maxsize=4096)
def _find(provider_id: str, model: str) -> _Listing | None:
    prices = _price_list(provider_id)
    match = None if prices is None else find_model(model, prices, _price_list)
    if prices is None or match is None:
        return None
    return _Listing(match[0], prices.release, is_own=match[1])


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _noon(valid: date) -> datetime:
    if isinstance(valid, datetime):
        return valid
    return datetime(valid.year, valid.month, valid.day, 12, tzinfo=UTC)


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


def _dated_release(release: str) -> tuple[str, str]:
    newest = read_table("price_overrides.json", _Overrides).snapshots.get(release)
    return f"genai-prices {release}", f", snapshot {newest}" if newest else ""
