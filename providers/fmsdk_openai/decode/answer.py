"""What a decoder needs besides the bytes, and what the two APIs' answers have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import msgspec

from fmsdk.response import TokenLogprob
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk.wire.read import Answer
from fmsdk_openai.options import Api

__all__ = ["Logprob", "OpenAIAnswer", "token_logprobs", "usage_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIAnswer(Answer):
    """What is known before the body: the API too, and the MIME type of the audio asked for."""

    api: Api
    audio_mime: str = "audio/wav"


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


def usage_of(raw: object, service_tier: str | None) -> Usage:
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
            cache_write=read_in.cache_write_tokens,
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
