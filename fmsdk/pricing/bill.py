"""Usage times rates: the lines of a bill. Knows how vendors' token counts overlap; has no tables.

No token is billed twice. A vendor's counts are parts of `total`. Each kind is subtracted from the
remainder of it, and a count that exceeds the remainder is reduced to it:

- input: audio, video and image tokens first; the rest is text. Cached tokens are parts of those
  kinds, and few vendors report of which. Reported parts come first. The rest is taken from text,
  then from images, video and audio, in the order of how much caching saves: the bill may be too
  high, never too low. Cache writes are subtracted next, in the same way.
- output: audio and image tokens first, then reasoning, which is text; the rest is text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from fmsdk.pricing.datafile import MONEY
from fmsdk.pricing.residency import find_uplift
from fmsdk.pricing.table import Rates, rates_for
from fmsdk.provider import Provider
from fmsdk.usage import Cost, CostLine, InputUsage, OutputUsage, Usage

__all__ = ["name_price_source", "price"]

Prices = Mapping[str, Decimal]

# The kinds of which cached tokens are taken first, by how much caching saves.
_CACHE_ORDER: tuple[str, ...] = ("", " image", " video", " audio")
# Tools whose calls vendors charge for. Others (fetching a page) cost only their tokens.
_CALL_KINDS = {"web_search": "web search", "file_search": "file search"}


class _UnknownPrice(Exception):
    """Something was used whose price is unknown."""


def price(
    provider_id: str | None,
    model: str | None,
    usage: Usage,
    *,
    when: datetime | None = None,
    base_url: str | None = None,
) -> Cost | None:
    """What a hosted request cost, in US dollars.

    Args:
        provider_id: the vendor, by genai-prices' exact id ("openai", "anthropic", "google").
        model: the model that served the request.
        usage: what it used. `usage.service_tier` is the tier that served it.
        when: the time of the request (None: now; naive times are UTC), for dated prices.
        base_url: the server's address, for prices that depend on its geography.

    Returns:
        The cost, whose lines add up to `total` exactly. None where the vendor, the model, the
        tier's price, the usage, or the price of anything used is unknown. A charge that the
        vendor reports is the total; what it differs by from the list price is a line of its own.
    """
    cost = None
    if provider_id is not None and model is not None and usage.source != "unknown":
        cost = _list_price(provider_id, model, usage, when, base_url)
    if usage.charged is None:
        return cost
    lines = () if cost is None else cost.lines
    difference = usage.charged if cost is None else MONEY.subtract(usage.charged, cost.total)
    if difference or cost is None:
        note = "as charged" if cost is None else "what was charged, less the list price"
        kind = "request" if cost is None else "difference"
        line = CostLine(
            kind=kind,
            quantity=Decimal(1),
            unit="request",
            unit_price=difference,
            amount=difference,
            note=note,
        )
        lines = (*lines, line)
    source = f"reported by {provider_id or 'the server'} with the answer"
    return Cost(total=usage.charged, lines=lines, price_source=source)


def _list_price(
    provider_id: str, model: str, usage: Usage, when: datetime | None, base_url: str | None
) -> Cost | None:
    rates = rates_for(provider_id, model, usage.service_tier, when)
    if rates is None:
        return None
    try:
        lines = _bill_lines(usage, rates)
    except _UnknownPrice:
        return None
    source = rates.source
    uplift = find_uplift(provider_id, model, region=usage.region, base_url=base_url)
    if uplift is not None:
        tokens = _sum_amounts(line for line in lines if line.unit == "token")
        share = uplift.factor - 1
        amount = MONEY.multiply(tokens, share)
        lines.append(
            CostLine(
                kind="residency uplift",
                quantity=tokens,
                unit="dollar",
                unit_price=share,
                amount=amount,
                note=f"{uplift.source}, retrieved {uplift.retrieved}",
            )
        )
        source = f"{source}, with the residency uplift"
    return Cost(
        total=_sum_amounts(lines), lines=tuple(lines), price_source=source, source=usage.source
    )


def _sum_amounts(lines: Iterable[CostLine]) -> Decimal:
    total = Decimal(0)
    for line in lines:
        total = MONEY.add(total, line.amount)
    return total


def name_price_source(source: str | None, provider: Provider | None) -> str | None:
    """Where a price of the provider's comes from. Through a server that is not the vendor's own, it
    is the vendor's list price all the same, and the text says so."""
    if source is None or provider is None or provider.price_id is None or provider.is_official:
        return source
    return f"{source}; the list price at {provider.price_id} itself, behind another server"


def _bill_lines(usage: Usage, rates: Rates) -> list[CostLine]:
    tokens = usage.input.total
    prices = rates.at(tokens or 0)
    lines: list[CostLine] = []
    if "audio" in prices:
        seconds = usage.input.audio_seconds
        if seconds is None and (usage.input.audio or "input" not in prices):
            raise _UnknownPrice
        if seconds is not None and not math.isfinite(seconds):
            raise _UnknownPrice
        if seconds is not None:
            quantity, minimum = Decimal(f"{seconds:.6f}"), rates.minimum_seconds
            message = ""
            if 0 < quantity < minimum:
                message = f"{quantity} s of audio; the minimum billed is {minimum} s"
                quantity = minimum
            lines.append(_line("audio", max(quantity, Decimal(0)), prices, "second", message))
            if "input" not in prices:
                return lines
    if tokens is None or (usage.output.total is None and "output" in prices):
        raise _UnknownPrice
    lines += _input_lines(usage.input, max(tokens, 0), prices)
    lines += _output_lines(usage.output, max(usage.output.total or 0, 0), prices)
    if "request" in prices:
        lines.append(_line("request", 1, prices, "request"))
    for tool, count in (usage.server_tools or {}).items():
        if count > 0 and (kind := _CALL_KINDS.get(tool)):
            lines.append(_line(kind, count, prices, "call"))
    return lines


def _input_lines(used: InputUsage, total: int, prices: Prices) -> list[CostLine]:
    remainder = {"": total}
    counts = ((" audio", used.audio), (" video", used.video), (" image", used.image))
    for modality, count in counts:
        if count is not None and count > 0:
            remainder[modality] = min(count, remainder[""])
            remainder[""] -= remainder[modality]
    read_parts = {
        " image": used.cache_read_image,
        " video": used.cache_read_video,
        " audio": used.cache_read_audio,
    }
    writes = used.cache_write or 0
    long_writes = min(used.cache_write_1h or 0, writes)
    cache_lines: list[CostLine] = []
    for kind, count, parts in (
        ("cache read", used.cache_read, read_parts),
        ("cache write 1h", long_writes, {}),
        ("cache write", writes - long_writes, {}),
    ):
        if count:
            cache_lines += _cache_lines(kind, count, parts, remainder, prices)
    lines = [_line(f"input{modality}", n, prices) for modality, n in remainder.items() if n > 0]
    return lines + cache_lines


def _cache_lines(
    kind: str,
    count: int,
    parts: Mapping[str, int | None],
    remainder: dict[str, int],
    prices: Prices,
) -> list[CostLine]:
    """Lines for `count` cached tokens, which are subtracted from `remainder`. parts: those whose
    modality the vendor reports."""
    message = ""
    if count > (total := sum(remainder.values())):
        message = f"{count} reported, more than the {total} of the input"
    cached_tokens: dict[str, int] = dict.fromkeys(_CACHE_ORDER, 0)
    remaining = count
    for modality, most in (*parts.items(), *((modality, count) for modality in _CACHE_ORDER)):
        part = min(remaining, most or 0, remainder.get(modality, 0))
        if part > 0:
            remainder[modality] -= part
            cached_tokens[modality] += part
            remaining -= part
    return [
        _line(f"{kind}{modality}", tokens, prices, note=message)
        for modality, tokens in cached_tokens.items()
        if tokens
    ]


def _output_lines(used: OutputUsage, total: int, prices: Prices) -> list[CostLine]:
    lines: list[CostLine] = []
    text = total
    for kind, reported_count in (("output audio", used.audio), ("output image", used.image)):
        count = min(reported_count or 0, text)
        if count > 0:
            text -= count
            # For models that answer only in audio or images, the output price is that of these.
            # Beside text, it is the price of text.
            alone = count == total and kind not in prices and "output" in prices
            lines.append(_line(kind, count, {kind: prices["output"]} if alone else prices))
    reasoning = min(used.reasoning or 0, text)
    if reasoning > 0:
        text -= reasoning
        lines.append(_line("reasoning", reasoning, prices))
    if text > 0:
        lines.insert(0, _line("output", text, prices))
    return lines


def _line(
    kind: str, count: int | Decimal, prices: Prices, unit: str = "token", note: str = ""
) -> CostLine:
    unit_price = prices.get(kind)
    if unit_price is None:
        raise _UnknownPrice
    quantity = Decimal(count)
    return CostLine(
        kind=kind,
        quantity=quantity,
        unit=unit,
        unit_price=unit_price,
        amount=MONEY.multiply(quantity, unit_price),
        note=note,
    )
