"""What a decoder needs besides the bytes, and what the two APIs' answers have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgspec

from fmsdk.request import Request
from fmsdk.response import TokenLogprob, Warning
from fmsdk.usage import InputUsage, OutputUsage, Usage
from fmsdk_openai.errors import Blame, invalid
from fmsdk_openai.options import Api

__all__ = ["Answer", "Logprob", "kept", "opaque_of", "read", "token_logprobs", "usage_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an answer before its body comes: the API and request it answers, the
    encoder's warnings, the `x-request-id` header, the MIME type of the audio asked for."""

    api: Api
    request: Request
    blame: Blame
    warnings: tuple[Warning, ...] = ()
    request_id: str | None = None
    audio_mime: str = "audio/wav"


class Logprob(msgspec.Struct):
    """A token with its log probability, as both APIs send it."""

    token: str
    logprob: float
    top_logprobs: list[Logprob] | None = None


def read(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw, blame: Blame) -> T:
    """Decode JSON. Raises InvalidResponse: cut off, not UTF-8, empty, or of another shape."""
    try:
        return decoder.decode(data)
    except ValueError as error:  # msgspec's own errors and UnicodeDecodeError alike
        what = "JSON that cannot be read" if len(data) else "an empty body"
        raise invalid(blame.provider, f"{what} ({error})") from error


def token_logprobs(found: list[Logprob] | None) -> tuple[TokenLogprob, ...]:
    """The wire's token probabilities as fmsdk's."""
    return tuple(
        TokenLogprob(
            one.token, one.logprob, tuple((t.token, t.logprob) for t in one.top_logprobs or ())
        )
        for one in found or ()
    )


def opaque_of(fields: dict[str, Any]) -> str:
    """What a vendor wants back with the next turn, as JSON text."""
    return msgspec.json.encode(fields).decode()


def kept(item: msgspec.Raw, blame: Blame) -> str:
    """A vendor's item to give back as it came, but for white space, which differs between whole
    bodies and streams. Raises InvalidResponse."""
    try:
        return msgspec.json.format(bytes(item), indent=-1).decode()
    except ValueError as error:
        raise invalid(blame.provider, f"an item that cannot be read ({error})") from error


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
