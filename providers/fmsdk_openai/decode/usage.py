"""The usage of both of OpenAI's APIs as `Usage`, with what the server says that it charged."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from fmsdk.hosted.token_counts import TokenCounts
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk_openai.server_dialect import Charge

__all__ = ["billed_cost", "decode_usage"]

_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
"""Where else DeepSeek, Together and Mistral put cached tokens."""


def decode_usage(
    raw: object,
    service_tier: str | None,
    *,
    charge: Charge | None,
    server_tools: Mapping[str, int] | None = None,
) -> Usage:
    """The usage of an answer. Counts that it leaves out are None; without any it is "unknown".

    Chat Completions says prompt and completion, Responses input and output. Input totals include
    cached tokens, output totals reasoning tokens, as at OpenAI.

    Args:
        charge: the field in which the server says what it charged.
        server_tools: how often the vendor's own tools ran.
    """
    counts = TokenCounts(raw)
    if not counts:
        return Usage(service_tier=service_tier, server_tools=server_tools)
    fields = cast("dict[str, Any]", raw)
    input_details = (
        counts.nested("prompt_tokens_details")
        or counts.nested("input_tokens_details")
        or counts.nested("prompt_token_details")  # Mistral has both spellings
    )
    output_details = counts.nested("completion_tokens_details") or counts.nested(
        "output_tokens_details"
    )
    reasoning = output_details["reasoning_tokens"]
    input_total = _first(counts["prompt_tokens"], counts["input_tokens"])
    output_total = _first(counts["completion_tokens"], counts["output_tokens"])
    if output_total is not None and reasoning:
        # Grok's `completion_tokens` leave reasoning out, as its `total_tokens` shows.
        sum_with_reasoning = (input_total or 0) + output_total + reasoning
        if counts["total_tokens"] == sum_with_reasoning:
            output_total += reasoning
    return Usage(
        input=InputUsage(
            total=input_total,
            text=input_details["text_tokens"],
            image=input_details["image_tokens"],
            audio=input_details["audio_tokens"],
            video=input_details["video_tokens"],
            cache_read=_first(input_details["cached_tokens"], *(counts[name] for name in _CACHED)),
            # A 0 also stands beside models without cache writes, so that it says nothing.
            cache_write=input_details["cache_write_tokens"] or None,
        ),
        output=OutputUsage(
            total=output_total,
            text=output_details["text_tokens"],
            audio=output_details["audio_tokens"],
            image=output_details["image_tokens"],
            reasoning=reasoning,
        ),
        source="unknown" if input_total is None and output_total is None else "measured",
        service_tier=service_tier or counts.text("service_tier"),
        server_tools=server_tools,
        charged=billed_cost(fields, charge) if charge else None,
        raw=fields,
    )


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def billed_cost(raw: dict[str, Any], charge: Charge) -> Decimal | None:
    """US dollars that the server says it charged; None where it does not say."""
    amount = _dollars(raw.get(charge))
    if amount is None:
        return None
    if charge == "cost_in_usd_ticks":
        return amount.scaleb(-10)
    if not raw.get("is_byok"):
        return amount
    # With keys of the user's own, the model's vendor charges beside OpenRouter.
    details = raw.get("cost_details")
    fields = cast("dict[str, Any]", details) if isinstance(details, dict) else {}
    upstream = _dollars(fields.get("upstream_inference_cost"))
    return None if upstream is None else amount + upstream


def _dollars(value: object) -> Decimal | None:
    is_amount = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return Decimal(repr(value)) if is_amount else None
