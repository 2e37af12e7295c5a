"""Makes quotes of requests before they are sent: no network, no vendor SDK needed.

Input tokens come from the provider's own estimate, or from the core's if the provider is not
installed. Output tokens are those that the caller allows, or an assumption with a warning. Knows
neither the final bill (`fmsdk.pricing`) nor spending limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import cast

from fmsdk import pricing
from fmsdk.catalog.lifecycle import Clock, retirement_warnings
from fmsdk.content import Modality
from fmsdk.embedding import EmbedRequest
from fmsdk.errors import MissingExtra, MissingKey, QuoteUnavailable, UnknownProvider
from fmsdk.pricing.datafile import MONEY
from fmsdk.provider import Estimate, Platform, Provider
from fmsdk.quoting.estimate import (
    estimate_request,
    estimate_text,
    most_tokens,
)
from fmsdk.quoting.quote import Quote
from fmsdk.quoting.unbounded_input import unbounded_inputs
from fmsdk.registry import Registry
from fmsdk.request import Request
from fmsdk.request_options import with_typed_options
from fmsdk.result import Warning
from fmsdk.transcription import TranscribeRequest
from fmsdk.usage import (
    Range,
)

__all__ = [
    "cost_range",
    "estimate_request",
    "estimate_text",
    "find_rates",
    "make_quote",
    "offline_quote",
    "quote_request",
]

# Providers whose prices are known although they are not installed.
_PLATFORMS: dict[str, Platform] = {
    "anthropic": "messages",
    "google": "aistudio",
    "openai": "responses",
}
# Assumptions, not measurements: an answer of two or three paragraphs, and one with reasoning.
_ANSWER_TOKENS, _REASONED_ANSWER_TOKENS = 300, 1500
_PICTURE_TOKENS = 1290  # of 1024 × 1024 pixels, https://ai.google.dev/gemini-api/docs/pricing
_MAX_ANSWER_TOKENS = 8192
# Of a second of speech: silence, 150 words a minute, and fast speech in a script of many tokens.
_SPOKEN_TOKENS = (0.0, 3.3, 12.0)
_NO_TOKENS = Estimate(input=Range(0, 0, 0), exact=True)
_TEXT = ("input", "cache write", "cache write 1h")
_KINDS = {kind: tuple(f"{name} {kind}" for name in _TEXT) for kind in ("image", "audio", "video")}
"""The kinds of line of a bill that a modality's tokens can be. Documents are billed as text."""
_CACHE_OPTIONS = ("cache", "cache_system", "cache_tools")
_NOTHING = Decimal(0)


def offline_quote(request: Request, registry: Registry, clock: Clock | None = None) -> Quote:
    """The quote for `request`, from the estimate of its provider, or from the core's if the
    provider lacks its package or key. Nothing is sent, so a model that is retired by the date of
    `clock` is only a warning.

    Raises:
        QuoteUnavailable: the size of the request is unknown offline. UnknownProvider, MissingExtra,
        MissingKey: neither the provider nor its prices are available.
    """
    try:
        provider = registry.get_offline(request.provider)
    except (UnknownProvider, MissingExtra, MissingKey):
        if request.provider not in _PLATFORMS:
            raise
        vendor: str | None = request.provider
        by_seconds = _rates_by_seconds(request, vendor)
        platform = _PLATFORMS[vendor]
        estimate = _NO_TOKENS if by_seconds else estimate_request(request, platform)
        quote = make_quote(request, estimate=estimate, price_id=vendor)
    else:
        vendor = provider.vendor
        request = with_typed_options(request, provider.options_class)
        quote = quote_request(request, provider)
    if warnings := retirement_warnings(request, vendor, clock):
        quote = replace(quote, warnings=(*warnings, *quote.warnings))
    return quote


def quote_request(request: Request, provider: Provider) -> Quote:
    """The quote for a request with typed options, from its provider's estimate.

    Raises:
        QuoteUnavailable: the size of the request is unknown offline.
    """
    price_id = provider.price_id
    if (
        provider.is_local
        and isinstance(request, TranscribeRequest)
        and "audio" in provider.capabilities(request.model).input
    ):
        return _quote_by_seconds(request, None)
    # Nobody needs the tokens of a recording that is billed by the second.
    by_seconds = _rates_by_seconds(request, price_id)
    estimate = _NO_TOKENS if by_seconds else provider.estimate(request)
    return make_quote(request, estimate=estimate, price_id=price_id, provider=provider)


def make_quote(
    request: Request,
    *,
    estimate: Estimate,
    price_id: str | None,
    provider: Provider | None = None,
) -> Quote:
    """Price an estimate.

    Args:
        estimate: the request's input tokens.
        price_id: the vendor's id in the price table; None: its prices are unknown.
        provider: where the request goes; None: to the vendor itself.
    """
    if rates := _rates_by_seconds(request, price_id):
        quote = _quote_by_seconds(cast("TranscribeRequest", request), rates)
        source = pricing.name_price_source(quote.price_source, provider)
        return replace(quote, price_source=source)
    warnings: list[Warning] = []
    limit = None if price_id is None else pricing.max_output_tokens(price_id, request.model)
    rates = find_rates(request, price_id, provider)
    output = _answer_length(request, limit, rates, warnings)
    window = None if price_id is None else pricing.context_window(price_id, request.model)
    if window is not None and estimate.input.low > window:
        message = f"at least {estimate.input.low} tokens, and {request.name} takes {window}"
        warnings.append(Warning("context_too_long", message, "prompt"))
    no_bounds = tuple(unbounded_inputs(request))
    if no_bounds:
        message = f"there is no ceiling: nobody can bound {', '.join(no_bounds)} before the answer"
        warnings.append(Warning("input_unbounded", message, no_bounds[0]))
    by_modality = estimate.by_modality or {"text": estimate.input}
    cost = rates and cost_range(request, estimate.input, by_modality, output, rates)
    ceilings = _ceilings(request, estimate)
    ceiling = None
    source = None if rates is None or cost is None else rates.source
    if cost is None or rates is None:
        is_local = provider is not None and provider.is_local
        warnings.append(_price_warning(request, is_local=is_local))
    elif ceilings is None:
        message = "there is no ceiling: nobody can bound the tokens of the media before the answer"
        warnings.append(Warning("input_unbounded", message, "prompt"))
    elif not no_bounds and (request.settings.max_output_tokens or limit or not output.high):
        ceiling = _ceiling(request, ceilings, output.high, rates)
    return Quote(
        provider=request.provider,
        model=request.model,
        input_tokens=estimate.input,
        output_tokens=output,
        cost=cost,
        ceiling=ceiling,
        source="measured" if estimate.exact else "estimated",
        price_source=pricing.name_price_source(source, provider),
        warnings=tuple(warnings),
        by_modality=by_modality,
        input_ceiling=None if ceilings is None or no_bounds else sum(ceilings.values()),
        basis=estimate.basis,
    )


def find_rates(
    request: Request, price_id: str | None, provider: Provider | None
) -> pricing.Rates | None:
    """The rates of a request, in the tier and the geography that it asks for; None: unknown."""
    rates = None if price_id is None else pricing.rates_for(price_id, request.model, _tier(request))
    if rates is None or price_id is None:
        return None
    region = getattr(request.options, "inference_geo", None)
    base_url = None if provider is None else provider.base_url
    return pricing.regional_rates(rates, price_id, request.model, region=region, base_url=base_url)


def _tier(request: Request) -> str | None:
    if getattr(request.options, "speed", None) == "fast":  # Anthropic's fast mode
        return "fast"
    return getattr(request.options, "service_tier", None)


def _rates_by_seconds(request: Request, price_id: str | None) -> pricing.Rates | None:
    """The rates of a transcription that is billed by the second of sound; None: it is not."""
    if price_id is None or not isinstance(request, TranscribeRequest):
        return None
    rates = pricing.rates_for(price_id, request.model)
    return rates if rates is not None and "audio" in rates.at(0) else None


def _quote_by_seconds(request: TranscribeRequest, rates: pricing.Rates | None) -> Quote:
    """rates: None of a local model."""
    audio = request.audio
    if (seconds := audio.duration) is None:
        raise QuoteUnavailable(
            f"the length of {audio.describe()} is unknown before it is sent: pass the file or its "
            "bytes, as WAV, MP3, FLAC, Ogg or M4A",
            provider=request.provider,
            model=request.model,
        )
    nothing = Range(0, 0, 0)
    quote = Quote(
        provider=request.provider,
        model=request.model,
        input_tokens=nothing,
        output_tokens=nothing,
        input_ceiling=0,
        basis={"audio": "rule"},
        input_seconds=seconds,
        warnings=(_price_warning(request, is_local=True),) if rates is None else (),
    )
    if rates is None:
        return quote
    price = rates.at(0)["audio"]
    # Vendors round to whole seconds, some to the nearest, some up.
    lengths = (Decimal(math.floor(seconds)), Decimal(f"{seconds:.6f}"), Decimal(math.ceil(seconds)))
    billed_lengths = [max(length, rates.minimum_seconds) for length in lengths]
    return replace(
        quote,
        cost=Range(*(MONEY.multiply(length, price) for length in billed_lengths)),
        ceiling=MONEY.multiply(max(lengths[2] + 1, rates.minimum_seconds), price),
        price_source=rates.source,
    )


def _price_warning(request: Request, *, is_local: bool) -> Warning:
    """Why the quote has no cost."""
    if is_local:
        message = "a local answer costs the time it takes, which is unknown before it has run"
        return Warning("local_cost_unknown_before_run", message, request.name)
    at_tier = f" in the tier {tier!r}" if (tier := _tier(request)) else ""
    return Warning("price_unknown", f"no price is known for {request.name}{at_tier}", request.name)


def _ceilings(request: Request, estimate: Estimate) -> Mapping[Modality, int] | None:
    """A bound on the tokens of each modality: the provider's; if it states none, what it counted,
    or the core's own for a request without media."""
    if estimate.ceilings is not None:
        return estimate.ceilings
    if estimate.exact:
        return {"text": estimate.input.high}
    if estimate.basis or next(request.media(), None) is not None:
        return None
    return {"text": max(most_tokens(request), estimate.input.high)}


def _answer_length(
    request: Request, limit: int | None, rates: pricing.Rates | None, warnings: list[Warning]
) -> Range[int]:
    if isinstance(request, EmbedRequest):
        return Range(0, 0, 0)
    if isinstance(request, TranscribeRequest) and request.audio.duration is not None:
        seconds = request.audio.duration
        low, expected, high = (math.ceil(seconds * rate) for rate in _SPOKEN_TOKENS)
        return Range(low, expected, max(high, limit or 0))
    settings = request.settings
    thinks = settings.reasoning not in (None, "none", "minimal")
    assumed_tokens = _REASONED_ANSWER_TOKENS if thinks else _ANSWER_TOKENS
    has_picture_price = rates is not None and "output image" in rates.at(0)
    if "image" in settings.modalities or (settings.modalities == ("text",) and has_picture_price):
        assumed_tokens = max(assumed_tokens, _PICTURE_TOKENS)
    maximum = settings.max_output_tokens or limit or _MAX_ANSWER_TOKENS
    if settings.max_output_tokens is None or settings.max_output_tokens > assumed_tokens:
        warnings.append(
            Warning(
                "output_assumed",
                f"the length of the answer is unknown; {assumed_tokens} tokens are assumed",
                "max_output_tokens",
            )
        )
    each = settings.choices
    return Range(each, min(assumed_tokens, maximum) * each, maximum * each)


def cost_range(
    request: Request,
    tokens: Range[int],
    by_modality: Mapping[Modality, Range[int]],
    answer: Range[int],
    rates: pricing.Rates,
) -> Range[Decimal] | None:
    """US dollars; None: the media of the request, or those that it asks for, have no price. With
    marks for a cache, the range goes from reading all of the input to writing it."""
    points: list[object] = [getattr(part, "cache", None) for part in request.parts()]
    points += (getattr(request.options, name, None) for name in _CACHE_OPTIONS)
    has_cache, keeps_an_hour = any(points), "1h" in points
    amounts: list[Decimal] = []
    for end in ("low", "expected", "high"):
        prices = rates.at(getattr(tokens, end))
        amount = prices.get("request", _NOTHING)
        counts: list[tuple[Decimal | None, int]] = []
        for kind, count in by_modality.items():
            names = _KINDS.get(kind, _TEXT)
            price = prices.get(names[0])
            if has_cache and end == "low":
                price = prices.get(names[0].replace("input", "cache read"), price)
            elif has_cache and end == "high":
                price = _highest(prices, names if keeps_an_hour else names[:2])
            counts.append((price, getattr(count, end)))
        answer_prices = _answer_prices(request, prices)
        if answer_prices is not None:
            answer_price = min(answer_prices) if end == "low" else max(answer_prices)
            counts.append((answer_price, getattr(answer, end)))
        elif answer.high:
            return None
        for price, count in counts:
            if count:
                if price is None:
                    return None
                amount = MONEY.fma(count, price, amount)
        amounts.append(amount)
    return Range(*amounts)


def _answer_prices(request: Request, prices: Mapping[str, Decimal]) -> list[Decimal] | None:
    """What a token of the answer can cost: of text, and of the media that it can hold; None: one
    of them has no price. Gemini's models that draw do so without being asked."""
    if (text_price := prices.get("output")) is None:
        return None
    answer_prices, modalities = [text_price], request.settings.modalities
    for kind in ("image",) if modalities == ("text",) else modalities:
        if f"output {kind}" in prices:
            answer_prices.append(prices[f"output {kind}"])
        # The price of a model that only speaks, or only draws, is that of its text.
        elif kind != "text" and len(modalities) > 1:
            return None
    return answer_prices


def _ceiling(
    request: Request, ceilings: Mapping[Modality, int], most_out: int, rates: pricing.Rates
) -> Decimal | None:
    prices = rates.at(sum(ceilings.values()))
    total = prices.get("request", _NOTHING)
    for modality, most_in in ceilings.items():
        highest_in = _highest(prices, _KINDS.get(modality, _TEXT))
        if most_in and highest_in is None:
            return None
        total = MONEY.fma(most_in, highest_in or _NOTHING, total)
    answer_prices = _answer_prices(request, prices)
    if not most_out:
        return total
    if answer_prices is None:
        return None
    return MONEY.fma(most_out, max(*answer_prices, prices.get("reasoning", _NOTHING)), total)


def _highest(prices: Mapping[str, Decimal], kinds: Iterable[str]) -> Decimal | None:
    return max([prices[kind] for kind in kinds if kind in prices], default=None)
