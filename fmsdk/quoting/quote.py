"""What a request would use and cost, before it is sent: no network, no vendor SDK needed.

Tokens in come from the provider's own estimate, or the core's where the provider is not
installed; tokens out are what the caller allows, or an assumption that is said to be one.
What is billed in the end is `fmsdk.pricing`'s business; spending limits are not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from fmsdk import pricing
from fmsdk.catalog.lifecycle import Clock, retirement_warnings
from fmsdk.errors import MissingExtra, MissingKey, QuoteUnavailable, UnknownProvider
from fmsdk.provider import Estimate, Provider
from fmsdk.quoting.text_tokens import estimate_answer, estimate_text, most_tokens
from fmsdk.registry import Registry
from fmsdk.request import Request
from fmsdk.response import Response, Warning
from fmsdk.usage import InputUsage, OutputUsage, Range, Usage

__all__ = ["Quote", "estimate_text", "estimated_usage", "make_quote", "offline_quote"]

# Vendors whose prices are known by the name of their provider, installed or not.
_VENDORS = frozenset({"anthropic", "google", "openai"})
# An assumption, not a measurement: an answer of two or three paragraphs, and one thought over.
_ANSWER, _THOUGHT = 300, 1500
_LONG_ANSWER = 8192
_TEXT_IN = ("input", "cache write", "cache write 1h")
_TEXT_OUT = ("output", "reasoning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a request would use and cost.

    output_tokens: `high` is `max_output_tokens`, else the most the model answers with.
    cost: US dollars for one attempt with nothing read from or written to a cache, or None where
        the price is not known.
    ceiling: US dollars that one attempt cannot exceed (every byte a token, written to the
        dearest cache; every allowed token put out), or None where there is no bound.
    source: "measured" where a tokenizer counted the input, else "estimated".
    price_source: where the prices come from, and their date.
    """

    provider: str
    model: str
    input_tokens: Range[int]
    output_tokens: Range[int]
    cost: Range[Decimal] | None = None
    ceiling: Decimal | None = None
    source: Literal["estimated", "measured"] = "estimated"
    price_source: str | None = None
    warnings: tuple[Warning, ...] = ()


def offline_quote(request: Request, registry: Registry, clock: Clock | None = None) -> Quote:
    """The quote for `request`, by the estimate of its provider, or of the core where the provider
    lacks its package or key. Nothing is sent, so a model that is retired by the date of `clock` is
    a warning here.

    Raises:
        QuoteUnavailable: the size of the request is not known offline.
        UnknownProvider, MissingExtra, MissingKey: neither the provider nor its prices are here.
    """
    try:
        provider = registry.create(request.provider)
    except (UnknownProvider, MissingExtra, MissingKey):
        if request.provider not in _VENDORS:
            raise
        vendor: str | None = request.provider
        quote = make_quote(request, estimate=estimate_text(request), price_id=vendor)
    else:
        vendor = provider.vendor
        quote = make_quote(
            request,
            estimate=provider.estimate(request),
            price_id=provider.price_id,
            local=provider.is_local,
        )
    return replace(quote, warnings=(*retirement_warnings(request, vendor, clock), *quote.warnings))


def make_quote(
    request: Request, *, estimate: Estimate, price_id: str | None, local: bool = False
) -> Quote:
    """Price an estimate.

    Args:
        estimate: the request's input tokens.
        price_id: the vendor in the price table; None: its prices are not known.
        local: the model runs on the user's own device, so that its cost depends on time.
    """
    warnings: list[Warning] = []
    limit = None if price_id is None else pricing.max_output_tokens(price_id, request.model)
    output = _output(request, limit, warnings)
    _check_context(request, estimate.input, price_id, warnings)
    tier = getattr(request.options, "service_tier", None)
    rates = None if price_id is None else pricing.rates_for(price_id, request.model, tier)
    cost = None if price_id is None else _cost(request, estimate.input, output, price_id, tier)
    ceiling = None
    if rates is None or cost is None:
        warnings.append(_no_cost(request, tier, local))
    elif request.settings.max_output_tokens or limit:
        ceiling = _ceiling(request, estimate, output.high, rates)
    return Quote(
        provider=request.provider,
        model=request.model,
        input_tokens=estimate.input,
        output_tokens=output,
        cost=cost,
        ceiling=ceiling,
        source="measured" if estimate.exact else "estimated",
        price_source=None if rates is None or cost is None else rates.source,
        warnings=tuple(warnings),
    )


def estimated_usage(
    provider: Provider, request: Request, partial: Response[Any], reported: Usage | None = None
) -> Usage:
    """The usage of a request whose answer broke off: what the vendor had `reported` by then,
    completed by the provider's estimate of the input and the size of what arrived. Unknown where
    nothing was reported and either of them cannot be estimated."""
    reported = reported or Usage()
    if reported.input.total is not None and reported.output.total is not None:
        return reported
    try:
        tokens = provider.estimate(request).input.expected
    except QuoteUnavailable:
        tokens = None
    answer = estimate_answer(request, (part for choice in partial.choices for part in choice.parts))
    input_usage = InputUsage(total=tokens) if reported.input.total is None else reported.input
    output_usage = OutputUsage(total=answer) if reported.output.total is None else reported.output
    if input_usage.total is None or output_usage.total is None:
        return reported
    return replace(reported, input=input_usage, output=output_usage, source="estimated")


def _output(request: Request, limit: int | None, warnings: list[Warning]) -> Range[int]:
    settings = request.settings
    thinks = settings.reasoning not in {None, "none", "minimal"}
    assumed_tokens = _THOUGHT if thinks else _ANSWER
    maximum = settings.max_output_tokens or limit or _LONG_ANSWER
    if settings.max_output_tokens is None or settings.max_output_tokens > assumed_tokens:
        warnings.append(
            Warning(
                "output_assumed",
                f"the length of an answer is not known before: {assumed_tokens} tokens are assumed",
                "max_output_tokens",
            )
        )
    each = settings.choices
    return Range(each, min(assumed_tokens, maximum) * each, maximum * each)


def _check_context(
    request: Request, tokens: Range[int], price_id: str | None, warnings: list[Warning]
) -> None:
    window = None if price_id is None else pricing.context_window(price_id, request.model)
    if window is not None and tokens.low > window:
        warnings.append(
            Warning(
                "context_too_long",
                f"at least {tokens.low} tokens, and {request.name} takes {window}",
                "prompt",
            )
        )


def _cost(
    request: Request, tokens: Range[int], answer: Range[int], price_id: str, tier: str | None
) -> Range[Decimal] | None:
    bills = [
        pricing.price(
            price_id,
            request.model,
            Usage(
                input=InputUsage(total=input_tokens),
                output=OutputUsage(total=output_tokens),
                source="estimated",
                service_tier=tier,
            ),
        )
        for input_tokens, output_tokens in (
            (tokens.low, answer.low),
            (tokens.expected, answer.expected),
            (tokens.high, answer.high),
        )
    ]
    totals = [bill.total for bill in bills if bill is not None]
    return Range(*totals) if len(totals) == len(bills) else None


def _ceiling(
    request: Request, estimate: Estimate, most_out: int, rates: pricing.Rates
) -> Decimal | None:
    try:
        most_in = estimate.input.high if estimate.exact else most_tokens(request)
    except QuoteUnavailable:
        return None
    most_in = max(most_in, estimate.input.high)
    prices = rates.at(most_in)
    media = {f"output {kind}" for kind in request.settings.modalities if kind != "text"}
    if not media <= prices.keys():
        return None
    dearest_in = max(prices[kind] for kind in _TEXT_IN if kind in prices)
    dearest_out = max(prices[kind] for kind in {*_TEXT_OUT, *media} if kind in prices)
    once = prices.get("request", Decimal(0))
    return most_in * dearest_in + most_out * dearest_out + once


def _no_cost(request: Request, tier: str | None, local: bool) -> Warning:
    if local:
        return Warning(
            "local_cost_unknown_before_run",
            "a local answer costs the time it takes, which is not known before it has run",
            request.name,
        )
    at_tier = f" in the tier {tier!r}" if tier else ""
    return Warning("price_unknown", f"no price is known for {request.name}{at_tier}", request.name)
