"""From a `Request` to the body of one of OpenAI's two APIs. Pure: no I/O but reading media.

One encoder per API serves plain and streamed answers. What a wire cannot carry raises
`UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fmsdk.content import Audio
from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_openai.dialect import Api, Dialect
from fmsdk_openai.encode.chat import chat_body
from fmsdk_openai.encode.request_builder import OpenAIRequestBuilder
from fmsdk_openai.encode.responses import MIN_OUTPUT_TOKENS, responses_body

__all__ = ["OpenAIEncoded", "encode", "route"]

# Models that OpenAI answers for on no other API (their pages at developers.openai.com).
_RESPONSES_ALONE = re.compile(r"-(pro|codex|deep-research)\b|^(codex|computer-use)-")
_PATHS: dict[Api, str] = {"chat": "/chat/completions", "responses": "/responses"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIEncoded(Encoded):
    """A request as it goes out: the API it goes to, and `audio_mime`, what a spoken answer would
    be."""

    api: Api
    audio_mime: str


def encode(request: Request, *, dialect: Dialect, api: Api | None, stream: bool) -> OpenAIEncoded:
    """The body for `request`.

    Args:
        dialect: how the server speaks.
        api: the API the user pinned; None routes by what the request holds.

    Raises:
        BadRequestError: something that no JSON can carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    builder = OpenAIRequestBuilder(request, dialect=dialect, stream=stream, api=api)
    builder.goes_to = chosen = route(builder.request, dialect=dialect, api=api)
    body = (chat_body if chosen == "chat" else responses_body)(builder)
    return OpenAIEncoded(
        path=_PATHS[chosen],
        body=builder.body(body),
        warnings=builder.warnings(),
        headers={**dialect.headers(request), **builder.options.extra_headers},
        api=chosen,
        audio_mime=builder.audio_mime,
    )


def route(request: Request, *, dialect: Dialect, api: Api | None) -> Api:
    """Which API takes this request: the pinned one; for other servers than OpenAI's Chat
    Completions; else Responses, unless the request holds what that API lacks."""
    if api is not None:
        return api
    if dialect.is_openai and _RESPONSES_ALONE.search(request.model):
        return "responses"
    settings = request.settings
    only_chat = (
        not dialect.is_openai
        or settings.stop
        or settings.seed is not None
        or settings.choices > 1
        or "audio" in settings.modalities
        or (settings.max_output_tokens or MIN_OUTPUT_TOKENS) < MIN_OUTPUT_TOKENS
        or any(isinstance(part, Audio) for part in request.media())
    )
    return "chat" if only_chat else "responses"
