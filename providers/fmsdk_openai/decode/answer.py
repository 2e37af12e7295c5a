"""What a decoder needs besides the bytes, and what the two APIs' answers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, cast

import msgspec

from fmsdk.response import TokenLogprob
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk.wire.read import Answer
from fmsdk_openai.dialect import Api, Charge

__all__ = ["Logprob", "OpenAIAnswer", "token_logprobs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIAnswer(Answer):
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


class Logprob(msgspec.Struct):
    """A token with its log probability, as both APIs send it."""

    token: str
    logprob: float
    top_logprobs: list[Logprob] | None = None


def token_logprobs(found: list[Logprob] | None) -> tuple[TokenLogprob, ...]:
    """The wire's token probabilities as fmsdk's."""
    return tuple(
        TokenLogprob(
            one.token, one.logprob, tuple((t.token, t.logprob) for t in one.top_logprobs or ())
        )
        for one in found or ()
    )


class _Details(msgspec.Struct):
    """How a token count splits. Servers fill in what they know."""

    text_tokens: int | None = None
    image_tokens: int | None = None
    audio_tokens: int | None = None
    video_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


_NO_DETAILS = _Details()


class _Usage(msgspec.Struct):
    """Chat says prompt and completion, Responses input and output."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    service_tier: str | None = None


def _usage(raw: object, service_tier: str | None) -> Usage:
    """The wire's usage, of either API; what it leaves out is None, and none at all "unknown".

    Input totals include cached tokens, output totals reasoning tokens, as on the wire.
    """
    if not isinstance(raw, dict):
        return Usage(service_tier=service_tier)
    kept = cast("dict[str, Any]", raw)
    try:
        told = msgspec.convert(kept, _Usage)
    except msgspec.ValidationError:
        return Usage(service_tier=service_tier, raw=kept)
    read_in = told.prompt_tokens_details or told.input_tokens_details or _NO_DETAILS
    made = told.completion_tokens_details or told.output_tokens_details or _NO_DETAILS
    total_in = told.input_tokens if told.prompt_tokens is None else told.prompt_tokens
    total_out = told.output_tokens if told.completion_tokens is None else told.completion_tokens
    return Usage(
        input=InputUsage(
            total=total_in,
            text=read_in.text_tokens,
            image=read_in.image_tokens,
            audio=read_in.audio_tokens,
            video=read_in.video_tokens,
            cache_read=read_in.cached_tokens,
            # A 0 stands beside models that know no cache writes, too, so that it tells nothing.
            cache_write=read_in.cache_write_tokens or None,
        ),
        output=OutputUsage(
            total=total_out,
            text=made.text_tokens,
            audio=made.audio_tokens,
            image=made.image_tokens,
            reasoning=made.reasoning_tokens,
        ),
        source="unknown" if total_in is None and total_out is None else "measured",
        service_tier=service_tier or told.service_tier,
        raw=kept,
    )


def _charged(raw: dict[str, Any], charge: Charge) -> Decimal | None:
    """US dollars that the server says it charged; None: it does not say."""
    told = _dollars(raw.get(charge))
    if charge == "cost_in_usd_ticks":
        return None if told is None else told.scaleb(-10)
    if told is None or not raw.get("is_byok"):
        return told
    # Keys of the user's own: the model's vendor charges beside OpenRouter.
    details: Any = raw.get("cost_details")
    upstream = _dollars(details.get("upstream_inference_cost") if details else None)
    return None if upstream is None else told + upstream


def _dollars(value: object) -> Decimal | None:
    is_amount = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return Decimal(repr(value)) if is_amount else None
