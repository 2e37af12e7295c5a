"""What a decoder needs besides the bytes, and what the two APIs' answers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

import msgspec

from fmsdk.hosted.decoding import DecodeContext
from fmsdk.hosted.token_counts import Counts
from fmsdk.response import TokenLogprob
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk_openai.dialect import Api, Charge

__all__ = ["OpenAIDecodeContext", "json_text", "token_logprobs"]

_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
"""Where else DeepSeek, Together and Mistral tell of cached tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIDecodeContext(DecodeContext):
    """What is known before the body: the API too, the MIME type of the audio asked for, and how
    the usage tells what was charged."""

    api: Api
    audio_mime: str = "audio/wav"
    charge: Charge | None = None

    def usage(
        self, raw: object, service_tier: str | None, tools: Mapping[str, int] | None = None
    ) -> Usage:
        """The wire's usage, with the calls of the vendor's own `tools`, and with what the server
        says that it charged."""
        usage = replace(_usage(raw, service_tier), server_tools=tools)
        if self.charge is None or usage.raw is None:
            return usage
        return replace(usage, charged=_charged(usage.raw, self.charge))


class _Logprob(msgspec.Struct):
    """A token with its log probability, as both APIs send it."""

    token: str
    logprob: float
    top_logprobs: list[_Logprob] | None = None


def json_text(arguments: object) -> str:
    """A call's arguments as JSON text, which is how most servers send them; "" for none."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()


def token_logprobs(told: object) -> tuple[TokenLogprob, ...]:
    """The wire's token probabilities as fmsdk's. None of those of another shape (Together's bare
    numbers), which are no reason to refuse an answer."""
    try:
        found = msgspec.convert(told, list[_Logprob]) if told else ()
    except msgspec.ValidationError:
        return ()
    return tuple(
        TokenLogprob(
            one.token, one.logprob, tuple((t.token, t.logprob) for t in one.top_logprobs or ())
        )
        for one in found
    )


def _usage(raw: object, service_tier: str | None) -> Usage:
    """The wire's usage, of either API (Chat says prompt and completion, Responses input and
    output); what it leaves out is None, and none at all "unknown".

    Input totals include cached tokens, output totals reasoning tokens, as on the wire.
    """
    told = Counts(raw)
    if not told:
        return Usage(service_tier=service_tier)
    read_in = (
        told.under("prompt_tokens_details")
        or told.under("input_tokens_details")
        or told.under("prompt_token_details")  # Mistral has both spellings
    )
    made = told.under("completion_tokens_details") or told.under("output_tokens_details")
    total_in = _first(told["prompt_tokens"], told["input_tokens"])
    total_out = _output_total(told, total_in or 0, made["reasoning_tokens"])
    return Usage(
        input=InputUsage(
            total=total_in,
            text=read_in["text_tokens"],
            image=read_in["image_tokens"],
            audio=read_in["audio_tokens"],
            video=read_in["video_tokens"],
            cache_read=_first(read_in["cached_tokens"], *(told[name] for name in _CACHED)),
            # A 0 stands beside models that know no cache writes, too, so that it tells nothing.
            cache_write=read_in["cache_write_tokens"] or None,
        ),
        output=OutputUsage(
            total=total_out,
            text=made["text_tokens"],
            audio=made["audio_tokens"],
            image=made["image_tokens"],
            reasoning=made["reasoning_tokens"],
        ),
        source="unknown" if total_in is None and total_out is None else "measured",
        service_tier=service_tier or told.word("service_tier"),
        raw=cast("dict[str, Any]", raw),
    )


def _output_total(told: Counts, total_in: int, reasoning: int | None) -> int | None:
    """Grok's `completion_tokens` leave reasoning out, as its `total_tokens` shows."""
    made = _first(told["completion_tokens"], told["output_tokens"])
    if made is None or not reasoning or told["total_tokens"] != total_in + made + reasoning:
        return made
    return made + reasoning


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _charged(raw: dict[str, Any], charge: Charge) -> Decimal | None:
    """US dollars that the server says it charged; None: it does not say."""
    told = _dollars(raw.get(charge))
    if charge == "cost_in_usd_ticks":
        return None if told is None else told.scaleb(-10)
    if told is None or not raw.get("is_byok"):
        return told
    # Keys of the user's own: the model's vendor charges beside OpenRouter.
    details = raw.get("cost_details")
    beside = cast("dict[str, Any]", details) if isinstance(details, dict) else {}
    upstream = _dollars(beside.get("upstream_inference_cost"))
    return None if upstream is None else told + upstream


def _dollars(value: object) -> Decimal | None:
    is_amount = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return Decimal(repr(value)) if is_amount else None
