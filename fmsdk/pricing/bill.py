"""Usage times rates: the lines of a bill. Knows how vendors' token counts overlap, no tables.

No token is billed twice. A vendor's counts are parts of `total`, so each kind is taken out of
what is left of it, and a count that is larger than what is left is cut to it:

- input: audio, video and image tokens first; the rest is text. Cached tokens are parts of those
  kinds: of which, few vendors tell. What is told goes before; the rest is taken from text first,
  then images, video and audio, in the order of how much caching saves: the bill can only come
  out too high, never too low. Cache writes come out of what is left, the same way.
- output: audio and image tokens first, then reasoning, which is text; the rest is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from fmsdk.pricing.datafile import MONEY
from fmsdk.pricing.table import Rates, rates_for
from fmsdk.usage import Cost, CostLine, InputUsage, OutputUsage, Usage

__all__ = ["price"]

Prices = Mapping[str, Decimal]

# By how much caching saves: what is cached is taken from the first of these that is left.
_CACHED_FIRST: tuple[str, ...] = ("", " image", " video", " audio")


# Calls of tools that vendors charge for; those of others (fetching a page) cost their tokens.
_BY_THE_CALL = {"web_search": "web search", "file_search": "file search"}


class _Unpriced(Exception):
    """Something was used that has no known price."""


def price(
    provider_id: str | None, model: str | None, usage: Usage, *, when: datetime | None = None
) -> Cost | None:
    """What a hosted request cost, in US dollars.

    Args:
        provider_id: the vendor, by genai-prices' exact id ("openai", "anthropic", "google").
        model: the model that served the request.
        usage: what it used; `usage.service_tier` is the tier that served it.
        when: the time of the request (None: now; naive times are UTC), for dated prices.

    Returns:
        The cost, whose lines add up to `total` exactly, or None where the vendor, the model, the
        tier's price, the usage, or the price of anything used is not known. What the vendor says
        that it charged goes before its price list.
    """
    if usage.charged is not None:
        return _reported(usage.charged, provider_id)
    if provider_id is None or model is None or usage.source == "unknown":
        return None
    rates = rates_for(provider_id, model, usage.service_tier, when)
    if rates is None:
        return None
    try:
        lines = _lines(usage, rates)
    except _Unpriced:
        return None
    total = Decimal(0)
    for line in lines:
        total = MONEY.add(total, line.amount)
    return Cost(total=total, lines=tuple(lines), price_source=rates.source, source=usage.source)


def _reported(charged: Decimal, provider_id: str | None) -> Cost:
    line = CostLine(
        kind="request",
        quantity=Decimal(1),
        unit="request",
        unit_price=charged,
        amount=charged,
        note="as charged",
    )
    source = f"reported by {provider_id or 'the server'} with the answer"
    return Cost(total=charged, lines=(line,), price_source=source)


def _lines(usage: Usage, rates: Rates) -> list[CostLine]:
    tokens = usage.input.total
    prices = rates.at(tokens or 0)
    lines: list[CostLine] = []
    if "audio" in prices and _billed_by_time(usage.input, prices):
        lines.append(_seconds(usage.input, prices, rates.minimum_seconds))
        if "input" not in prices:
            return lines
    if tokens is None or (usage.output.total is None and "output" in prices):
        raise _Unpriced
    lines += _input(usage.input, max(tokens, 0), prices)
    lines += _output(usage.output, max(usage.output.total or 0, 0), prices)
    if "request" in prices:
        lines.append(_line("request", 1, prices, "request"))
    for tool, count in (usage.server_tools or {}).items():
        if count and (kind := _BY_THE_CALL.get(tool)):
            lines.append(_line(kind, count, prices, "call"))
    return lines


def _billed_by_time(used: InputUsage, prices: Prices) -> bool:
    if used.audio_seconds is not None:
        return True
    if used.audio or "input" not in prices:
        raise _Unpriced
    return False


def _seconds(used: InputUsage, prices: Prices, minimum: Decimal) -> CostLine:
    told = Decimal(f"{used.audio_seconds:.6f}")
    billed = max(told, minimum) if told > 0 else Decimal(0)
    note = f"{told} s of audio; the least billed is {minimum} s" if billed > told else ""
    return _line("audio", billed, prices, "second", note)


def _input(used: InputUsage, total: int, prices: Prices) -> list[CostLine]:
    fresh = {"": total}
    for modality, told in ((" audio", used.audio), (" video", used.video), (" image", used.image)):
        if told:
            fresh[modality] = min(told, fresh[""])
            fresh[""] -= fresh[modality]
    writes = used.cache_write or 0
    long_writes = min(used.cache_write_1h or 0, writes)
    cached: list[CostLine] = []
    for kind, told, parts in (
        ("cache read", used.cache_read, _read_parts(used)),
        ("cache write 1h", long_writes, {}),
        ("cache write", writes - long_writes, {}),
    ):
        if told:
            cached += _cached(kind, told, parts, fresh, prices)
    lines = [_line(f"input{modality}", n, prices) for modality, n in fresh.items() if n > 0]
    return lines + cached


def _read_parts(used: InputUsage) -> dict[str, int]:
    """What was read from the cache by modality, as far as the vendor tells."""
    told = {
        " image": used.cache_read_image,
        " video": used.cache_read_video,
        " audio": used.cache_read_audio,
    }
    return {modality: count for modality, count in told.items() if count}


def _cached(
    kind: str, told: int, parts: Mapping[str, int], fresh: dict[str, int], prices: Prices
) -> list[CostLine]:
    """Lines for `told` cached tokens, of which `parts` are known, taken out of `fresh`."""
    note = ""
    if told > (there := sum(fresh.values())):
        note = f"{told} reported, of which the input has room for {there}"
    taken: dict[str, int] = dict.fromkeys(_CACHED_FIRST, 0)
    left = told
    for modality, most in (*parts.items(), *((modality, told) for modality in _CACHED_FIRST)):
        count = min(left, most, fresh.get(modality, 0))
        if count > 0:
            fresh[modality] -= count
            taken[modality] += count
            left -= count
    return [
        _line(f"{kind}{modality}", count, prices, note=note)
        for modality, count in taken.items()
        if count
    ]


def _output(used: OutputUsage, total: int, prices: Prices) -> list[CostLine]:
    lines: list[CostLine] = []
    text = total
    for kind, told in (("output audio", used.audio), ("output image", used.image)):
        count = min(told or 0, text)
        if count > 0:
            text -= count
            # Of models that answer in audio or images alone, the plain output price is the price
            # of those. Beside text, it is the price of text.
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
        raise _Unpriced
    quantity = Decimal(count)
    return CostLine(
        kind=kind,
        quantity=quantity,
        unit=unit,
        unit_price=unit_price,
        amount=MONEY.multiply(quantity, unit_price),
        note=note,
    )
