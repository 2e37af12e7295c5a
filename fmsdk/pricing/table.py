"""The price table: genai-prices' offline snapshot, with fmsdk's dated overrides before it.

The only importer of genai-prices, and only on first use (it loads pydantic and 2,300 models).
Its bundled snapshot is read directly: an updater that somebody else started in this process
never changes a price here. Knows models, tiers and dates; what was used is `bill`'s business.

genai-prices falls back to the standard price where a tier is not in its table, and finds a
provider by any name that resembles it. Both would give a wrong bill, so here providers are found
by their exact id, and a tier that has no price of its own has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import msgspec

from fmsdk import catalog
from fmsdk.data import read
from fmsdk.pricing.datafile import MONEY, per_second
from fmsdk.pricing.kinds import unit_prices

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

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
class _Found:
    """A model in genai-prices. `own`: listed by the provider itself, not lent by another."""

    provider: Provider
    info: ModelInfo
    own: bool
    by_the_minute: bool


def rates_for(
    provider_id: str, model: str, tier: str | None = None, when: datetime | None = None
) -> Rates | None:
    """What `model` of the vendor `provider_id` charges in `tier` at `when` (None: now; naive
    times are UTC). None where the vendor, the model or the tier's price is not known."""
    moment = datetime.now(UTC) if when is None else _utc(when)
    found = _find(provider_id, model)
    by_the_minute = found is not None and found.by_the_minute
    valid = moment.replace(second=0, microsecond=0) if by_the_minute else moment.date()
    return _rates(provider_id, model, (tier or "").lower(), valid)


def context_window(provider_id: str, model: str) -> int | None:
    """The most tokens that go into a hosted model (for most, prompt and answer together);
    None where not known."""
    found = _find(provider_id, model)
    return None if found is None else found.info.context_window


def max_output_tokens(provider_id: str, model: str) -> int | None:
    """The most tokens a hosted model answers with; None where not known."""
    names = [model]
    if (found := _find(provider_id, model)) is not None:
        names.append(found.info.id)
    for name in names:
        known = catalog.facts(provider_id, name)
        if known is not None and known.max_output is not None:
            return known.max_output
    return None


def release() -> str:
    """The price table's name, version and date."""
    return "".join(_release())


@lru_cache(maxsize=4096)
def _rates(provider_id: str, model: str, tier: str, valid: date) -> Rates | None:
    found = _find(provider_id, model)
    override = _override(provider_id, model)
    standard = tier in _STANDARD_TIERS
    if override is not None and not standard:
        return None  # The tier's price in the table below would stand on the figure overridden.
    listed = None if found is None else _listed(found, None if standard else tier, _noon(valid))
    if listed is None and override is None:
        return None
    prices: dict[str, Decimal | TieredPrices] = {**(listed or {})}
    sources: list[str] = []
    if override is not None:
        prices.update(override.prices)
        sources.append(f"fmsdk overrides ({override.source}, retrieved {override.retrieved})")
    if found is not None:
        name, dated = _release()
        at_tier = "" if standard else f", {tier} tier"
        sources.append(f"{name} ({found.provider.id}/{found.info.id}{at_tier}{dated})")
    minimum = _MINIMUM_SECONDS.get((provider_id, found.info.id if found else model), Decimal(0))
    return Rates(_bands(prices, provider_id), " over ".join(sources), minimum)


def _listed(
    found: _Found, tier: str | None, when: datetime
) -> Mapping[str, Decimal | TieredPrices] | None:
    """genai-prices' prices, or None where the tier has none of its own at that time."""
    if tier is None:
        return _known(found.info.get_prices(when))
    for key in _TIER_KEYS:
        context = {key: tier}
        variants = found.info.price_variants or ()
        if found.own and any(
            variant.when == context
            and (variant.constraint is None or variant.constraint.active(when))
            for variant in variants
        ):
            return _known(found.info.get_prices(when, context))
    return None


def _known(prices: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    return {
        key: value
        for key, value in vars(prices).items()
        if value is not None and key.endswith(_UNITS)
    }


def _bands(
    prices: Mapping[str, Decimal | TieredPrices], provider_id: str
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


def _per_unit(key: str, value: Decimal | TieredPrices, start: int) -> Decimal:
    if not isinstance(value, Decimal):
        reached = [tier.price for tier in value.tiers if tier.start <= start]
        value = reached[-1] if reached else value.base
    if key.endswith("_hours"):
        return per_second(value)
    return value.scaleb(-3 if key.endswith("_kcount") else -6, MONEY)


@lru_cache(maxsize=4096)
def _find(provider_id: str, model: str) -> _Found | None:
    providers = _snapshot().providers
    provider = next((each for each in providers if each.id == provider_id), None)
    info = provider and provider.find_model(model, all_providers=providers)
    if provider is None or info is None:
        return None
    own = any(info is each for each in provider.models)
    return _Found(provider, info, own, _by_the_minute(info))


def _by_the_minute(info: ModelInfo) -> bool:
    """Whether the price depends on the time of day."""
    dated = info.prices if isinstance(info.prices, list) else []
    constraints = [each.constraint for each in (*dated, *(info.price_variants or ()))]
    return any(hasattr(constraint, "start_time") for constraint in constraints)


def _override(provider_id: str, model: str) -> _Override | None:
    for row in _overrides().rows:
        if row.provider == provider_id and model in row.models:
            return row
    return None


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _noon(valid: date) -> datetime:
    if isinstance(valid, datetime):
        return valid
    return datetime(valid.year, valid.month, valid.day, 12, tzinfo=UTC)


@cache
def _snapshot() -> DataSnapshot:
    from genai_prices.data import providers
    from genai_prices.data_snapshot import DataSnapshot

    return DataSnapshot(providers=providers, from_auto_update=False)


@cache
def _release() -> tuple[str, str]:
    import genai_prices

    version = genai_prices.__version__
    newest = _overrides().snapshots.get(version)
    return f"genai-prices {version}", f", snapshot {newest}" if newest else ""


@cache
def _overrides() -> _Overrides:
    return read("price_overrides.json", _Overrides)
