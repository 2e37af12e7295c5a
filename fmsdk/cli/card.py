"""What is known of one model, figure by figure, each with where it comes from.

Gathered from the tables, the price list, the model's own files or its server, whichever tell;
works without network and without the provider's package. Knows no screen: see `fmsdk.cli.show`.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fmsdk import catalog, pricing, registry
from fmsdk.catalog.lifecycle import known_capabilities
from fmsdk.errors import ConfigurationError, FmsdkError, UnknownProvider
from fmsdk.provider import Capabilities, Provider, UsableModel

__all__ = ["Card", "Figure", "card_of"]

# What is not priced by the token.
_OTHER_UNITS = {
    "audio": "a second of audio",
    "request": "a request",
    "web search": "a web search",
    "file search": "a file search",
}
# What genai-prices and the catalogue call those whose providers are called otherwise here.
_IDS = {"copilot": "github-copilot", "xai": "x-ai"}
_HERE = "the model's own files, on this machine"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing known of a model. `checked`: when `source` was looked at, where it has a date of
    its own; `doubt`: why not to rely on it."""

    value: Any
    source: str
    checked: datetime.date | None = None
    doubt: str = ""

    @classmethod
    def of(cls, value: Any, origin: catalog.Origin) -> Figure:
        """A figure of the catalogue's."""
        return cls(value, origin.source, origin.checked, origin.doubt)


@dataclass(frozen=True, slots=True)
class Card:
    """A model by its full name. `known`: somebody described what it takes; `usable` says why it
    cannot be asked here, where it cannot; a figure that is None is not known."""

    name: str
    known: bool
    usable: str
    figures: Mapping[str, Figure | None]


def card_of(provider_name: str, model: str) -> Card:
    """Everything known of a model.

    Raises:
        UnknownProvider: neither a provider nor a table knows the name.
        ModelRetired: the provider no longer exists.
    """
    provider, usable = _provider(provider_name)
    if provider is None:
        vendor = price_id = _IDS.get(provider_name, provider_name)
    else:
        vendor, price_id = provider.vendor, provider.price_id
    name = f"{provider_name}:{model}"
    listed = {row.name: row for row in registry.usable_models()}
    whole, row = listed.get(f"{provider_name}:…"), listed.get(name)
    usable = usable or (whole.note if whole and not whole.usable else "")
    facts = None if vendor is None else catalog.facts(vendor, model)
    figures, problem = _what_it_takes(provider, model, facts, row)
    known = bool(figures)
    if price_id is not None:
        figures |= _context(figures.get("context"), price_id, model)
        figures["prices"] = _prices(price_id, model)
    elif provider is not None and provider.is_local:
        figures["prices"] = Figure("what the time on the device costs", pricing.DEVICE_PRICES)
    figures["licence"] = _licence(model, row)
    figures["retirement"] = None if vendor is None else _retirement(vendor, model, facts)
    return Card(name, known, problem or usable, figures)


def _what_it_takes(
    provider: Provider | None,
    model: str,
    facts: catalog.ModelFacts | None,
    listed: UsableModel | None,
) -> tuple[dict[str, Figure | None], str]:
    """What the first of these tells: the catalogue, the provider, its listing. And what keeps
    the model from being asked here."""
    if facts is not None:
        return _from_facts(facts), ""
    figures, problem = dict[str, Figure | None](), ""
    try:
        figures = _from_provider(provider, model)
    except FmsdkError as error:
        problem = error.message
    if listed is not None and not figures:
        figures["input"] = Figure(sorted(listed.input), listed.source, listed.checked)
    return figures, problem


def _provider(name: str) -> tuple[Provider | None, str]:
    """The provider called `name`, or None and why it cannot be used here."""
    try:
        return registry.Registry({}, timeout=None, idle_timeout=None).create(name), ""
    except UnknownProvider as error:
        if not catalog.describes(name):
            raise
        return None, error.message
    except ConfigurationError as error:
        return None, error.message


def _from_facts(facts: catalog.ModelFacts) -> dict[str, Figure | None]:
    told: dict[str, Any] = {
        "input": sorted(facts.input),
        "output": sorted(facts.output),
        "features": _features(facts.tools, facts.structured, facts.reasoning),
        "refuses": sorted(facts.refuses) or None,
        "context": facts.context,
        "max_output": facts.max_output,
        "note": facts.note or None,
    }
    return {
        name: None if value is None else Figure.of(value, facts.origin)
        for name, value in told.items()
    }


def _from_provider(provider: Provider | None, model: str) -> dict[str, Figure | None]:
    """What the model's files say of it, or its server, which is asked; nothing where neither
    tells. Raises `FmsdkError`s of local models."""
    if provider is None:
        return {}
    capabilities = provider.capabilities(model)
    source = _HERE
    if not capabilities.known:
        capabilities = asyncio.run(_asked(provider, model))
        source = f"what the server of {provider.name} tells of it"
    if not capabilities.known:
        return {}
    today = datetime.datetime.now(datetime.UTC).date()
    return {
        name: None if value is None else Figure(value, source, today)
        for name, value in _told_by(capabilities).items()
    }


async def _asked(provider: Provider, model: str) -> Capabilities:
    try:
        return await known_capabilities(provider, model)
    finally:
        await provider.aclose()


def _told_by(capabilities: Capabilities) -> dict[str, Any]:
    return {
        "input": sorted(capabilities.input),
        "output": sorted(capabilities.output),
        "features": _features(
            capabilities.tools, capabilities.structured, "reasoning" in capabilities.settings
        ),
        "context": capabilities.context,
        "max_output": capabilities.max_output,
    }


def _features(
    tools: bool | None, structured: bool | None, reasoning: bool | None
) -> dict[str, bool | None]:
    return {"tools": tools, "structured output": structured, "reasoning": reasoning}


def _context(known: Figure | None, price_id: str, model: str) -> dict[str, Figure | None]:
    """The price table's context window, where nobody else told of one."""
    window = None if known is not None else pricing.context_window(price_id, model)
    return {} if window is None else {"context": Figure(window, pricing.release())}


def _prices(price_id: str, model: str) -> Figure | None:
    rates = pricing.rates_for(price_id, model)
    if rates is None:
        return None
    bands = [
        {"above": max(start, 0), "usd": dict(_per_million(prices))}
        for start, prices in reversed(rates.bands)
    ]
    return Figure(bands, rates.source)


def _per_million(prices: Mapping[str, Decimal]) -> Iterator[tuple[str, Decimal]]:
    """Prices of a million tokens, of kinds that do not cost what text costs anyway."""
    for kind, price in prices.items():
        if kind in _OTHER_UNITS:
            yield _OTHER_UNITS[kind], price
        elif kind == "reasoning" and price == prices.get("output"):
            continue
        elif price != prices.get(_as_text(kind)) or kind == _as_text(kind):
            yield kind, price * 1_000_000


def _as_text(kind: str) -> str:
    """The kind of text that a kind of media is priced like, unless it has its own price."""
    for medium in (" image", " video", " audio"):
        kind = kind.removesuffix(medium)
    return kind


def _licence(model: str, listed: UsableModel | None) -> Figure | None:
    if listed is not None and listed.licence:
        return Figure({"name": listed.licence, "note": ""}, listed.source, listed.checked)
    found = catalog.licence(model)
    if found is None:
        return None
    return Figure.of({"name": found.name, "note": found.note}, found.origin)


def _retirement(vendor: str, model: str, facts: catalog.ModelFacts | None) -> Figure | None:
    end = catalog.retirement(vendor, model)
    if end is not None:
        value = {"date": end.date.isoformat(), "successor": end.successor, "note": end.note}
        return Figure.of(value, end.origin)
    # Of a model that nobody described it is not known either that no end is announced.
    looked_at = None if facts is None else catalog.announcements(vendor)
    return None if looked_at is None else Figure.of("none announced", looked_at)
