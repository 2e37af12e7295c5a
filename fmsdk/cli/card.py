"""The facts on one model, figure by figure, each with its source.

The figures come from the tables, the price list, the model's own files or its server. Works without
network and without the provider's package. Printing is in `fmsdk.cli.show`.
"""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fmsdk import catalog, pricing, registry
from fmsdk.catalog.lifecycle import known_capabilities
from fmsdk.errors import ConfigurationError, FmsdkError, UnknownProvider
from fmsdk.provider import Capabilities, Provider, UsableModel

__all__ = ["Card", "Figure", "create_card", "price_id_of"]

# The units of what is not priced by the token.
_OTHER_UNITS = {
    "audio": "a second of audio",
    "request": "a request",
    "web search": "a web search",
    "file search": "a file search",
}
# The ids in genai-prices and the catalogue, of providers with another name here.
_VENDOR_IDS = {"copilot": "github-copilot", "xai": "x-ai"}
_LOCAL_SOURCE = "the model's own files, on this machine"


@dataclass(frozen=True, slots=True)
class Figure:
    """One fact on a model. checked: when `source` was checked, where it has a date of its own.
    doubt: why not to rely on it."""

    value: Any
    source: str
    checked: datetime.date | None = None
    doubt: str = ""

    @classmethod
    def of(cls, value: Any, origin: catalog.Origin) -> Figure:
        """A figure from the catalogue."""
        return cls(value, origin.source, origin.checked, origin.doubt)


@dataclass(frozen=True, slots=True)
class Card:
    """A model by its full name. is_described: there are facts on what it accepts. usable: why it
    cannot be used here, or "". A figure that is None is unknown."""

    name: str
    is_described: bool
    usable: str
    figures: Mapping[str, Figure | None]


def create_card(provider_name: str, model: str) -> Card:
    """All facts on a model.

    Raises:
        UnknownProvider: neither a provider nor a table has the name.
        ModelRetired: the provider no longer exists.
    """
    provider, usable = _create_provider(provider_name)
    price_id = price_id_of(provider_name, provider)
    vendor = price_id if provider is None else provider.vendor
    name = f"{provider_name}:{model}"
    rows = {row.name: row for row in registry.usable_models()}
    row = rows.get(name)
    for each in (rows.get(f"{provider_name}:…"), row):
        usable = usable or (each.note if each and not each.usable else "")
    facts = None if vendor is None else catalog.facts(vendor, model)
    figures, problem = _capability_figures(provider, model, facts, row)
    is_described = bool(figures)
    if price_id is not None:
        if figures.get("context") is None and (window := pricing.context_window(price_id, model)):
            figures["context"] = Figure(window, pricing.release())
        figures["prices"] = _price_figure(price_id, model)
    elif provider is not None and provider.is_local:
        figures["prices"] = Figure("what the time on the device costs", pricing.DEVICE_PRICES)
    licence = catalog.licence(model)
    if row is not None and row.licence:
        value = {"name": row.licence, "note": ""}
        figures["licence"] = Figure(value, row.source, row.checked)
    elif licence is not None:
        value = {"name": licence.name, "note": licence.note}
        figures["licence"] = Figure.of(value, licence.origin)
    if vendor is not None:
        figures["retirement"] = _retirement_figure(vendor, model, facts)
    return Card(name, is_described, usable or problem, figures)


def _capability_figures(
    provider: Provider | None,
    model: str,
    facts: catalog.ModelFacts | None,
    row: UsableModel | None,
) -> tuple[dict[str, Figure | None], str]:
    """The figures of the first that has any: the catalogue, the provider, its listing. And why
    the model cannot be used here."""
    if facts is not None:
        values: dict[str, Any] = {
            "input": sorted(facts.input),
            "output": sorted(facts.output),
            "features": _name_features(facts.tools, facts.structured, facts.reasoning),
            "refuses": sorted(facts.refuses) or None,
            "context": facts.context,
            "max_output": facts.max_output,
            "note": facts.note or None,
        }
        return {
            name: None if value is None else Figure.of(value, facts.origin)
            for name, value in values.items()
        }, ""
    figures, problem = dict[str, Figure | None](), ""
    try:
        figures = _provider_figures(provider, model)
    except FmsdkError as error:
        problem = error.message
    if row is not None and not figures:
        figures["input"] = Figure(sorted(row.input), row.source, row.checked)
    return figures, problem


def _create_provider(name: str) -> tuple[Provider | None, str]:
    """The provider called `name`, or None and why it cannot be used here."""
    try:
        return registry.Registry({}, timeout=None, idle_timeout=None).create(name), ""
    except UnknownProvider as error:
        if not catalog.describes(name):
            raise
        return None, error.message
    except ConfigurationError as error:
        return None, error.message


def _provider_figures(provider: Provider | None, model: str) -> dict[str, Figure | None]:
    """The figures in the model's files, or of its server, which is asked; none where neither has
    any. Raises `FmsdkError`s of local models."""
    if provider is None:
        return {}
    capabilities = provider.capabilities(model)
    source = _LOCAL_SOURCE
    if not capabilities.known:
        capabilities = asyncio.run(_ask_server(provider, model))
        source = f"the listing of {provider.name}'s server"
    if not capabilities.known:
        return {}
    has_reasoning = "reasoning" in capabilities.settings
    values: dict[str, Any] = {
        "input": sorted(capabilities.input),
        "output": sorted(capabilities.output),
        "features": _name_features(capabilities.tools, capabilities.structured, has_reasoning),
        "context": capabilities.context,
        "max_output": capabilities.max_output,
    }
    today = datetime.datetime.now(datetime.UTC).date()
    return {
        name: None if value is None else Figure(value, source, today)
        for name, value in values.items()
    }


async def _ask_server(provider: Provider, model: str) -> Capabilities:
    try:
        return await known_capabilities(provider, model)
    finally:
        await provider.aclose()


def _name_features(
    tools: bool | None, structured: bool | None, reasoning: bool | None
) -> dict[str, bool | None]:
    return {"tools": tools, "structured output": structured, "reasoning": reasoning}


def price_id_of(provider_name: str, provider: Provider | None = None) -> str | None:
    """The vendor whose price list holds for a provider, also of one that lacks its key."""
    provider = provider or _create_provider(provider_name)[0]
    return _VENDOR_IDS.get(provider_name, provider_name) if provider is None else provider.price_id


def _price_figure(price_id: str, model: str) -> Figure | None:
    rates = pricing.rates_for(price_id, model)
    if rates is None:
        return None
    bands: list[dict[str, Any]] = []
    for start, prices in reversed(rates.bands):
        usd: dict[str, Decimal] = {}  # of a million tokens, without kinds that cost what text costs
        for kind, price in prices.items():
            text_kind = kind
            for medium in (" image", " video", " audio"):
                text_kind = text_kind.removesuffix(medium)
            if kind in _OTHER_UNITS:
                usd[_OTHER_UNITS[kind]] = price
            elif kind == "reasoning" and price == prices.get("output"):
                continue
            elif price != prices.get(text_kind) or kind == text_kind:
                usd[kind] = price * 1_000_000
        bands.append({"above": max(start, 0), "usd": usd})
    return Figure(bands, rates.source)


def _retirement_figure(vendor: str, model: str, facts: catalog.ModelFacts | None) -> Figure | None:
    end = catalog.retirement(vendor, model)
    if end is not None:
        value = {"date": end.date.isoformat(), "successor": end.successor, "note": end.note}
        return Figure.of(value, end.origin)
    # The announcements are known to be complete only for models in the catalogue.
    origin = None if facts is None else catalog.announcements(vendor)
    return None if origin is None else Figure.of("none announced", origin)
