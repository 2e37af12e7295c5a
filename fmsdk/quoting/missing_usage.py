"""The usage of an answer that came without it, estimated."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from fmsdk.errors import QuoteUnavailable
from fmsdk.provider import Provider
from fmsdk.quoting.estimate import estimate_answer
from fmsdk.request import Request
from fmsdk.response import Response
from fmsdk.result import Result
from fmsdk.transcription import TranscribeRequest
from fmsdk.usage import InputUsage, OutputUsage, Usage

__all__ = ["estimated_usage"]


def estimated_usage(
    provider: Provider,
    request: Request,
    result: Result,
    reported_usage: Usage | None = None,
) -> Usage:
    """The usage of a request whose answer broke off, or came without it: what the vendor had
    reported by then. What is missing in it is estimated: the input by the provider, the output by
    what arrived. Unknown if one of them is missing and cannot be estimated."""
    usage = reported_usage or Usage()
    input_usage, output_usage = usage.input, usage.output
    if input_usage.total is None and input_usage.audio_seconds is None:
        if isinstance(request, TranscribeRequest):
            input_usage = InputUsage(audio_seconds=request.audio.duration)
        else:
            with suppress(QuoteUnavailable):
                input_usage = InputUsage(total=provider.estimate(request).input.expected)
    if output_usage.total is None and isinstance(result, Response):
        parts = (part for choice in result.choices for part in choice.parts)
        output_usage = OutputUsage(total=estimate_answer(request, parts))
        if output_usage.total is None:
            return usage
    is_unknown = input_usage.total is None and input_usage.audio_seconds is None
    if is_unknown or (input_usage, output_usage) == (usage.input, usage.output):
        return usage
    return replace(usage, input=input_usage, output=output_usage, source="estimated")
