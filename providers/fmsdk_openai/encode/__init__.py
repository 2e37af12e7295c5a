"""From a `Request` to the body of one of OpenAI's two APIs. Pure: no I/O but reading media.

One encoder per API serves plain and streamed answers. What an API cannot carry raises
`UnsupportedContent` or `UnsupportedSetting`, or leaves a warning; nothing is dropped silently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fmsdk.content import Audio
from fmsdk.hosted.provider import Encoded
from fmsdk.request import Request
from fmsdk_openai.encode.chat import ChatEncoder
from fmsdk_openai.encode.responses import MIN_OUTPUT_TOKENS, ResponsesEncoder
from fmsdk_openai.server_dialect import Api, Dialect

__all__ = ["OpenAIRequest", "encode", "encode_count", "route"]

# Models that OpenAI serves only over Responses (their pages at developers.openai.com).
_ONLY_RESPONSES = re.compile(r"-(pro|codex|deep-research)\b|^(codex|computer-use)-")
_COUNT_PATH = "/responses/input_tokens"
# https://platform.openai.com/docs/api-reference/responses/input-tokens
_COUNTED_FIELDS = frozenset(
    {
        *("model", "input", "instructions", "tools", "tool_choice", "text", "reasoning"),
        *("parallel_tool_calls", "previous_response_id"),
    }
)
_PATHS: dict[Api, str] = {"chat": "/chat/completions", "responses": "/responses"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIRequest(Encoded):
    """A request ready to be sent. api: where it goes. audio_mime: the type of a spoken answer."""

    api: Api
    audio_mime: str


def encode(request: Request, *, dialect: Dialect, api: Api | None, stream: bool) -> OpenAIRequest:
    """The body for `request`.

    Args:
        dialect: how the server's API differs.
        api: the API that the user pinned; None routes by what the request holds.

    Raises:
        BadRequestError: a value that JSON cannot carry, or another provider's options.
        UnsupportedContent, UnsupportedSetting: what the API cannot carry.
    """
    target = route(request, dialect=dialect, api=api)
    encoder_class = ChatEncoder if target == "chat" else ResponsesEncoder
    encoder = encoder_class(request, dialect=dialect, stream=stream)
    body = encoder.encode_body()
    return OpenAIRequest(
        path=_PATHS[target],
        body=body,
        warnings=encoder.warnings(),
        headers={**dialect.headers(request), **encoder.options.extra_headers},
        api=target,
        audio_mime=encoder.audio_mime,
    )


def encode_count(request: Request, *, dialect: Dialect) -> OpenAIRequest:
    """The body for the endpoint that counts tokens, which takes what Responses takes. Raises as
    `encode` does."""
    encoder = ResponsesEncoder(request, dialect=dialect, stream=False)
    body = encoder.encode_counted_body(_COUNTED_FIELDS)
    return OpenAIRequest(
        path=_COUNT_PATH,
        body=body,
        warnings=encoder.warnings(),
        headers={**dialect.headers(request), **encoder.options.extra_headers},
        api="responses",
        audio_mime=encoder.audio_mime,
    )


def route(request: Request, *, dialect: Dialect, api: Api | None) -> Api:
    """Which API takes this request: the pinned one; for other servers than OpenAI's Chat
    Completions; else Responses, unless the request needs what only Chat Completions has."""
    if api is not None:
        return api
    if dialect.is_openai and _ONLY_RESPONSES.search(request.model):
        return "responses"
    settings = request.settings
    needs_chat = (
        not dialect.is_openai
        or settings.stop
        or settings.seed is not None
        or settings.choices > 1
        or "audio" in settings.modalities
        or (settings.max_output_tokens or MIN_OUTPUT_TOKENS) < MIN_OUTPUT_TOKENS
        or any(isinstance(part, Audio) for part in request.media())
    )
    return "chat" if needs_chat else "responses"
