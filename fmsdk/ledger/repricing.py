"""What recorded calls would have cost with another model: their tokens at its prices of today.

The other model would have counted other tokens and given another answer; the figure is no better
than that. Media are counted by rules that differ by vendor, so that calls with media have a price
only with a model of the same vendor; a tier of service holds there alone, too.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

import msgspec

from fmsdk import pricing
from fmsdk.ledger.reader import EVERYTHING, Filter, LedgerReader
from fmsdk.ledger.schema import from_units
from fmsdk.registry import Registry
from fmsdk.request import split_model
from fmsdk.usage import Cost, InputUsage, OutputUsage, Usage, to_plain_record

__all__ = ["Repricing", "reprice"]

_INPUT = tuple(spec.name for spec in fields(InputUsage))
_OUTPUT = tuple(spec.name for spec in fields(OutputUsage))
_MEDIA = ("image", "audio", "document", "video", "audio_seconds")
_VENDORS = frozenset({"openai", "anthropic", "google"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """What attempts cost, and what they would have cost with `model`.

    priced_attempts: attempts with both costs; `cost` and `new_cost` are of these alone, in US
    dollars. unpriced_attempts: attempts with tokens that have no price there, such as media of
    another vendor, or whose own cost is unknown. price_source: where the prices come from; None:
    nothing has a price.
    """

    model: str
    priced_attempts: int
    unpriced_attempts: int
    cost: Decimal
    new_cost: Decimal
    price_source: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values; money is text, with every digit."""
        return to_plain_record(self)


def reprice(reader: LedgerReader, model: str, where: Filter = EVERYTHING) -> Repricing:
    """Price what was used with `model` ("provider:model").

    Raises:
        BadRequestError, UnknownProvider: no such provider.
    """
    provider_name, name = split_model(model)
    price_id = provider_name
    if provider_name not in _VENDORS:
        registry = Registry({}, timeout=None, idle_timeout=None)
        price_id = registry.create(provider_name).price_id or ""
    columns = (
        *("provider", "cost_units", "usage_source", "service_tier", "server_tools"),
        *(f"input_{name}" for name in _INPUT),
        *(f"output_{name}" for name in _OUTPUT),
    )
    costs: dict[tuple[Any, ...], Cost | None] = {}
    priced_attempts = unpriced_attempts = units = 0
    total, source = Decimal(0), None
    for provider, old_units, usage_source, tier, *used in reader.rows("attempts", columns, where):
        if usage_source not in ("measured", "estimated"):
            continue
        tier = tier if provider == provider_name else None
        key = (provider == provider_name, tier, *used)
        if key not in costs:
            usage = _read_usage(tier, *used)
            has_media = any(getattr(usage.input, name) for name in _MEDIA)
            costs[key] = None
            if provider == provider_name or not has_media:
                costs[key] = pricing.price(price_id, name, usage)
        cost = costs[key]
        if cost is None or old_units is None:
            unpriced_attempts += 1
            continue
        priced_attempts += 1
        units += old_units
        total += cost.total
        source = cost.price_source
    return Repricing(
        model=model,
        priced_attempts=priced_attempts,
        unpriced_attempts=unpriced_attempts,
        cost=from_units(units),
        new_cost=total,
        price_source=source,
    )


def _read_usage(tier: str | None, tools: str | None, *counts: Any) -> Usage:
    return Usage(
        service_tier=tier,
        input=InputUsage(**dict(zip(_INPUT, counts, strict=False))),
        output=OutputUsage(**dict(zip(_OUTPUT, counts[len(_INPUT) :], strict=True))),
        server_tools=msgspec.json.decode(tools) if tools else None,
        source="measured",
    )
